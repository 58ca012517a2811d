//! What neither the OpenAPI document nor the list of server functions tells of: the pages, what operators and browsers ask, the
//! documentation. A page, or a route that the source of the server names, without a row here fails.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::functions::sign_in;
use super::{WHO, everybody};
use crate::world::Studio;

/// The pages, and what each of [`WHO`] is answered. A page of which nobody is told anything asks them to sign in.
const PAGES: &[(&str, [u16; 5])] = &[
    ("/", [200, 200, 200, 200, 200]),
    ("/sign-in", [200, 200, 200, 200, 200]),
    ("/sign-up", [200, 200, 200, 200, 200]),
    // Of a link that is not there.
    ("/invite/{token}", [404, 404, 404, 404, 404]),
    ("/reset/{token}", [404, 404, 404, 404, 404]),
    ("/runbooks", [200, 200, 200, 200, 200]),
    ("/runbooks/new", [200, 200, 200, 200, 200]),
    ("/runbooks/{id}", [200, 200, 200, 200, 200]),
    ("/runbooks/{id}/edit", [200, 200, 200, 200, 200]),
    ("/runbooks/{id}/versions", [200, 200, 200, 200, 200]),
    ("/runbooks/{id}/versions/compare", [200, 200, 200, 200, 200]),
    ("/runbooks/{id}/versions/{n}", [200, 200, 200, 200, 200]),
    ("/runs/{id}", [200, 200, 200, 200, 200]),
    // Of a run with none before it.
    ("/runs/{id}/compare", [200, 404, 404, 404, 404]),
    // Of no runs.
    ("/runs/compare", [422, 422, 422, 422, 422]),
    ("/history", [200, 200, 200, 200, 200]),
    ("/hosts", [200, 200, 200, 200, 200]),
    ("/credentials", [200, 403, 403, 200, 200]),
    ("/audit", [200, 403, 403, 200, 200]),
    ("/import", [200, 200, 200, 200, 200]),
    ("/users", [200, 403, 403, 403, 200]),
    ("/settings", [200, 403, 403, 403, 200]),
    ("/profile", [200, 200, 200, 200, 200]),
];

/// Routes that the server's own source names, and what each of [`WHO`] is answered.
const ROUTES: &[(&str, &str, [u16; 5])] = &[
    ("GET", "/healthz", [200, 200, 200, 200, 200]),
    ("GET", "/readyz", [200, 200, 200, 200, 200]),
    ("GET", "/metrics", [200, 200, 200, 200, 200]),
    // Browsers send it of their own accord, without the cookie.
    ("POST", "/csp-report", [204, 204, 204, 204, 204]),
    // The page of a runbook, asked by a form to look at a run before it starts.
    ("POST", "/runbooks/{id}", [401, 403, 200, 200, 200]),
];

/// The documentation; it comes from a library.
const DOCUMENTATION: [&str; 2] = ["/api/docs/", "/api/v1/openapi.json"];

/// What a page must not show to nobody, and where.
const TITLE: &str = "Of-those-who-signed-in";

