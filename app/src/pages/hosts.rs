//! Hosts: everybody sees where runs can go; who manages hosts adds, changes and deletes them.

use domain::host::{DEFAULT_PORT, DEFAULT_ROLES, LoginCheck, Pinned};
use domain::{CredentialKind, CredentialSummary, HostDetails, HostId, HostSummary, Role};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::api::credentials::list_credentials;
use crate::api::hosts::{CheckHost, CreateHost, DeleteHost, PinHostKey, UpdateHost, list_hosts};
use crate::components::area::area_text;
use crate::components::block_editor::common::focus_soon;
use crate::components::confirm::Confirm;
use crate::components::icon::Icon;
use crate::components::notice::{ErrorPage, Outcome};
use crate::components::page_head::PageHead;
use crate::components::time::When;
use crate::error::Result;
use crate::state::host_form::HostForm;

/// `/hosts`; `?edit=<id>` opens the form of one.
#[component]
pub fn HostsPage() -> impl IntoView {
    let create = ServerAction::<CreateHost>::new();
    let update = ServerAction::<UpdateHost>::new();
    let delete = ServerAction::<DeleteHost>::new();
    let check = ServerAction::<CheckHost>::new();
    let pin = ServerAction::<PinHostKey>::new();
    let versions = move || (create.version().get(), update.version().get(), delete.version().get(), pin.version().get());
    let list = Resource::new_blocking(versions, |_| list_hosts());
    let query = use_query_map();
    let edited = Memo::new(move |_| query.with(|query| query.get_str("edit").and_then(|id| id.parse::<HostId>().ok())));
    // What is typed stays when it is refused: only another host, or one that was added, brings another form.
    let added = RwSignal::new(0_u32);
    Effect::new(move |_| {
        if create.value().with(|made| matches!(made, Some(Ok(_)))) {
            added.update(|count| *count += 1);
        }
    });
    let form = Resource::new_blocking(move || (edited.get(), added.get()), |(edited, added)| form(edited, added));
    view! {
        <div class="page">
            <Transition>
                {move || Suspend::new(async move {
                    match list.await {
                        Ok(list) => view! {
                            <PageHead title="Hosts" count=list.len().to_string()/>
                            <Outcome action=delete/>
                            <Outcome action=check/>
                            <Outcome action=pin/>
                            <Checked list=list.clone() check=check pin=pin/>
                            <Table list=list delete=delete check=check/>
                        }
                        .into_any(),
                        Err(error) => view! { <ErrorPage error=error/> }.into_any(),
                    }
                })}
            </Transition>
            <Transition>
                {move || Suspend::new(async move {
                    let shown = form.await.ok().flatten();
                    // By key, so that nothing typed for one host is left over in the form of the next.
                    view! {
                        <For each=move || shown.clone() key=|shown| (shown.host.as_ref().map(|host| host.id), shown.added) let(shown)>
                            {match shown.host {
                                None => view! { <New credentials=shown.credentials create=create/> }.into_any(),
                                Some(host) => view! { <Edit host=host credentials=shown.credentials update=update/> }.into_any(),
                            }}
                        </For>
                    }
                })}
            </Transition>
        </div>
    }
}

/// What the form is made of.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Shown {
    /// The host that is edited; none for a new one.
    host: Option<HostSummary>,
    /// How many were added since the page came.
    added: u32,
    credentials: Vec<CredentialSummary>,
}

/// None for those who do not manage hosts.
async fn form(edited: Option<HostId>, added: u32) -> Result<Option<Shown>> {
    let hosts = list_hosts().await?;
    if hosts.iter().all(|host| host.details.is_none()) {
        return Ok(None);
    }
    let host = hosts.into_iter().find(|host| Some(host.id) == edited);
    Ok(Some(Shown { host, added, credentials: list_credentials().await? }))
}

