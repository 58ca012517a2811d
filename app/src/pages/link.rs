//! Where one-time links lead: taking up an invitation, choosing a new password. Plain forms, as for signing in.

use domain::LinkPurpose;
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::setup_and_sign_in::Brand;
use crate::api::links::{AcceptInvite, ResetPassword, link_purpose};
use crate::components::notice::{Outcome, ProblemNotice};

/// `/invite/{token}`.
#[component]
pub fn InvitePage() -> impl IntoView {
    view! { <LinkPage/> }
}

/// `/reset/{token}`.
#[component]
pub fn ResetPage() -> impl IntoView {
    view! { <LinkPage/> }
}

/// The form that the link is good for, whatever the page.
#[component]
fn LinkPage() -> impl IntoView {
    let params = use_params_map();
    let token = move || params.with(|params| params.get("token")).unwrap_or_default();
    let purpose = Resource::new_blocking(token, link_purpose);
    view! {
        <main id="main" class="auth">
            <Suspense>
                {move || Suspend::new(async move {
                    let token = token();
                    match purpose.await {
                        Ok(LinkPurpose::Invite(role)) => view! { <InviteForm token=token role=role.as_str()/> }.into_any(),
                        Ok(LinkPurpose::Reset(username)) => view! { <ResetForm token=token username=username/> }.into_any(),
                        Err(error) => view! {
                            <Title text="Link"/>
                            <div class="auth__card">
                                <Brand/>
                                <h1>"This link leads nowhere"</h1>
                                <ProblemNotice problem=error.0/>
                                <p class="auth__hint">"Ask an administrator for a new one, or "<a class="link" href="/sign-in" rel="external">"sign in"</a>"."</p>
                            </div>
                        }
                        .into_any(),
                    }
                })}
            </Suspense>
        </main>
    }
}

#[component]
fn InviteForm(token: String, role: &'static str) -> impl IntoView {
    let action = ServerAction::<AcceptInvite>::new();
    view! {
        <Title text="Invitation"/>
        <form class="auth__card auth__card--wide" method="post" action=AcceptInvite::url()>
            <Brand/>
            <h1>"You are invited"</h1>
            <p class="auth__hint">{format!("Choose a name and a password. Your role will be {role}.")}</p>
            <Outcome action=action/>
            <input type="hidden" name="token" value=token/>
            <div class="field">
                <label for="username">"User name"</label>
                <input id="username" name="username" required=true minlength="2" maxlength="64" autocomplete="username" autocapitalize="none" spellcheck="false" autofocus=true/>
            </div>
            <NewPassword/>
            <button class="btn primary">"Create account"</button>
        </form>
    }
}

#[component]
fn ResetForm(token: String, username: String) -> impl IntoView {
    let action = ServerAction::<ResetPassword>::new();
    view! {
        <Title text="New password"/>
        <form class="auth__card auth__card--wide" method="post" action=ResetPassword::url()>
            <Brand/>
            <h1>"Choose a new password"</h1>
            <p class="auth__hint">{format!("For “{username}”. Every browser and API key that is signed in as you ends.")}</p>
            <Outcome action=action/>
            <input type="hidden" name="token" value=token/>
            // For password managers, which want to know whose password it is.
            <input class="visually-hidden" name="who" tabindex="-1" aria-hidden="true" autocomplete="username" value=username readonly=true disabled=true/>
            <NewPassword/>
            <button class="btn primary">"Set password"</button>
        </form>
    }
}

#[component]
fn NewPassword() -> impl IntoView {
    view! {
        <div class="field">
            <label for="password">"Password"</label>
            <input id="password" name="password" type="password" required=true minlength="12" autocomplete="new-password" aria-describedby="password-hint"/>
            <p class="field__hint" id="password-hint">"At least 12 characters; a few plain words are best."</p>
        </div>
    }
}
