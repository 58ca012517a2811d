//! API call: one request, redirects followed by our own rules, the answer recorded.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::block::{ApiAuth, ApiBlock};
use domain::{Seconds, Stream};
use reqwest::header::{
    ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION,
    SET_COOKIE, USER_AGENT,
};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::egress::{Rules, refusal};
use super::process::chain;
use super::{Cause, Outcome, Prepared, Scene, Watch};
use crate::error::Halt;
use crate::output::Output;
use crate::template::{Context, Syntax, render, render_json};

/// How much of an answer's body is kept.
pub(super) const MAX_BODY: usize = 10 * 1024 * 1024;
/// How long a call may take where its block does not say.
pub(super) const DEFAULT_TIMEOUT: Seconds = match Seconds::from_millis(30_000) {
    Some(timeout) => timeout,
    None => panic!("half a minute is shorter than 30 days"),
};
const MAX_REDIRECTS: u32 = 5;
/// What a redirect takes along to another origin. Any other header may be a key that somebody wrote by hand, under whatever name.
const TELLS_NOTHING: [HeaderName; 3] = [ACCEPT, ACCEPT_LANGUAGE, USER_AGENT];

/// The clients of API calls: those that follow the same rules share one, with its open connections.
#[derive(Default)]
pub(crate) struct Http(Mutex<HashMap<bool, Client>>);

/// A request with its values put in.
pub(crate) struct Plan<'a> {
    pub(super) block: &'a ApiBlock,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<Body>,
}

struct Body {
    text: String,
    is_json: bool,
}

/// What became of a request.
pub(super) enum Sent {
    /// There is an answer; it is in the output.
    Answered(u16),
    /// Nobody answered.
    NoAnswer(String),
    /// It was not sent, or not sent on.
    Refused(String),
    BrokenOff(Cause),
}

impl Http {
    /// The client for calls under these rules, or why there is none. The rules of a server differ in nothing but whether private
    /// networks may be called.
    fn client(&self, rules: &Rules) -> Result<Client, String> {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&rules.private) {
            return Ok(client.clone());
        }
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .dns_resolver(rules.clone())
            .connect_timeout(Duration::from_secs(10))
            .user_agent(concat!("runbook-studio/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| format!("API calls are not possible on this server: {}", chain(&error)))?;
        clients.insert(rules.private, client.clone());
        Ok(client)
    }
}

impl<'a> Plan<'a> {
    /// A request whose block holds no templates.
    pub(super) fn bare(block: &'a ApiBlock) -> Self {
        Self { block, url: block.url.clone(), headers: Vec::new(), body: None }
    }
}

pub(super) fn prepare<'a>(block: &'a ApiBlock, context: &Context) -> Result<(Prepared<'a>, String), String> {
    let url = render(&block.url, Syntax::Url, context)?;
    let headers = block
        .headers
        .iter()
        .map(|(name, value)| {
            let value = render(value, Syntax::Plain, context).map_err(|error| format!("header {name}: {error}"))?;
            Ok((name.clone(), value))
        })
        .collect::<Result<Vec<_>, String>>()?;
    let in_body = |error| format!("body: {error}");
    let body = match &block.body {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => {
            let is_json = text.trim_start().starts_with(['{', '[']);
            let syntax = if is_json { Syntax::Json } else { Syntax::Plain };
            Some(Body { text: render(text, syntax, context).map_err(in_body)?, is_json })
        }
        Some(value) => Some(Body { text: render_json(value, context).map_err(in_body)?.to_string(), is_json: true }),
    };
    let mut what = format!("{} {url}", block.method.as_str());
    for (name, value) in &headers {
        what.push_str(&format!("\n{name}: {value}"));
    }
    if let Some(body) = &body {
        what.push_str("\n\n");
        what.push_str(&body.text);
    }
    Ok((Prepared::Api(Plan { block, url, headers, body }), what))
}

