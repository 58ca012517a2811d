//! Requests that a page of another site makes a browser send, with the cookie of whoever is signed in.

use anyhow::{Context, Result};

use super::raw;
use super::tally::Tally;
use crate::studio::Studio;

/// Headers by which a browser tells that a page of another site asks.
const SIGNS: [&[(&str, &str)]; 6] = [
    &[("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")],
    &[("Sec-Fetch-Site", "same-site")],
    &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")],
    &[("Origin", "null")],
    &[("Origin", "https://evil.example")],
    // No sign at all, and the cookie.
    &[],
];

pub fn play(studio: &Studio) -> Result<Tally> {
    let mut tally = Tally::new("cross-site");
    let client = studio.client();
    let document = client.call("GET", "/openapi.json", None)?.expect(200)?.json()?;
    let cookie = ("Cookie", "studio_session=abcdefghijklmnopqrstuvwxyz");
    let kinds = ["application/json", "text/plain", "application/x-www-form-urlencoded"];
    for (path, operations) in document["paths"].as_object().context("a document without paths")? {
        let path = path.replace('{', "x").replace('}', "");
        for method in operations.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase()).filter(|m| m != "GET")
        {
            let open_to_all =
                ["/users/login", "/users/signup", "/users/invites/accept", "/users/password-reset"].contains(&path.as_str());
            for (sign, kind) in SIGNS.iter().flat_map(|sign| kinds.iter().map(move |kind| (sign, kind))) {
                let headers: Vec<(&str, &str)> = sign.iter().copied().chain([cookie, ("Content-Type", *kind)]).collect();
                let line = format!("{method} /api/v1{path}");
                let status = raw::status(studio, &line, &headers, b"{}")?;
                tally.count_status(&format!("{line} {sign:?}"), status, false);
                if !open_to_all && !matches!(status, 401 | 403 | 404 | 405) {
                    tally.broken(format!("{line} {sign:?}: {status} instead of 403"));
                }
            }
        }
    }
    for sign in SIGNS.iter().filter(|sign| !sign.is_empty()) {
        for function in ["sign_in", "sign_out", "sign_up", "save_runbook", "delete_runbook", "start_run", "control_run"] {
            let headers: Vec<(&str, &str)> = sign.iter().copied().chain([cookie, ("Content-Type", kinds[2])]).collect();
            let status = raw::status(studio, &format!("POST /rpc/{function}"), &headers, b"a=b")?;
            tally.count_status(&format!("/rpc/{function} {sign:?}"), status, false);
        }
    }
    // What another site may read of an answer: nothing.
    for path in ["/api/v1/runbooks", "/api/v1/openapi.json", "/healthz", "/"] {
        let head = raw::ask(studio, &format!("GET {path}"), SIGNS[0], b"")?.to_lowercase();
        tally.tried += 1;
        if head.contains("access-control-allow-origin") {
            tally.broken(format!("{path} lets another site read it"));
        } else {
            tally.refused += 1;
        }
    }
    Ok(tally)
}
