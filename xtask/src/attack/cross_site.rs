//! Requests that a page of another site makes a browser send, with the cookie of whoever is signed in.

use anyhow::{Context, Result, ensure};

use super::raw;
use super::tally::Tally;
use crate::studio::{ADMIN, PASSWORD, Studio};

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

/// Calls that no cookie means anything to.
const NO_COOKIE: [&str; 3] = ["/users/login", "/users/invites/accept", "/users/password-reset"];

pub fn play(studio: &Studio) -> Result<Tally> {
    let mut tally = Tally::new("cross-site");
    let client = studio.client();
    let document = client.call("GET", "/openapi.json", None)?.expect(200)?.json()?;
    let session = session(studio)?;
    let cookie = ("Cookie", session.as_str());
    let kinds = ["application/json", "text/plain", "application/x-www-form-urlencoded"];
    for (path, operations) in document["paths"].as_object().context("a document without paths")? {
        let path = path.replace('{', "x").replace('}', "");
        for method in operations.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase()).filter(|m| m != "GET")
        {
            for (sign, kind) in SIGNS.iter().flat_map(|sign| kinds.iter().map(move |kind| (sign, kind))) {
                let headers: Vec<(&str, &str)> = sign.iter().copied().chain([cookie, ("Content-Type", *kind)]).collect();
                let line = format!("{method} /api/v1{path}");
                let status = raw::status(studio, &line, &headers, b"{}")?;
                tally.count_status(&format!("{line} {sign:?}"), status, false);
                // Without a sign the cookie alone is one, where it is looked at.
                if status != 403 && !(sign.is_empty() && NO_COOKIE.contains(&path.as_str())) {
                    tally.broken(format!("{line} {sign:?}: {status} instead of 403"));
                }
            }
        }
    }
    for sign in SIGNS {
        for function in ["sign_in", "sign_out", "sign_up", "update_runbook", "delete_runbook", "start_run", "control_run"] {
            let headers: Vec<(&str, &str)> = sign.iter().copied().chain([cookie, ("Content-Type", kinds[2])]).collect();
            let status = raw::status(studio, &format!("POST /rpc/{function}"), &headers, b"a=b")?;
            tally.count_status(&format!("/rpc/{function} {sign:?}"), status, false);
            if status != 403 {
                tally.broken(format!("/rpc/{function} {sign:?}: {status} instead of 403"));
            }
        }
    }
    // It was a session to the end: what was refused was refused for where it came from.
    let status = raw::status(studio, "GET /api/v1/users/me", &[cookie], b"")?;
    ensure!(status == 200, "the session of these attacks is none: {status}");
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

/// The cookie of the administrator's session, as a browser sends it back.
fn session(studio: &Studio) -> Result<String> {
    let form = format!("username={ADMIN}&password={}", PASSWORD.replace(' ', "+"));
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    let head = raw::ask(studio, "POST /rpc/sign_in", &[kind, ("Accept", "application/json")], form.as_bytes())?;
    let cookie = head.lines().find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")));
    let (_, cookie) = cookie.with_context(|| format!("no session in {head:?}"))?;
    Ok(cookie.split(';').next().unwrap_or(cookie).trim().to_owned())
}
