//! Stored credentials: listed without their secrets, added, deleted.

use domain::{CredentialKind, CredentialSummary};
use leptos::prelude::*;

use crate::api::credentials::{CreateCredential, DeleteCredential, list_credentials};
use crate::components::confirm::Confirm;
use crate::components::icon::Icon;
use crate::components::notice::{ErrorPage, Outcome};
use crate::components::page_head::PageHead;
use crate::components::time::When;

/// `/credentials`.
#[component]
pub fn CredentialsPage() -> impl IntoView {
    let create = ServerAction::<CreateCredential>::new();
    let delete = ServerAction::<DeleteCredential>::new();
    let stored = RwSignal::new(0_u32);
    Effect::new(move |_| {
        if create.value().with(|made| matches!(made, Some(Ok(_)))) {
            stored.update(|count| *count += 1);
        }
    });
    let list = Resource::new_blocking(move || (create.version().get(), delete.version().get()), |_| list_credentials());
    view! {
        <Transition>
            {move || Suspend::new(async move {
                match list.await {
                    Ok(list) => view! {
                        <div class="page">
                            <PageHead title="Credentials" count=list.len().to_string()/>
                            <Outcome action=delete/>
                            <Table list=list delete=delete/>
                            // A form of its own for each, so that no secret stays in one that was stored.
                            <For each=move || [stored.get()] key=|count| *count let(_)>
                                <New create=create/>
                            </For>
                        </div>
                    }
                    .into_any(),
                    Err(error) => view! { <ErrorPage error=error/> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn Table(list: Vec<CredentialSummary>, delete: ServerAction<DeleteCredential>) -> impl IntoView {
    if list.is_empty() {
        return view! {
            <div class="empty"><Icon icon=icondata_lu::LuKeyRound class="icon--big"/><h2>"No credentials yet"</h2>
                <p>"Store a token or key once; blocks use it by name and nobody sees it again."</p></div>
        }
        .into_any();
    }
    let rows = list.into_iter().map(|credential| view! { <Row credential=credential delete=delete/> });
    view! {
        <div class="card">
            <table class="table table--stack">
                <thead><tr>
                    <th scope="col">"Name"</th><th scope="col">"Type"</th><th scope="col">"Stored"</th><th scope="col">"Last used"</th>
                    <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                </tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

#[component]
fn Row(credential: CredentialSummary, delete: ServerAction<DeleteCredential>) -> impl IntoView {
    let used = match (credential.last_used_at, credential.last_used_by) {
        (Some(at), Some(run)) => {
            view! { <span><When at=at/>" "<a class="link" href=format!("/runs/{run}")>"by a run"</a></span> }.into_any()
        }
        (Some(at), None) => view! { <When at=at/> }.into_any(),
        (None, _) => view! { <span class="faint">"Never"</span> }.into_any(),
    };
    let name = credential.name;
    view! {
        <tr>
            <td><div>
                <b>{name.clone()}</b><div class="faint small-text mono">{credential.id.to_string()}</div>
                {credential.secret_lost_at.map(|at| view! {
                    <div class="bad-t small-text">"Secret lost "<When at=at/>": store it anew under the same name."</div>
                })}
            </div></td>
            <td data-label="Type"><span class="tag">{kind_label(credential.kind)}</span></td>
            <td data-label="Stored"><span><When at=credential.created_at/><span class="faint">" by "{credential.created_by}</span></span></td>
            <td data-label="Last used">{used}</td>
            <td><div class="table__acts">
                <Confirm of=credential.id.to_string() label="Delete…" class="small danger" consequence="The secret is gone for good. Runbooks and hosts that use it will fail.">
                    <ActionForm action=delete>
                        <input type="hidden" name="id" value=credential.id.to_string()/>
                        <label class="check"><input type="checkbox" name="force" value="true"/><span>"Even if runbooks or hosts use it"</span></label>
                        <button class="btn small danger primary">{format!("Delete “{name}”")}</button>
                    </ActionForm>
                </Confirm>
            </div></td>
        </tr>
    }
}

#[component]
fn New(create: ServerAction<CreateCredential>) -> impl IntoView {
    let pending = create.pending();
    // Until the page is live nobody knows what is chosen, and every field stands there with its hint.
    let kind = RwSignal::new(None::<String>);
    let chosen = NodeRef::<leptos::html::Select>::new();
    Effect::new(move |_| {
        if let Some(select) = chosen.get() {
            kind.set(Some(select.value()));
        }
    });
    // What is not shown is not sent either.
    let is_not = move |of: CredentialKind| kind.with(|kind| kind.as_deref().is_some_and(|kind| kind != of.as_str()));
    let (no_user, no_passphrase) = (move || is_not(CredentialKind::Api), move || is_not(CredentialKind::Ssh));
    view! {
        <section class="card card--pad" aria-labelledby="new-credential">
            <h2 id="new-credential">"New credential"</h2>
            <Outcome action=create/>
            <ActionForm action=create attr:class="form form--narrow" attr:autocomplete="off">
                <div class="grid">
                    <div class="field">
                        <label for="name">"Name"</label>
                        <input id="name" name="name" required=true maxlength="100" autocomplete="off" placeholder="pagerduty-token"/>
                    </div>
                    <div class="field">
                        <label for="kind">"Type"</label>
                        <select id="kind" name="kind" node_ref=chosen on:change=move |event| kind.set(Some(event_target_value(&event)))>
                            <option value="api">{kind_label(CredentialKind::Api)}</option>
                            <option value="ssh">{kind_label(CredentialKind::Ssh)}</option>
                        </select>
                    </div>
                </div>
                <div class="field">
                    <label for="secret">"Secret"</label>
                    <textarea id="secret" name="secret" class="mono" rows="3" required=true autocomplete="off" spellcheck="false" aria-describedby="secret-hint"></textarea>
                    <p class="field__hint" id="secret-hint">"Encrypted before it is stored. It is never shown again, and masked in all output."</p>
                </div>
                <div class="grid">
                    <div class="field" hidden=no_user>
                        <label for="username">"User"</label>
                        <input id="username" name="username" disabled=no_user maxlength="200" autocomplete="off" spellcheck="false" aria-describedby="username-hint"/>
                        <p class="field__hint" id="username-hint">"For an API with basic authentication; the secret is the password then."</p>
                    </div>
                    <div class="field" hidden=no_passphrase>
                        <label for="passphrase">"Passphrase"</label>
                        <input id="passphrase" name="passphrase" type="password" autocomplete="off" disabled=no_passphrase aria-describedby="passphrase-hint"/>
                        <p class="field__hint" id="passphrase-hint">"Where the SSH key is protected by one."</p>
                    </div>
                </div>
                <div class="form__actions"><button class="btn primary" disabled=pending>"Store credential"</button></div>
            </ActionForm>
        </section>
    }
}

const fn kind_label(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Ssh => "SSH key or password",
        CredentialKind::Api => "API token or secret",
    }
}
