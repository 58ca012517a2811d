//! Pages that a browser loads when it first goes to them: who opens a run does not load the editor.
//!
//! A release is built with `split` and has a file for each page (`cargo leptos build --split`, which `cargo xtask dist` asks for).
//! Without it, as in `cargo leptos watch`, the same pages are all in one file.

#[cfg(feature = "split")]
use domain::Problem;
use leptos::prelude::*;
use leptos_router::LazyRoute;

#[cfg(feature = "split")]
use crate::components::notice::ErrorPage;
#[cfg(feature = "split")]
use crate::error::AppError;
#[cfg(not(feature = "split"))]
use crate::pages;

/// A route for each page, and the name of its file. The server says in its answer which one the page wants, so that the browser
/// asks for it at once.
macro_rules! pages {
    ($($(#[$doc:meta])* $name:ident $part:ident in $file:ident => $page:path;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub struct $name;

            impl LazyRoute for $name {
                fn data() -> Self {
                    Self
                }

                #[cfg(feature = "split")]
                async fn view(_: Self) -> AnyView {
                    match parts::$part::$part().await {
                        Ok(view) => view,
                        Err(_) => not_loaded().await,
                    }
                }

                #[cfg(not(feature = "split"))]
                async fn view(_: Self) -> AnyView {
                    #[cfg(feature = "ssr")]
                    leptos::prefetch_lazy_fn_on_server(stringify!($file));
                    $page().into_any()
                }

                #[cfg(feature = "split")]
                async fn preload() {
                    // What fails here fails in `view` again, which says so.
                    let _ = parts::$part::preload().await;
                }
            }
        )*

        #[cfg(feature = "split")]
        mod parts {
            $(
                pub mod $part {
                    use leptos::prelude::*;
                    use leptos::wasm_split::{SplitLoaderError, wasm_split};

                    use crate::pages;

                    #[wasm_split($file, wasm_split_path = leptos::wasm_split, preload(preload), fallible)]
                    pub fn $part() -> Result<AnyView, SplitLoaderError> {
                        Ok($page().into_any())
                    }
                }
            )*
        }
    };
}

pages! {
    /// `/runbooks/new`, `/runbooks/:id/edit`.
    Editor editor in writing => pages::editor::EditorPage;
    /// `/runbooks/:id/versions`.
    Versions versions in writing => pages::versions::VersionsPage;
    /// `/runbooks/:id/versions/:n`.
    Version version in writing => pages::versions::VersionPage;
    /// `/runbooks/:id/versions/compare`.
    CompareVersions compare_versions in writing => pages::compare_versions::CompareVersionsPage;
    /// `/runs/compare`, `/runs/:id/compare`.
    CompareRuns compare_runs in running => pages::compare_runs::CompareRunsPage;
    /// `/runs/:id`.
    Run run in running => pages::run::RunPage;
    /// `/hosts`.
    Hosts hosts in keeping => pages::hosts::HostsPage;
    /// `/credentials`.
    Credentials credentials in keeping => pages::credentials::CredentialsPage;
    /// `/audit`.
    Audit audit in keeping => pages::audit::AuditPage;
    /// `/import`.
    Import import in keeping => pages::import::ImportPage;
    /// `/users`.
    Users users in keeping => pages::users::UsersPage;
    /// `/settings`.
    Settings settings in keeping => pages::settings::SettingsPage;
    /// `/profile`.
    Profile profile in keeping => pages::profile::ProfilePage;
}

/// Has the browser fetch the page of a run before one is opened.
pub fn fetch_run_page() {
    #[cfg(feature = "split")]
    leptos::task::spawn_local(<Run as LazyRoute>::preload());
}

/// In place of a page whose file did not come. The page that the server rendered stays as it is: it works without.
#[cfg(feature = "split")]
async fn not_loaded() -> AnyView {
    let is_rendered_here = document().body().is_some_and(|body| body.has_attribute("data-hydrated"));
    if !is_rendered_here {
        std::future::pending::<()>().await;
    }
    let error = AppError(Problem::new(503, "unreachable", "the page could not be loaded"));
    view! { <ErrorPage error=error/> }.into_any()
}