#[component]
fn Table(list: Vec<HostSummary>, delete: ServerAction<DeleteHost>, check: ServerAction<CheckHost>) -> impl IntoView {
    let detailed = list.iter().any(|host| host.details.is_some());
    let rows = list.into_iter().map(|host| view! { <Row host=host delete=delete check=check/> });
    view! {
        <div class="card">
            <table class="table table--stack hosts">
                <thead><tr>
                    <th scope="col">"Name"</th>
                    {detailed.then(|| view! { <th scope="col">"Reached as"</th> })}
                    <th scope="col">"May run here"</th><th scope="col">"Tags"</th>
                    {detailed.then(|| view! {
                        <th scope="col">"Changed"</th><th scope="col"><span class="visually-hidden">"Actions"</span></th>
                    })}
                </tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
}

#[component]
fn Row(host: HostSummary, delete: ServerAction<DeleteHost>, check: ServerAction<CheckHost>) -> impl IntoView {
    let is_local = host.is_local();
    let roles = host.roles.iter().map(|role| view! { <span class="tag">{role.as_str()}</span> }).collect_view();
    let nobody = host.roles.is_empty().then(|| view! { <span class="warn-t">"Nobody"</span> });
    let tags = host.tags.iter().map(|tag| view! { <span class="tag">{tag.clone()}</span> }).collect_view();
    let (id, name) = (host.id, host.name.clone());
    let (edit, label) = (format!("/hosts?edit={id}#host-form"), format!("Edit {name}"));
    let (checked, deleted) = (format!("Check {name}"), name.clone());
    // Only the row that is looked at waits; whoever asks about another host meanwhile gets that one's answer.
    let (pending, asked) = (check.pending(), check.input());
    let looking = Memo::new(move |_| pending.get() && asked.with(|asked| asked.as_ref().is_some_and(|asked| asked.id == id)));
    let looked_at = name.clone();
    let acts = (!is_local).then(|| {
        view! {
            // Always there, so that what comes into it is read aloud.
            <span class="host__looking faint small-text" role="status">{move || looking.get().then(|| view! {
                <Icon icon=icondata_lu::LuLoaderCircle class="spin"/><span>{format!("Looking at {looked_at}…")}</span>
            })}</span>
            <ActionForm action=check>
                <input type="hidden" name="id" value=id.to_string()/>
                <button class="btn small" aria-label=checked disabled=looking aria-busy=move || looking.get().then_some("true")>"Check"</button>
            </ActionForm>
            <Delete id=id name=deleted delete=delete/>
        }
    });
    view! {
        <tr>
            <td><div class="host">
                <b>{name.clone()}</b>
                {host.note.map(|note| view! { <div class="faint small-text">{note}</div> })}
                {host.description.map(|text| view! { <div class="muted small-text">{text}</div> })}
            </div></td>
            {host.details.clone().map(|details| view! { <td data-label="Reached as"><Reached details=details is_local=is_local/></td> })}
            <td data-label="May run here"><div class="tags">{roles}{nobody}</div></td>
            <td data-label="Tags"><div class="tags">{tags}</div></td>
            {host.details.map(|details| view! {
                <td data-label="Changed"><div><When at=details.updated_at/><span class="faint">" by "{details.updated_by}</span></div></td>
                <td><div class="table__acts"><a class="btn small" href=edit aria-label=label>"Edit"</a>{acts}</div></td>
            })}
        </tr>
    }
}

/// What the last look at a host found, and the way to pin the key that it shows.
#[component]
fn Checked(list: Vec<HostSummary>, check: ServerAction<CheckHost>, pin: ServerAction<PinHostKey>) -> impl IntoView {
    let found = check.value();
    move || {
        let Some(Ok((id, result))) = found.get() else { return ().into_any() };
        let host = list.iter().find(|host| host.id == id);
        let name = host.map(|host| host.name.clone()).unwrap_or_default();
        let pinned = host.and_then(|host| host.details.as_ref()?.fingerprint.clone());
        let reached = match (&result.unreachable, result.latency_ms) {
            (Some(why), _) => fact(false, why.clone()),
            (None, Some(latency)) => fact(true, format!("Answers within {} ms", latency.max(1))),
            (None, None) => fact(true, "Answers".to_owned()),
        };
        let key = result.key.map(|key| {
            // It may have been pinned since it was shown.
            let standing = if pinned.as_ref() == Some(&key.fingerprint) { Pinned::Same } else { key.pinned };
            let said = match standing {
                Pinned::Same => fact(true, format!("Shows the pinned key, {}", key.fingerprint)),
                Pinned::Differs => fact(false, format!("Shows another key than the pinned one: {}", key.fingerprint)),
                Pinned::None => fact(false, format!("Shows a key that nobody has pinned: {}", key.fingerprint)),
            };
            let warning = (standing == Pinned::Differs).then(|| view! {
                <p class="bad-t">"Somebody may be in between, or the host was set up anew. Do not pin this key before you know which."</p>
            });
            let label = format!("Pin this key for {name}");
            let offer = (standing != Pinned::Same).then(|| view! {
                <p class="muted">"Compare it with what the host itself says: "<code>"ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"</code></p>
                <ActionForm action=pin>
                    <input type="hidden" name="id" value=id.to_string()/>
                    <input type="hidden" name="host_key" value=key.line/>
                    <button class="btn small">{label}</button>
                </ActionForm>
            });
            view! { {said}{warning}{offer} }
        });
        let login = result.login.map(|login| match login {
            LoginCheck::Accepted => fact(true, "Lets us in".to_owned()),
            LoginCheck::Refused(why) => fact(false, why),
        });
        view! {
            <section class="card card--pad" role="status" aria-label=format!("Check of {name}")>
                <h2>{format!("Check of “{name}”")}</h2>
                {reached}{key}{login}
            </section>
        }
        .into_any()
    }
}

fn fact(good: bool, text: String) -> impl IntoView {
    let (class, icon) = if good { ("ok-t", icondata_lu::LuCheck) } else { ("bad-t", icondata_lu::LuX) };
    view! { <p class="row"><Icon icon=icon class=class/><span>{text}</span></p> }
}

/// Address, user and the key it must show.
#[component]
fn Reached(details: HostDetails, is_local: bool) -> impl IntoView {
    if is_local {
        return view! { <span class="faint">"Not over the network"</span> }.into_any();
    }
    // An IPv6 address would run into its port.
    let address = if details.address.contains(':') { format!("[{}]", details.address) } else { details.address };
    let port = if details.port == DEFAULT_PORT { String::new() } else { format!(":{}", details.port) };
    let key = match details.fingerprint {
        Some(fingerprint) => {
            let whole = fingerprint.clone();
            view! { <div class="faint small-text mono host__key" title=whole>{fingerprint}</div> }.into_any()
        }
        None => view! { <div class="small-text warn-t">"No host key yet: nothing can connect"</div> }.into_any(),
    };
    view! { <div class="host"><span class="mono">{format!("{}@{address}{port}", details.user)}</span>{key}</div> }.into_any()
}

#[component]
fn Delete(id: HostId, name: String, delete: ServerAction<DeleteHost>) -> impl IntoView {
    view! {
        <Confirm of=id.to_string() label="Delete…" class="small danger" consequence="Runs that would touch it are refused from then on. What ran there stays readable.">
            <ActionForm action=delete>
                <input type="hidden" name="id" value=id.to_string()/>
                <label class="check"><input type="checkbox" name="force" value="true"/><span>"Even if runbooks use it"</span></label>
                <button class="btn small danger primary">{format!("Delete “{name}”")}</button>
            </ActionForm>
        </Confirm>
    }
}

#[component]
fn New(credentials: Vec<CredentialSummary>, create: ServerAction<CreateHost>) -> impl IntoView {
    let pending = create.pending();
    view! {
        <section class="card card--pad" id="host-form" aria-labelledby="host-heading">
            <h2 id="host-heading">"New host"</h2>
            <Outcome action=create/>
            <ActionForm action=create attr:class="form" attr:autocomplete="off">
                <Fields form=HostForm::blank() is_local=false credentials=credentials/>
                <div class="form__actions"><button class="btn primary" disabled=pending>"Add host"</button></div>
            </ActionForm>
        </section>
    }
}

#[component]
fn Edit(host: HostSummary, credentials: Vec<CredentialSummary>, update: ServerAction<UpdateHost>) -> impl IntoView {
    let pending = update.pending();
    let is_local = host.is_local();
    Effect::new(move |_| focus_soon(if is_local { "host-description" } else { "host-name" }.to_owned()));
    view! {
        <section class="card card--pad" id="host-form" aria-labelledby="host-heading">
            <h2 id="host-heading">{format!("Edit “{}”", host.name)}</h2>
            <Outcome action=update/>
            <ActionForm action=update attr:class="form" attr:autocomplete="off">
                <input type="hidden" name="id" value=host.id.to_string()/>
                <Fields form=HostForm::from(&host) is_local=is_local credentials=credentials/>
                <div class="form__actions">
                    <button class="btn primary" disabled=pending>{format!("Save “{}”", host.name)}</button>
                    <a class="btn" href="/hosts">"Cancel"</a>
                </div>
            </ActionForm>
        </section>
    }
}

/// What can be said of a host; of the server itself, not how it is reached.
#[component]
fn Fields(form: HostForm, is_local: bool, credentials: Vec<CredentialSummary>) -> impl IntoView {
    let name = if is_local {
        view! { <input type="hidden" name="host[name]" value=form.name/> }.into_any()
    } else {
        view! {
            <div class="field">
                <label for="host-name">"Name"</label>
                <input id="host-name" name="host[name]" class="mono" value=form.name required=true maxlength="253" placeholder="web-1" spellcheck="false" aria-describedby="host-name-hint"/>
                <p class="field__hint" id="host-name-hint">"What blocks call it."</p>
            </div>
        }
        .into_any()
    };
    let reached = (!is_local).then(|| {
        view! {
            <div class="grid">
                <div class="field">
                    <label for="host-address">"Address"</label>
                    <input id="host-address" name="host[address]" class="mono" value=form.address required=true placeholder="web-1.example.net" spellcheck="false"/>
                </div>
                <div class="field">
                    <label for="host-port">"Port"</label>
                    <input id="host-port" name="host[port]" class="mono" value=form.port inputmode="numeric" placeholder=DEFAULT_PORT.to_string()/>
                </div>
                <div class="field">
                    <label for="host-user">"User"</label>
                    <input id="host-user" name="host[user]" class="mono" value=form.user required=true placeholder="deploy" autocapitalize="none" spellcheck="false"/>
                </div>
                <CredentialPicker current=form.credential credentials=credentials/>
            </div>
            <div class="field">
                <label for="host-key">"Host key"</label>
                <textarea id="host-key" name="host[host_key]" class="mono" rows="2" spellcheck="false" placeholder="ssh-ed25519 AAAA…" aria-describedby="host-key-hint">{area_text(form.host_key)}</textarea>
                <p class="field__hint" id="host-key-hint">"The public key that the host must show, one line as OpenSSH writes it. Nothing connects to a host that shows another."</p>
            </div>
        }
    });
    view! {
        <div class="grid grid--wide">
            {name}
            <div class="field">
                <label for="host-description">"Description"<span class="faint">" (optional)"</span></label>
                <input id="host-description" name="host[description]" value=form.description maxlength="500"/>
            </div>
        </div>
        {reached}
        <RoleBoxes ticked=form.roles/>
        <div class="grid grid--wide">
            <div class="field">
                <label for="host-tags">"Tags"<span class="faint">" (optional)"</span></label>
                <input id="host-tags" name="host[tags]" value=form.tags placeholder="production, web"/>
            </div>
            <div class="field">
                <label for="host-env">"Environment"<span class="faint">" (optional)"</span></label>
                <textarea id="host-env" name="host[env]" class="mono" rows="2" spellcheck="false" placeholder="NAME=value" aria-describedby="host-env-hint">{form.env}</textarea>
                <p class="field__hint" id="host-env-hint">"One variable a line. Not for secrets: those are credentials."</p>
            </div>
        </div>
    }
}

#[component]
fn CredentialPicker(current: String, credentials: Vec<CredentialSummary>) -> impl IntoView {
    let mut options: Vec<(String, String)> = vec![(String::new(), "None".to_owned())];
    let ssh = credentials.into_iter().filter(|credential| credential.kind == CredentialKind::Ssh);
    options.extend(ssh.map(|credential| (credential.id.to_string(), credential.name)));
    if !options.iter().any(|(id, _)| *id == current) {
        options.push((current.clone(), "One that was deleted".to_owned()));
    }
    let options = options.into_iter().map(|(id, name)| {
        let selected = id == current;
        view! { <option value=id selected=selected>{name}</option> }
    });
    view! {
        <div class="field">
            <label for="host-credential">"Credential"</label>
            <select id="host-credential" name="host[credential]" aria-describedby="host-credential-hint">{options.collect_view()}</select>
            <p class="field__hint" id="host-credential-hint">"An SSH key or password from "<a class="link" href="/credentials">"Credentials"</a></p>
        </div>
    }
}

#[component]
fn RoleBoxes(ticked: Vec<Role>) -> impl IntoView {
    let boxes = DEFAULT_ROLES.map(|role| {
        let checked = ticked.contains(&role);
        view! { <label class="check"><input type="checkbox" name="host[roles][]" value=role.as_str() checked=checked/><span>{role.as_str()}</span></label> }
    });
    view! {
        <fieldset class="boxes">
            <legend>"Who may run here"</legend>
            {boxes.into_iter().collect_view()}
        </fieldset>
    }
}
