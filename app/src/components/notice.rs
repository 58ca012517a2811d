//! Sentences that need attention: problems above all.

use domain::Problem;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos::server_fn::error::{FromServerFnError, ServerFnUrlError};
use leptos_router::components::Redirect;
use leptos_router::hooks::{use_location, use_query_map};

use super::icon::Icon;
use crate::api::users::administrators;
use crate::error::{AppError, Result};

/// A problem in place, with every fault of the input.
#[component]
pub fn ProblemNotice(
    /// The problem.
    problem: Problem,
) -> impl IntoView {
    let faults = problem.errors.into_iter().map(|fault| {
        view! { <li><code>{fault.path.trim_start_matches("$.").to_owned()}</code>": "{fault.message}</li> }
    });
    let faults = faults.collect::<Vec<_>>();
    let several = faults.len() > 1;
    view! {
        <div class="notice bad" role="alert">
            <Icon icon=icondata_lu::LuCircleAlert/>
            <div>{if several { view! { <ul>{faults}</ul> }.into_any() } else { sentence(&problem.detail).into_any() }}</div>
        </div>
    }
}

/// What came of a form: shows the problem, where there is one, with or without JavaScript.
#[component]
pub fn Outcome<S>(
    /// The form's action.
    action: ServerAction<S>,
) -> impl IntoView
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Clone + Send + Sync + 'static,
    S::Error: FromServerFnError,
{
    // Without JavaScript a refused form comes back to its page with the problem in the address; both halves read it there.
    let query = use_query_map();
    let from_address = move || {
        query.with(|query| {
            let path = query.get_str("__path").filter(|path| *path == S::PATH);
            path.and_then(|_| query.get_str("__err")).map(ServerFnUrlError::<AppError>::decode_err)
        })
    };
    move || {
        let problem = if action.version().get() == 0 {
            from_address()
        } else {
            action.value().with(|value| value.as_ref().and_then(|value: &Result<S::Output>| value.as_ref().err().cloned()))
        };
        problem.map(|error| view! { <ProblemNotice problem=error.0/> })
    }
}

/// A page that could not be shown. Nobody signed in: leads to the sign-in and back.
#[component]
pub fn ErrorPage(
    /// Why.
    error: AppError,
) -> impl IntoView {
    if error.is_unauthenticated() {
        return view! { <ToSignIn/> }.into_any();
    }
    let problem = error.0;
    let unreachable = problem.code == "unreachable";
    let (icon, title) = match problem.status {
        403 => (icondata_lu::LuLock, problem.title()),
        404 => (icondata_lu::LuCompass, problem.title()),
        503 if unreachable => (icondata_lu::LuWifiOff, "The server cannot be reached"),
        _ => (icondata_lu::LuTriangleAlert, problem.title()),
    };
    let detail = if unreachable {
        "Nothing is lost: runs go on without this page. Check the connection and load it again.".to_owned()
    } else {
        sentence(&problem.detail)
    };
    let failed = problem.status >= 500;
    let list = if failed { "btn" } else { "btn primary" };
    view! {
        <leptos_meta::Title text=title/>
        <div class="errorpage">
            <Icon icon=icon class="icon--big"/>
            <h1>{title}</h1>
            <p>{detail}</p>
            {(problem.status == 403).then(|| view! { <WhoCanHelp/> })}
            {problem.request_id.map(|id| view! { <p class="small-text">"The server's log says more under request "<code>{id.into_string()}</code>"."</p> })}
            <div class="errorpage__actions">
                {failed.then(|| view! { <a class="btn primary" href="" rel="external">"Load it again"</a> })}
                <a class=list href="/runbooks">"All runbooks"</a>
                <a class="btn" href="/">"Home"</a>
            </div>
        </div>
    }
    .into_any()
}

/// Which role one has, and who gives others.
#[component]
fn WhoCanHelp() -> impl IntoView {
    let me = crate::use_me();
    let admins = Resource::new_blocking(|| (), |()| administrators());
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                let role = me.await.ok().flatten().map(|me| format!("You are signed in as {} with the role {}. ", me.username, me.role));
                let who = match admins.await.unwrap_or_default().as_slice() {
                    [] => "An administrator can give you another one under Users.".to_owned(),
                    [one] => format!("{one} is the administrator and can give you another one under Users."),
                    several => format!("An administrator can give you another one under Users: {}.", several.join(", ")),
                };
                view! { <p>{role}{who}</p> }
            })}
        </Suspense>
    }
}

/// Leads to the sign-in, and from there back to this page.
#[component]
pub fn ToSignIn() -> impl IntoView {
    let location = use_location();
    let path = location.pathname.get_untracked();
    let query = location.search.get_untracked();
    let here = if query.is_empty() { path } else { format!("{path}?{}", query.trim_start_matches('?')) };
    let to = if here == "/" {
        "/sign-in".to_owned()
    } else {
        format!("/sign-in?next={}", leptos_router::location::Url::escape(&here))
    };
    view! { <Redirect path=to/> }
}

/// A detail as a sentence.
pub(crate) fn sentence(detail: &str) -> String {
    let mut letters = detail.trim_start_matches("$.").chars();
    let mut text: String = letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    if text.ends_with(|c: char| c.is_alphanumeric() || c == '”') {
        text.push('.');
    }
    text
}
