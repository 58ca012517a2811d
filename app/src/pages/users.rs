//! The accounts of everybody, for administrators: roles, locks, new passwords, invitations.

use domain::{InviteSummary, Permission, Role, UserSummary};
use leptos::prelude::*;

use crate::api::users::{
    ChangeRole, CreateUser, DisableUser, InviteUser, OfferPasswordReset, WithdrawInvite, list_invites, list_users,
};
use crate::components::confirm::Confirm;
use crate::components::icon::Icon;
use crate::components::notice::{ErrorPage, Outcome};
use crate::components::page_head::PageHead;
use crate::components::shown_once::{ShownOnce, count_successes, kept_once, show_result};
use crate::components::time::When;
use crate::use_me;

/// What is done with an account.
#[derive(Clone, Copy)]
struct Actions {
    role: ServerAction<ChangeRole>,
    disable: ServerAction<DisableUser>,
    reset: ServerAction<OfferPasswordReset>,
}

/// `/users`.
#[component]
pub fn UsersPage() -> impl IntoView {
    let actions = Actions { role: ServerAction::new(), disable: ServerAction::new(), reset: ServerAction::new() };
    let create = ServerAction::<CreateUser>::new();
    let invite = ServerAction::<InviteUser>::new();
    let withdraw = ServerAction::<WithdrawInvite>::new();
    let made = RwSignal::new(None);
    show_result(actions.reset, made);
    show_result(create, made);
    show_result(invite, made);
    let kept = kept_once();
    let me = use_me();
    // Another form for each, so that the name of one who was made does not stay.
    let added = count_successes(create);
    let versions = move || (create.version().get(), actions.role.version().get(), actions.disable.version().get());
    let users = Resource::new_blocking(versions, |_| list_users());
    let invites = Resource::new_blocking(move || (invite.version().get(), withdraw.version().get()), |_| list_invites());
    view! {
        <div class="page">
            <Transition>
                {move || Suspend::new(async move {
                    match users.await {
                        Ok(list) => view! {
                            <PageHead title="Users" count=list.len().to_string()/>
                            <ShownOnce made=made kept=kept/>
                            <Outcome action=actions.role/>
                            <Outcome action=actions.disable/>
                            <Outcome action=actions.reset/>
                            <Table list=list actions=actions/>
                        }
                        .into_any(),
                        Err(error) => view! { <ErrorPage error=error/> }.into_any(),
                    }
                })}
            </Transition>
            // Apart from the list, so that what is typed stays when that changes.
            <Transition>
                {move || Suspend::new(async move {
                    let may = me.await.ok().flatten().is_some_and(|me| me.may(Permission::Administer));
                    may.then(|| view! {
                        <Invites invites=invites invite=invite withdraw=withdraw/>
                        <For each=move || [added.get()] key=|count| *count let(_)><New create=create/></For>
                    })
                })}
            </Transition>
        </div>
    }
}