pub(super) async fn execute(
    plan: &Plan<'_>,
    scene: &Scene<'_>,
    output: &mut Output<'_>,
    watch: &mut Watch,
) -> Result<Outcome, Halt> {
    if watch.timeout.is_none() {
        watch.limit(DEFAULT_TIMEOUT);
    }
    Ok(match send(plan, scene, output, watch).await? {
        Sent::Answered(status) => {
            let mut outcome = if plan.block.expects(status) {
                Outcome::succeeded()
            } else if plan.block.expected_status.is_empty() {
                Outcome::failed(format!("status {status}; expected 2xx"))
            } else {
                let codes: Vec<_> = plan.block.expected_status.iter().map(ToString::to_string).collect();
                Outcome::failed(format!("status {status}; expected {}", codes.join(" or ")))
            };
            outcome.exit_code = Some(i32::from(status));
            outcome
        }
        Sent::NoAnswer(message) | Sent::Refused(message) => Outcome::failed(message),
        Sent::BrokenOff(cause) => {
            Outcome::broken_off(cause, "the call was broken off; the server called may have acted on it", watch.timeout)
        }
    })
}

/// Sends the request and records the answer.
pub(super) async fn send(plan: &Plan<'_>, scene: &Scene<'_>, output: &mut Output<'_>, watch: &mut Watch) -> Result<Sent, Halt> {
    let client = match scene.shared.http.client(scene.egress) {
        Ok(client) => client,
        Err(message) => return Ok(Sent::Refused(message)),
    };
    let mut response = {
        let mut answer = std::pin::pin!(request(&client, scene.egress, plan, scene.given.first()));
        loop {
            tokio::select! {
                answer = &mut answer => match answer {
                    Ok(response) => break response,
                    Err(sent) => return Ok(sent),
                },
                cause = watch.next() => if let Some(sent) = broken_off(cause, output)? { return Ok(sent) },
            }
        }
    };
    let status = response.status();
    output.push(Stream::Stdout, head(&response).as_bytes()).await?;
    let mut kept = 0;
    loop {
        let piece = tokio::select! {
            piece = response.chunk() => piece,
            () = output.due() => {
                output.flush().await?;
                continue;
            }
            cause = watch.next() => match broken_off(cause, output)? {
                Some(sent) => return Ok(sent),
                None => continue,
            },
        };
        match piece {
            Ok(Some(bytes)) => {
                let fits = bytes.len().min(MAX_BODY - kept);
                output.push(Stream::Stdout, &bytes[..fits]).await?;
                kept += fits;
                if fits < bytes.len() {
                    output.push(Stream::Stderr, b"\n[the answer goes on; 10 MiB of it are kept]\n").await?;
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => return Ok(Sent::NoAnswer(format!("the answer broke off: {}", chain(&error.without_url())))),
        }
    }
    Ok(Sent::Answered(status.as_u16()))
}

fn broken_off(cause: Cause, output: &mut Output<'_>) -> Result<Option<Sent>, Halt> {
    match cause {
        Cause::Asked(asked) => {
            output.pen.announce(asked);
            Ok(None)
        }
        Cause::Lost => Err(Halt::Lost),
        cause => {
            if cause == Cause::Stop {
                let mode = output.pen.run.mode;
                output.pen.announce((domain::RunState::Stopping, mode));
            }
            Ok(Some(Sent::BrokenOff(cause)))
        }
    }
}

fn head(response: &Response) -> String {
    let status = response.status();
    let mut text = format!("{:?} {} {}", response.version(), status.as_u16(), status.canonical_reason().unwrap_or_default());
    text.truncate(text.trim_end().len());
    for (name, value) in response.headers().iter().filter(|(name, _)| **name != SET_COOKIE) {
        text.push_str(&format!("\n{name}: {}", String::from_utf8_lossy(value.as_bytes())));
    }
    text.push_str("\n\n");
    text
}

async fn request(client: &Client, rules: &Rules, plan: &Plan<'_>, secret: Option<&SecretString>) -> Result<Response, Sent> {
    let mut url = Url::parse(&plan.url).map_err(|error| Sent::Refused(format!("“{}” is no address: {error}", plan.url)))?;
    let mut method = reqwest::Method::from_bytes(plan.block.method.as_str().as_bytes()).unwrap_or_default();
    let mut headers = headers(plan).map_err(Sent::Refused)?;
    if let Some(secret) = secret {
        let (name, value) = authorization(client, plan.block, secret).map_err(Sent::Refused)?;
        headers.insert(name, value);
    }
    let mut body = plan.body.as_ref();
    for _ in 0..=MAX_REDIRECTS {
        rules.check_url(&url).map_err(Sent::Refused)?;
        let mut request = client.request(method.clone(), url.clone()).headers(headers.clone());
        if let Some(body) = body {
            request = request.body(body.text.clone());
        }
        let response = request.send().await.map_err(|error| {
            let error = error.without_url();
            refusal(&error).map_or_else(|| Sent::NoAnswer(chain(&error)), |refused| Sent::Refused(refused.to_string()))
        })?;
        let Some(next) = redirect_of(&response, &url, plan.block) else { return Ok(response) };
        let next = next.map_err(Sent::Refused)?;
        // RFC 9110, section 15.4: 303 asks for a GET; browsers, and so everyone, do the same after 301 and 302.
        let status = response.status();
        let becomes_get = status == StatusCode::SEE_OTHER && method != reqwest::Method::HEAD
            || matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND) && method == reqwest::Method::POST;
        if becomes_get {
            method = reqwest::Method::GET;
            body = None;
            headers.remove(CONTENT_TYPE);
            headers.remove(CONTENT_LENGTH);
        }
        if next.origin() != url.origin() {
            // Whoever is asked now was not meant to have any of this.
            if body.is_some() {
                return Err(Sent::Refused(body_stays(status, &url, &next)));
            }
            headers = TELLS_NOTHING.into_iter().filter_map(|name| headers.remove(&name).map(|value| (name, value))).collect();
        }
        url = next;
    }
    Err(Sent::Refused(format!("more than {MAX_REDIRECTS} redirects")))
}

/// Why a request with a body does not follow a redirect to another origin.
fn body_stays(status: StatusCode, from: &Url, to: &Url) -> String {
    let [from, to] = [from, to].map(|url| url.origin().ascii_serialization());
    let status = status.as_u16();
    format!(
        "{from} redirects to {to} (status {status}), and the body is not sent on to another scheme, host or port: call that address \
         itself, or expect the status {status}"
    )
}

/// Where the answer sends us, unless the block wants to see the redirect itself.
fn redirect_of(response: &Response, url: &Url, block: &ApiBlock) -> Option<Result<Url, String>> {
    let status = response.status();
    let moves = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) && !block.expected_status.contains(&status.as_u16());
    let place = response.headers().get(LOCATION).filter(|_| moves)?;
    let place = String::from_utf8_lossy(place.as_bytes());
    Some(url.join(&place).map_err(|error| format!("redirected to “{place}”, which is no address: {error}")))
}

