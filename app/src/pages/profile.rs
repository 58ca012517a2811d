//! One's own account: password, where one is signed in, API keys.

use domain::{ApiKeySummary, Permission, Scope, SessionSummary};
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos_router::hooks::use_query_map;

use crate::api::account::{ChangePassword, CreateApiKey, EndSession, EndSessions, RevokeApiKey, list_api_keys, list_sessions};
use crate::components::confirm::Confirm;
use crate::components::icon::Icon;
use crate::components::notice::{ErrorPage, Outcome};
use crate::components::page_head::PageHead;
use crate::components::shown_once::{ShownOnce, count_successes, kept_once, show_result};
use crate::components::time::When;
use crate::use_me;

/// `/profile`.
#[component]
pub fn ProfilePage() -> impl IntoView {
    let me = use_me();
    view! {
        <div class="page">
            <Transition>
                {move || Suspend::new(async move {
                    match me.await {
                        Ok(Some(me)) => view! { <PageHead title="Profile" count=format!("{}, {}", me.username, me.role)/> }.into_any(),
                        Ok(None) => ().into_any(),
                        Err(error) => view! { <ErrorPage error=error/> }.into_any(),
                    }
                })}
            </Transition>
            <Keys/>
            <Sessions/>
            <Password/>
        </div>
    }
}

#[component]
fn Sessions() -> impl IntoView {
    let end = ServerAction::<EndSession>::new();
    let end_all = ServerAction::<EndSessions>::new();
    let list = Resource::new_blocking(move || end.version().get(), |_| list_sessions());
    view! {
        <section class="page__part" aria-labelledby="sessions">
            <div class="row">
                <h2 id="sessions">"Signed in"</h2>
                <span class="spacer"></span>
                <Confirm of="all" label="Sign out everywhere…" class="small danger" consequence="Ends every session, this one too. API keys stay.">
                    // A plain form, as for signing out here: what follows is loaded afresh.
                    <form method="post" action=EndSessions::url()><button class="btn small danger primary">"Sign out everywhere"</button></form>
                </Confirm>
            </div>
            <Outcome action=end/>
            <Outcome action=end_all/>
            <Transition>
                {move || Suspend::new(async move {
                    match list.await {
                        Ok(list) => {
                            let rows = list.into_iter().map(|session| view! { <Session session=session end=end/> });
                            view! {
                                <div class="card">
                                    <table class="table table--stack">
                                        <thead><tr>
                                            <th scope="col">"Device"</th><th scope="col">"Address"</th><th scope="col">"Signed in"</th>
                                            <th scope="col">"Last seen"</th><th scope="col"><span class="visually-hidden">"Actions"</span></th>
                                        </tr></thead>
                                        <tbody>{rows.collect_view()}</tbody>
                                    </table>
                                </div>
                            }
                            .into_any()
                        }
                        Err(error) => view! { <ErrorPage error=error/> }.into_any(),
                    }
                })}
            </Transition>
        </section>
    }
}

#[component]
fn Session(session: SessionSummary, end: ServerAction<EndSession>) -> impl IntoView {
    let label = format!("End the session on {}", session.device);
    let act = if session.current {
        view! { <span class="tag">"This browser"</span> }.into_any()
    } else {
        view! {
            <ActionForm action=end>
                <input type="hidden" name="id" value=session.id.to_string()/>
                <button class="btn small" aria-label=label>"End"</button>
            </ActionForm>
        }
        .into_any()
    };
    view! {
        <tr>
            <td><b>{session.device}</b></td>
            <td data-label="Address"><span class="mono">{session.address.unwrap_or_else(|| "unknown".to_owned())}</span></td>
            <td data-label="Signed in"><When at=session.created_at/></td>
            <td data-label="Last seen"><When at=session.last_seen_at/></td>
            <td><div class="table__acts">{act}</div></td>
        </tr>
    }
}

#[component]
fn Keys() -> impl IntoView {
    let create = ServerAction::<CreateApiKey>::new();
    let revoke = ServerAction::<RevokeApiKey>::new();
    let made = RwSignal::new(None);
    show_result(create, made);
    let added = count_successes(create);
    let kept = kept_once();
    let me = use_me();
    let list = Resource::new_blocking(move || (create.version().get(), revoke.version().get()), |_| list_api_keys());
    view! {
        <section class="page__part" aria-labelledby="keys">
            <h2 id="keys">"API keys"</h2>
            <ShownOnce made=made kept=kept/>
            <Outcome action=revoke/>
            <Transition>
                {move || Suspend::new(async move {
                    match list.await {
                        Ok(list) if list.is_empty() => view! {
                            <p class="muted">"No API keys. A program sends one as "<code>"X-API-KEY"</code>" and may do what you may, within the key's scopes."</p>
                        }
                        .into_any(),
                        Ok(list) => {
                            let rows = list.into_iter().map(|key| view! { <Key key_=key revoke=revoke/> });
                            view! {
                                <div class="card">
                                    <table class="table table--stack">
                                        <thead><tr>
                                            <th scope="col">"Name"</th><th scope="col">"Scopes"</th><th scope="col">"Made"</th>
                                            <th scope="col">"Ends"</th><th scope="col">"Last used"</th>
                                            <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                                        </tr></thead>
                                        <tbody>{rows.collect_view()}</tbody>
                                    </table>
                                </div>
                            }
                            .into_any()
                        }
                        Err(error) => view! { <ErrorPage error=error/> }.into_any(),
                    }
                })}
            </Transition>
            <Transition>
                {move || Suspend::new(async move {
                    let may_execute = me.await.ok().flatten().is_some_and(|me| me.may(Permission::Execute));
                    view! {
                        <For each=move || [added.get()] key=|count| *count let(_)>
                            <NewKey create=create may_execute=may_execute/>
                        </For>
                    }
                })}
            </Transition>
        </section>
    }
}