#[component]
fn Table(list: Vec<UserSummary>, actions: Actions) -> impl IntoView {
    let rows = list.into_iter().map(|user| view! { <Row user=user actions=actions/> });
    view! {
        <div class="card">
            <table class="table table--stack">
                <thead><tr>
                    <th scope="col">"Name"</th><th scope="col">"Role"</th><th scope="col">"Made"</th><th scope="col">"Last sign-in"</th>
                    <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                </tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
}

#[component]
fn Row(user: UserSummary, actions: Actions) -> impl IntoView {
    let id = user.id.to_string();
    let name = user.username.to_string();
    let seen = match user.last_sign_in_at {
        Some(at) => view! { <When at=at/> }.into_any(),
        None => view! { <span class="faint">"Never"</span> }.into_any(),
    };
    let locked = user.disabled_at.map(|at| view! { <div class="small-text bad-t row"><Icon icon=icondata_lu::LuLock/><span>"Locked out "<When at=at/></span></div> });
    let role = Confirmed { id: id.clone(), button: format!("Change “{name}”") };
    let reset = Confirmed { id: id.clone(), button: format!("Make a link for “{name}”") };
    let lock = Confirmed { id, button: format!("Lock out “{name}”") };
    let label = format!("Role of {name}");
    let let_in = format!("Let “{name}” in again");
    view! {
        <tr>
            <td><b>{name}</b>{locked}</td>
            <td data-label="Role"><span class="tag">{user.role.as_str()}</span></td>
            <td data-label="Made"><When at=user.created_at/></td>
            <td data-label="Last sign-in">{seen}</td>
            <td><div class="table__acts">
                <Confirm of=role.id.clone() label="Role…" class="small" consequence="Every session and API key of theirs ends; they sign in anew.">
                    <ActionForm action=actions.role attr:class="form">
                        <input type="hidden" name="id" value=role.id/>
                        <RolePicker label=label current=user.role/>
                        <button class="btn small primary">{role.button}</button>
                    </ActionForm>
                </Confirm>
                <Confirm of=reset.id.clone() label="Password…" class="small" consequence="Makes a link, good for 7 days, by which they choose a new password. Until then the old one stays good.">
                    <ActionForm action=actions.reset>
                        <input type="hidden" name="id" value=reset.id/>
                        <button class="btn small primary">{reset.button}</button>
                    </ActionForm>
                </Confirm>
                {if user.disabled_at.is_some() {
                    view! { <LetIn id=lock.id label=let_in disable=actions.disable/> }.into_any()
                } else {
                    view! { <LockOut lock=lock disable=actions.disable/> }.into_any()
                }}
            </div></td>
        </tr>
    }
}

/// An account, and what the button says that does something to it.
struct Confirmed {
    id: String,
    button: String,
}

#[component]
fn LockOut(lock: Confirmed, disable: ServerAction<DisableUser>) -> impl IntoView {
    view! {
        <Confirm of=lock.id.clone() label="Lock out…" class="small danger" consequence="Every session and API key ends at once. Runs that were started go on.">
            <ActionForm action=disable>
                <input type="hidden" name="id" value=lock.id/>
                <input type="hidden" name="disabled" value="true"/>
                <button class="btn small danger primary">{lock.button}</button>
            </ActionForm>
        </Confirm>
    }
}

#[component]
fn LetIn(id: String, label: String, disable: ServerAction<DisableUser>) -> impl IntoView {
    view! {
        <ActionForm action=disable>
            <input type="hidden" name="id" value=id/>
            <input type="hidden" name="disabled" value="false"/>
            <button class="btn small" aria-label=label>"Let in"</button>
        </ActionForm>
    }
}

#[component]
fn RolePicker(label: String, current: Role) -> impl IntoView {
    let options = Role::ALL.map(|role| view! { <option value=role.as_str() selected=role == current>{role.as_str()}</option> });
    view! { <label class="field">{label}<select name="role">{options.into_iter().collect_view()}</select></label> }
}

#[component]
fn Invites(
    invites: Resource<crate::error::Result<Vec<InviteSummary>>>,
    invite: ServerAction<InviteUser>,
    withdraw: ServerAction<WithdrawInvite>,
) -> impl IntoView {
    let pending = invite.pending();
    view! {
        <section class="card card--pad" aria-labelledby="invite-heading">
            <h2 id="invite-heading">"Invite somebody"</h2>
            <p class="muted">"Makes a link, good once and for 7 days, by which they choose a name and a password themselves."</p>
            <Outcome action=invite/>
            <Outcome action=withdraw/>
            <ActionForm action=invite attr:class="form form--narrow">
                <RolePicker label="Role".to_owned() current=Role::Developer/>
                <div class="form__actions"><button class="btn primary" disabled=pending>"Make an invitation"</button></div>
            </ActionForm>
            <Transition>
                {move || Suspend::new(async move {
                    let list = invites.await.unwrap_or_default();
                    (!list.is_empty()).then(|| {
                        let rows = list.into_iter().map(|invite| view! { <Invite invite=invite withdraw=withdraw/> });
                        view! {
                            <table class="table table--stack">
                                <caption class="visually-hidden">"Invitations that nobody has taken up yet"</caption>
                                <thead><tr>
                                    <th scope="col">"Role"</th><th scope="col">"Invited"</th><th scope="col">"Ends"</th>
                                    <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                                </tr></thead>
                                <tbody>{rows.collect_view()}</tbody>
                            </table>
                        }
                    })
                })}
            </Transition>
        </section>
    }
}

#[component]
fn Invite(invite: InviteSummary, withdraw: ServerAction<WithdrawInvite>) -> impl IntoView {
    let label = format!("Withdraw the invitation as {}", invite.role);
    view! {
        <tr>
            <td data-label="Role"><span class="tag">{invite.role.as_str()}</span></td>
            <td data-label="Invited"><span><When at=invite.created_at/><span class="faint">" by "{invite.created_by}</span></span></td>
            <td data-label="Ends"><span>{invite.expires_at.format("%Y-%m-%d %H:%M UTC").to_string()}</span></td>
            <td><div class="table__acts">
                <ActionForm action=withdraw>
                    <input type="hidden" name="id" value=invite.id.to_string()/>
                    <button class="btn small danger" aria-label=label>"Withdraw"</button>
                </ActionForm>
            </div></td>
        </tr>
    }
}

#[component]
fn New(create: ServerAction<CreateUser>) -> impl IntoView {
    let pending = create.pending();
    view! {
        <section class="card card--pad" aria-labelledby="new-user">
            <h2 id="new-user">"New user"</h2>
            <p class="muted">"For accounts that a program uses, or somebody whom you tell the password. It is made up and shown once."</p>
            <Outcome action=create/>
            <ActionForm action=create attr:class="form form--narrow" attr:autocomplete="off">
                <div class="grid">
                    <div class="field">
                        <label for="new-username">"User name"</label>
                        <input id="new-username" name="username" required=true minlength="2" maxlength="64" autocomplete="off" autocapitalize="none" spellcheck="false"/>
                    </div>
                    <RolePicker label="Role".to_owned() current=Role::Developer/>
                </div>
                <div class="form__actions"><button class="btn primary" disabled=pending>"Create user"</button></div>
            </ActionForm>
        </section>
    }
}