/// A studio's cookies in the order of [`WHO`], and a runbook and a run of it.
async fn asked() -> (Studio, Vec<String>, String, String) {
    let (studio, admin) = everybody().await;
    let mut cookies = vec![String::new()];
    for who in &WHO[1..] {
        cookies.push(sign_in(&studio, who).await);
    }
    let body = json!({ "title": TITLE, "description": "", "blocks": [{ "type": "instruction", "config": { "text": "Read" } }] });
    let made = studio.call(Some(&admin), "POST", "/api/v1/runbooks", Some(body)).await.json();
    let runbook = made["id"].as_str().expect("an id").to_owned();
    let run = studio.execute(&admin, &runbook).await;
    (studio, cookies, runbook, run)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_asks_who_is_asking_and_shows_nothing_to_nobody() {
    let known: BTreeSet<String> = PAGES.iter().map(|(path, _)| (*path).to_owned()).collect();
    let pages: BTreeSet<String> = leptos_axum::generate_route_list(app::App).iter().map(|page| braced(page.path())).collect();
    assert_eq!(pages, known, "the pages and the table differ");

    let (studio, cookies, runbook, run) = asked().await;
    let mut wrong = Vec::new();
    for (path, expected) in PAGES {
        let id = if path.starts_with("/runs") { &run } else { &runbook };
        let path = path.replace("{id}", id).replace("{n}", "1").replace("{token}", "made-up");
        for ((who, cookie), expected) in WHO.iter().zip(&cookies).zip(expected) {
            let headers: Vec<(&str, &str)> = (*who != "nobody").then_some(("cookie", cookie.as_str())).into_iter().collect();
            let answer = studio.exchange("GET", &path, &headers, None).await;
            if answer.status != *expected {
                wrong.push(format!("{path} by {who}: {}, not {expected}", answer.status));
            }
            if *who == "nobody" && answer.text.contains(TITLE) {
                wrong.push(format!("{path} shows nobody the title of a runbook"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_route_asks_who_is_asking() {
    let known: BTreeSet<(String, String)> =
        ROUTES.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(routes_of_the_source(), known, "the routes in the source and the table differ");

    let (studio, cookies, runbook, _) = asked().await;
    let mut wrong = Vec::new();
    let documentation = DOCUMENTATION.iter().map(|path| ("GET", *path, [200; 5]));
    for (method, pattern, expected) in ROUTES.iter().copied().chain(documentation) {
        let path = pattern.replace("{id}", &runbook);
        for ((who, cookie), expected) in WHO.iter().zip(&cookies).zip(expected) {
            let mut headers = vec![("sec-fetch-site", "same-origin")];
            headers.extend((*who != "nobody").then_some(("cookie", cookie.as_str())));
            let form = format!("id={runbook}").into_bytes();
            let body = (method == "POST").then_some(("application/x-www-form-urlencoded", form));
            let answer = studio.exchange(method, &path, &headers, body).await;
            if answer.status != expected {
                wrong.push(format!("{method} {pattern} by {who}: {}, not {expected}: {}", answer.status, answer.text));
            }
            if *who == "nobody" && answer.text.contains(TITLE) {
                wrong.push(format!("{method} {pattern} shows nobody the title of a runbook"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A path with `{id}` where it is written with `:id`.
fn braced(path: &str) -> String {
    let parts = path.split('/').map(|part| match part.strip_prefix(':') {
        Some(name) => format!("{{{name}}}"),
        None => part.to_owned(),
    });
    let path = parts.collect::<Vec<_>>().join("/");
    if path.is_empty() { "/".to_owned() } else { path }
}

/// Methods and paths of every `.route(…)` in the source: a router tells nobody what it routes. What cannot be read here, for it
/// is written in another way, fails.
fn routes_of_the_source() -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = fs::read_to_string(&file).expect("a source");
        // What is below is for its own tests.
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for other in [".route_service(", ".nest_service(", "MethodRouter"] {
            assert!(!text.contains(other), "{}: {other} hides a route from this test", file.display());
        }
        for call in text.split(".route(").skip(1) {
            let Some((method, path)) = route(text, call) else {
                panic!("{}: cannot read .route({}…", file.display(), call.chars().take(60).collect::<String>());
            };
            found.insert((method, path));
        }
    }
    found
}

/// What follows a `.route(` in this file: a path and one method.
fn route(file: &str, call: &str) -> Option<(String, String)> {
    let (path, handler) = call.split_once(',')?;
    let path = match path.trim() {
        "PATH" => file.split("const PATH: &str = \"").nth(1)?.split('"').next()?,
        path => path.strip_prefix('"')?.strip_suffix('"')?,
    };
    let method =
        ["get", "post", "put", "delete", "patch"].into_iter().find(|name| handler.trim().starts_with(&format!("{name}(")))?;
    // A second method would follow the first one's handler.
    let (handler, rest) = handler.split_once('(')?.1.split_once(')')?;
    (!handler.contains('(') && rest.starts_with(')')).then(|| (method.to_uppercase(), path.to_owned()))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    files.into_iter().chain(folders.iter().flat_map(|folder| sources(folder))).collect()
}