#[component]
fn Key(key_: ApiKeySummary, revoke: ServerAction<RevokeApiKey>) -> impl IntoView {
    let at = |at: Option<domain::Timestamp>| match at {
        Some(at) => view! { <When at=at/> }.into_any(),
        None => view! { <span class="faint">"Never"</span> }.into_any(),
    };
    let scopes = key_.scopes.iter().map(|scope| view! { <span class="tag">{scope.as_str()}</span> }).collect_view();
    let name = key_.name;
    view! {
        <tr>
            <td><b>{name.clone()}</b></td>
            <td data-label="Scopes"><div class="tags">{scopes}</div></td>
            <td data-label="Made"><When at=key_.created_at/></td>
            <td data-label="Ends">{at(key_.expires_at)}</td>
            <td data-label="Last used">{at(key_.last_used_at)}</td>
            <td><div class="table__acts">
                <Confirm of=key_.id.to_string() label="Revoke…" class="small danger" consequence="Whatever uses this key is refused from then on.">
                    <ActionForm action=revoke>
                        <input type="hidden" name="id" value=key_.id.to_string()/>
                        <button class="btn small danger primary">{format!("Revoke “{name}”")}</button>
                    </ActionForm>
                </Confirm>
            </div></td>
        </tr>
    }
}

#[component]
fn NewKey(create: ServerAction<CreateApiKey>, may_execute: bool) -> impl IntoView {
    let pending = create.pending();
    // A scope gives nothing that the role does not hold; a viewer has no runs to start.
    let scopes = Scope::ALL.into_iter().filter(move |scope| may_execute || *scope != Scope::Execute).map(|scope| {
        let words = format!("{}: {}", scope.as_str(), scope.describe());
        view! { <label class="check"><input type="checkbox" name="scopes[]" value=scope.as_str() checked=scope == Scope::Read/><span>{words}</span></label> }
    });
    view! {
        <div class="card card--pad">
            <h3 id="new-key">"New API key"</h3>
            <Outcome action=create/>
            <ActionForm action=create attr:class="form form--narrow" attr:autocomplete="off">
                <div class="grid">
                    <div class="field">
                        <label for="key-name">"Name"</label>
                        <input id="key-name" name="name" required=true maxlength="100" placeholder="deploy pipeline" autocomplete="off"/>
                    </div>
                    <div class="field">
                        <label for="key-days">"Ends"</label>
                        <select id="key-days" name="expires_in_days">
                            <option value="7">"in 7 days"</option>
                            <option value="30">"in 30 days"</option>
                            <option value="90" selected=true>"in 90 days"</option>
                            <option value="365">"in a year"</option>
                            <option value="0">"never"</option>
                        </select>
                    </div>
                </div>
                <fieldset class="boxes"><legend>"What it may be used for"</legend>{scopes.collect_view()}</fieldset>
                <div class="form__actions"><button class="btn primary" disabled=pending>"Make key"</button></div>
            </ActionForm>
        </div>
    }
}

#[component]
fn Password() -> impl IntoView {
    let change = ServerAction::<ChangePassword>::new();
    let changed = use_query_map().with_untracked(|query| query.get_str("changed").is_some());
    view! {
        <section class="card card--pad" aria-labelledby="password-heading">
            <h2 id="password-heading">"Password"</h2>
            {changed.then(|| view! {
                <div class="notice ok" role="status"><Icon icon=icondata_lu::LuCheck/><div>"Your password is changed. All other sessions and all API keys have ended."</div></div>
            })}
            <Outcome action=change/>
            // A plain form: the session is another one afterwards, and the keys and sessions on this page are gone.
            <form class="form form--narrow" method="post" action=ChangePassword::url()>
                <div class="field">
                    <label for="current-password">"Present password"</label>
                    <input id="current-password" name="current_password" type="password" required=true autocomplete="current-password"/>
                </div>
                <div class="field">
                    <label for="new-password">"New password"</label>
                    <input id="new-password" name="new_password" type="password" required=true minlength="12" autocomplete="new-password" aria-describedby="new-password-hint"/>
                    <p class="field__hint" id="new-password-hint">"At least 12 characters; a few plain words are best. Ends all your other sessions and all your API keys."</p>
                </div>
                <div class="form__actions"><button class="btn primary">"Change password"</button></div>
            </form>
        </section>
    }
}