fn headers(plan: &Plan<'_>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    if let Some(body) = &plan.body {
        let kind = if body.is_json { "application/json" } else { "text/plain; charset=utf-8" };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    for (name, value) in &plan.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("“{name}” is not the name of a header"))?;
        let value =
            HeaderValue::from_str(value).map_err(|_| format!("the value of {name} holds a line end or control character"))?;
        headers.insert(name, value);
    }
    Ok(headers)
}

fn authorization(client: &Client, block: &ApiBlock, secret: &SecretString) -> Result<(HeaderName, HeaderValue), String> {
    let unfit = || "the credential holds a line end or control character; it cannot be sent in a header".to_owned();
    // A file with a token often ends in a newline.
    let secret = secret.expose_secret().trim_end_matches(['\n', '\r']);
    let mut value = match block.auth {
        ApiAuth::Bearer => HeaderValue::from_str(&format!("Bearer {secret}")).map_err(|_| unfit())?,
        ApiAuth::Header => HeaderValue::from_str(secret).map_err(|_| unfit())?,
        ApiAuth::Basic => {
            let (user, password) = secret.split_once(':').unwrap_or((secret, ""));
            // The library's own encoding, from a request that is never sent.
            let request = client.get("http://localhost/").basic_auth(user, Some(password)).build().map_err(|_| unfit())?;
            request.headers().get(AUTHORIZATION).cloned().ok_or_else(unfit)?
        }
    };
    value.set_sensitive(true);
    let name = block.auth_header_name.as_deref().unwrap_or(domain::block::api::DEFAULT_AUTH_HEADER);
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("“{name}” is not the name of a header"))?;
    Ok((name, value))
}
