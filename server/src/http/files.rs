//! The files of the site: how long a browser may keep them, and in which encoding they are sent.
//!
//! A package (`cargo xtask dist`) has script, WebAssembly and style in a folder named after what they hold (`pkg/<hash>`), and each
//! file compressed beside it as `.br` and `.gz`. The site as cargo-leptos leaves it has neither: its files are asked for again, and
//! compressed as they are sent.

use std::future::Future;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LAST_MODIFIED, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use leptos::config::LeptosOptions;
use tower::ServiceExt;
use tower_http::services::ServeDir;

/// A name that says its content never stands for another one.
const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Kept, but not used before we said that it is still the same.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// A file may appear with the next version of the product.
const NEVER: HeaderValue = HeaderValue::from_static("no-store");

/// The files of one site. A clone is a handle to the same.
#[derive(Debug, Clone)]
pub struct Files {
    folder: ServeDir,
    /// Where the application itself is: `/pkg/<hash>/`, or `/pkg/` where its files change under their names.
    pkg: Arc<str>,
}

impl Files {
    /// Those of the site root.
    pub fn new(options: &LeptosOptions) -> Self {
        let folder = ServeDir::new(&*options.site_root).append_index_html_on_directories(false);
        let pkg = format!("/{}/", options.site_pkg_dir.trim_matches('/'));
        Self { folder: folder.precompressed_br().precompressed_gzip(), pkg: pkg.into() }
    }

    /// The file that is asked for. `None` where it is no file: a page may have that address.
    pub fn answer(&self, request: &Request) -> impl Future<Output = Option<Response>> + Send + use<> {
        let files = self.clone();
        let path = request.uri().path().to_owned();
        let known = request.headers().get(IF_NONE_MATCH).cloned();
        let mut asked = http::Request::new(Body::empty());
        asked.method_mut().clone_from(request.method());
        asked.uri_mut().clone_from(request.uri());
        if let Some(encodings) = request.headers().get(ACCEPT_ENCODING) {
            asked.headers_mut().insert(ACCEPT_ENCODING, encodings.clone());
        }
        async move {
            if !matches!(*asked.method(), Method::GET | Method::HEAD) {
                return is_of_application(&path).then(missing);
            }
            let found = files.folder.oneshot(asked).await.unwrap_or_else(|never| match never {});
            if found.status() != StatusCode::OK {
                return is_of_application(&path).then(missing);
            }
            let is_named = files.pkg.matches('/').count() > 2;
            let keep = if is_named && path.starts_with(&*files.pkg) { FOR_GOOD } else { ASK_AGAIN };
            Some(with_terms(found.map(Body::new), keep, known.as_ref()))
        }
    }
}

/// Whether only a file of the application, of this version or of another, could be there.
fn is_of_application(path: &str) -> bool {
    path.starts_with("/pkg/")
}

/// The file with the terms on which it may be kept; without its content where the browser has that.
fn with_terms(mut response: Response, keep: HeaderValue, known: Option<&HeaderValue>) -> Response {
    let tag = tag(response.headers());
    if known.zip(tag.as_ref()).is_some_and(|(known, tag)| names(known, tag)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    let headers = response.headers_mut();
    // A part of a file is never sent.
    headers.remove(ACCEPT_RANGES);
    headers.insert(CACHE_CONTROL, keep);
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(tag) = tag {
        headers.insert(ETAG, tag);
    }
    response
}

/// What stands for a file in one encoding: when it was written, and how long it is. Weak (RFC 9110, 8.8.1), as the moment is of a
/// second.
fn tag(headers: &HeaderMap) -> Option<HeaderValue> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let written: String = text(LAST_MODIFIED)?.chars().filter(char::is_ascii_alphanumeric).collect();
    HeaderValue::try_from(format!("W/\"{written}-{}\"", text(CONTENT_LENGTH)?)).ok()
}

/// Whether a list of tags, as `If-None-Match` holds it, has this one.
fn names(list: &HeaderValue, tag: &HeaderValue) -> bool {
    let opaque = |text: &str| text.trim().trim_start_matches("W/").to_owned();
    let (Ok(list), Ok(tag)) = (list.to_str(), tag.to_str()) else { return false };
    list.trim() == "*" || list.split(',').any(|one| opaque(one) == opaque(tag))
}

/// Only an old page asks for a file of the application that is not there: it gets a word, and not the page of the application.
fn missing() -> Response {
    let headers = [(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")), (CACHE_CONTROL, NEVER)];
    (StatusCode::NOT_FOUND, headers, "there is no such file; load the page again").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_names_what_it_has_in_any_of_the_usual_ways() {
        let tag = HeaderValue::from_static("W/\"a-1\"");
        for (list, expected) in
            [("W/\"a-1\"", true), ("\"a-1\"", true), ("\"b-1\", W/\"a-1\"", true), ("*", true), ("W/\"a-2\"", false), ("", false)]
        {
            assert_eq!(names(&HeaderValue::from_static(list), &tag), expected, "{list}");
        }
    }
}
