//! Signing in, making an account, and making the first one. Plain forms: what follows is loaded afresh as another person.

use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::api::session::{SignIn, SignUp, is_sign_up_open, needs_setup};
use crate::components::icon::Icon;
use crate::components::notice::{Outcome, ProblemNotice};

/// `/sign-in`; the first visitor of an installation sets it up here.
#[component]
pub fn SignInPage() -> impl IntoView {
    let setup = Resource::new_blocking(|| (), |()| needs_setup());
    let open = Resource::new_blocking(|| (), |()| is_sign_up_open());
    view! {
        <main id="main" class="auth">
            <Suspense>
                {move || Suspend::new(async move {
                    match setup.await {
                        Ok(true) => view! { <AccountForm first=true/> }.into_any(),
                        Ok(false) => view! { <SignInForm open=open.await.unwrap_or_default()/> }.into_any(),
                        Err(error) => view! { <ProblemNotice problem=error.0/> }.into_any(),
                    }
                })}
            </Suspense>
        </main>
    }
}

/// `/sign-up`.
#[component]
pub fn SignUpPage() -> impl IntoView {
    view! { <main id="main" class="auth"><AccountForm first=false/></main> }
}

#[component]
fn SignInForm(open: bool) -> impl IntoView {
    let action = ServerAction::<SignIn>::new();
    view! {
        <Title text="Sign in"/>
        <form class="auth__card" method="post" action=SignIn::url()>
            <Brand/>
            <h1>"Sign in"</h1>
            <Outcome action=action/>
            <Next/>
            <div class="field">
                <label for="username">"User name"</label>
                <input id="username" name="username" required=true autocomplete="username" autocapitalize="none" spellcheck="false" autofocus=true/>
            </div>
            <div class="field">
                <label for="password">"Password"</label>
                <input id="password" name="password" type="password" required=true autocomplete="current-password"/>
            </div>
            <button class="btn primary">"Sign in"</button>
        </form>
        <p class="auth__foot">
            "New here? "
            {if open {
                view! { <a class="link" href="/sign-up" rel="external">"Create an account"</a> }.into_any()
            } else {
                view! { "Ask an administrator for an invitation." }.into_any()
            }}
        </p>
    }
}

#[component]
fn AccountForm(first: bool) -> impl IntoView {
    let action = ServerAction::<SignUp>::new();
    let title = if first { "Set up Runbook Studio" } else { "Create an account" };
    let hint = if first {
        "Nobody has an account yet. The first one is the administrator and can do everything."
    } else {
        "The administrator decides what a new account may do."
    };
    view! {
        <Title text=title/>
        <form class="auth__card auth__card--wide" method="post" action=SignUp::url()>
            <Brand/>
            <h1>{title}</h1>
            <p class="auth__hint">{hint}</p>
            <Outcome action=action/>
            <Next/>
            <div class="field">
                <label for="username">"User name"</label>
                <input id="username" name="username" required=true minlength="2" maxlength="64" autocomplete="username" autocapitalize="none" spellcheck="false" autofocus=true/>
            </div>
            <div class="field">
                <label for="password">"Password"</label>
                <input id="password" name="password" type="password" required=true minlength="12" autocomplete="new-password" aria-describedby="password-hint"/>
                <p class="field__hint" id="password-hint">"At least 12 characters; a few plain words are best."</p>
            </div>
            {first.then(|| view! {
                <div class="field">
                    <label for="setup-token">"Set-up token "<span class="faint">"(only from another machine)"</span></label>
                    <input id="setup-token" name="setup_token" class="mono" autocomplete="off" aria-describedby="token-hint"/>
                    <p class="field__hint" id="token-hint">"The server printed it when it started. Not needed on the machine it runs on."</p>
                </div>
            })}
            <button class="btn primary">{if first { "Create the administrator" } else { "Create account" }}</button>
        </form>
        {(!first).then(|| view! {
            <p class="auth__foot">"Have an account? "<a class="link" href="/sign-in" rel="external">"Sign in"</a></p>
        })}
    }
}

/// The product's name above a form.
#[component]
pub(super) fn Brand() -> impl IntoView {
    view! { <div class="auth__brand"><Icon icon=icondata_lu::LuTerminal/>"Runbook Studio"</div> }
}

/// Where the form leads, taken from the address.
#[component]
fn Next() -> impl IntoView {
    let next = use_query_map().with_untracked(|query| query.get("next")).unwrap_or_default();
    view! { <input type="hidden" name="next" value=next/> }
}
