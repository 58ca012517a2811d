//! The pages, their server functions under `/rpc`, and the files of the site.

use app::api::preflight::posted;
use app::api::session::Unencrypted;
use app::{App, shell};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::post;
use axum::{Router, middleware};
use http::Uri;
use leptos::config::LeptosOptions;
use leptos::prelude::provide_context;
use leptos_axum::{LeptosRoutes, file_and_error_handler_with_context, generate_route_list, render_app_async_with_context};
use service::Services;

use super::files::Files;
use super::{auth, bodies};

/// Everything a browser asks for; also what answers addresses that nothing else knows. Where others than this machine are served
/// without encryption, the pages say so.
pub fn router(services: Services, options: LeptosOptions, unencrypted: Option<Unencrypted>) -> Router {
    let bounded = middleware::from_fn_with_state(services.clone(), bodies::limit);
    let context = move || {
        provide_context(services.clone());
        if let Some(unencrypted) = unencrypted {
            provide_context(unencrypted);
        }
    };
    let shown = options.clone();
    let (asking, answered) = (context.clone(), options.clone());
    let check_first = move |request: Request| async move {
        let (parts, body) = request.into_parts();
        let asked = posted(Request::from_parts(parts.clone(), body)).await;
        let context = move || {
            asking();
            provide_context(asked.clone());
        };
        render_app_async_with_context(context, move || shell(answered.clone()))(Request::from_parts(parts, Body::empty())).await
    };
    let files = Files::new(&options);
    let page = file_and_error_handler_with_context(context.clone(), shell);
    let file_or_page = move |uri: Uri, state: State<LeptosOptions>, request: Request| {
        let (file, page) = (files.answer(&request), page.clone());
        async move {
            match file.await {
                Some(file) => file,
                None => page(uri, state, request).await,
            }
        }
    };
    Router::new()
        // The form of a runbook's page that asks for a look before the run, sent without JavaScript: the page answers it.
        .route("/runbooks/{id}", post(check_first))
        .leptos_routes_with_context(&options, generate_route_list(App), context, move || shell(shown.clone()))
        .fallback(file_or_page)
        .layer(bounded)
        .layer(middleware::from_fn(auth::same_origin_only))
        .with_state(options)
}
