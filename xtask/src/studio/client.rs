//! Somebody who speaks to the REST API, one call after the other on one connection.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use ureq::{Agent, Body, http};

use super::events::Events;

/// Where the API begins.
const API: &str = "/api/v1";
/// How long one read may take; event streams say every 15 s that they live.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a run is looked at while somebody waits for its end.
const GLANCE: Duration = Duration::from_millis(20);
/// The largest answer that is kept: a whole output.
const LARGEST: u64 = 256 * 1024 * 1024;
/// The largest page of a list.
pub const PAGE: usize = 200;

/// A client of one server. A clone shares its connections.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    base: String,
    key: Option<String>,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub text: String,
    /// The address of the next page, from the `Link` header (RFC 8288).
    pub next: Option<String>,
}

impl Answer {
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.text).with_context(|| format!("an answer that is not JSON: {}", self.text))
    }

    /// `409 conflict: this run …`: what a refusal says.
    pub fn refusal(&self) -> String {
        let problem: Value = serde_json::from_str(&self.text).unwrap_or_default();
        match (problem["code"].as_str(), problem["detail"].as_str()) {
            (Some(code), Some(detail)) => format!("{} {code}: {detail}{}", self.status, faults(&problem)),
            _ => format!("{} {}", self.status, self.text),
        }
    }

    /// The answer, or an error that says what was answered instead.
    pub fn expect(self, status: u16) -> Result<Self> {
        if self.status != status {
            bail!("{status} was expected, the answer is {}", self.refusal());
        }
        Ok(self)
    }
}

impl Client {
    /// A client with no key.
    pub fn new(address: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_connect(Some(Duration::from_secs(5)))
            .timeout_per_read(Some(PATIENCE))
            .timeout_per_write(Some(PATIENCE))
            .build();
        Self { agent: config.new_agent(), base: address.to_owned(), key: None }
    }

    pub fn with_key(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }

    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// One call of the API; `path` follows the API's base.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
        self.call_with(method, path, &[], body)
    }

    /// [`Self::call`] with more headers.
    pub fn call_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Result<Answer> {
        let mut response = self.send(method, &format!("{API}{path}"), headers, body)?;
        let status = response.status().as_u16();
        let next = response.headers().get("link").and_then(|link| next_page(link.to_str().ok()?));
        let text = response.body_mut().with_config().limit(LARGEST).read_to_string();
        Ok(Answer { status, text: text.with_context(|| format!("reading the answer to {method} {path}"))?, next })
    }

    /// Whether the server says that it is ready.
    pub fn is_ready(&self) -> bool {
        self.outside("/readyz") == Some(200)
    }

    /// The status of a path outside the API; `None` where nobody answers.
    pub fn outside(&self, path: &str) -> Option<u16> {
        let mut response = self.send("GET", path, &[], None).ok()?;
        // Read to the end, so that the connection can be used again.
        response.body_mut().read_to_string().ok()?;
        Some(response.status().as_u16())
    }

    /// Makes an account; the first one is the administrator. Its API key.
    pub fn sign_up(&self, name: &str, password: &str) -> Result<String> {
        let body = json!({ "username": name, "password": password });
        let answer = self.call("POST", "/users/signup", Some(&body))?.expect(201)?;
        text_of(&answer.json()?, "api_key")
    }

    /// Makes a runbook of these blocks; its id.
    pub fn runbook(&self, title: &str, blocks: Value) -> Result<String> {
        let body = json!({ "title": title, "description": "", "blocks": blocks });
        let answer = self.call("POST", "/runbooks", Some(&body))?.expect(201)?;
        text_of(&answer.json()?, "id")
    }

    /// Starts a run; its id.
    pub fn execute(&self, runbook: &str) -> Result<String> {
        let answer = self.call("POST", &format!("/runbooks/{runbook}/execute"), None)?.expect(202)?;
        text_of(&answer.json()?, "job_id")
    }

    /// A run with its steps.
    pub fn execution(&self, run: &str) -> Result<Value> {
        self.call("GET", &format!("/executions/{run}"), None)?.expect(200)?.json()
    }

    /// Every run of a runbook, newest first.
    pub fn executions_of(&self, runbook: &str) -> Result<Vec<Value>> {
        self.newest_of(runbook, usize::MAX)
    }

    /// The newest runs of a runbook, as many as asked for or as there are.
    pub fn newest_of(&self, runbook: &str, count: usize) -> Result<Vec<Value>> {
        self.pages(&format!("/executions?runbook={runbook}&limit={PAGE}"), count)
    }

    /// Every item of a list.
    pub fn all(&self, path: &str) -> Result<Vec<Value>> {
        self.pages(path, usize::MAX)
    }

    /// The items of a list, page by page, until there are enough.
    fn pages(&self, path: &str, enough: usize) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next.filter(|_| items.len() < enough) {
            let answer = self.call("GET", &path, None)?.expect(200)?;
            let Value::Array(page) = answer.json()? else { bail!("a list was expected, the answer is {}", answer.text) };
            items.extend(page);
            next = answer.next.map(|address| address.strip_prefix(API).unwrap_or(&address).to_owned());
        }
        items.truncate(enough);
        Ok(items)
    }

    /// What happens in a run, from its beginning to its end.
    pub fn events(&self, run: &str) -> Result<Events> {
        let path = format!("{API}/executions/{run}/events");
        let mut response = self.send("GET", &path, &[("accept", "text/event-stream")], None)?;
        if response.status() != 200 {
            bail!("the event stream was refused: {}", response.body_mut().read_to_string().unwrap_or_default());
        }
        Ok(Events::new(response.into_body().into_reader()))
    }

    /// Looks at a run until it is over.
    pub fn until_over(&self, run: &str, patience: Duration) -> Result<Value> {
        let deadline = Instant::now() + patience;
        loop {
            let execution = self.execution(run)?;
            if is_over(&execution) {
                return Ok(execution);
            }
            if Instant::now() > deadline {
                bail!("run {run} is still {} after {} s", execution["state"], patience.as_secs());
            }
            thread::sleep(GLANCE);
        }
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Result<http::Response<Body>> {
        let mut request = http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.header("x-api-key", key);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = match body {
            Some(body) => self.agent.run(request.header("content-type", "application/json").body(body.to_string())?),
            None if matches!(method, "GET" | "HEAD" | "DELETE") => self.agent.run(request.body(())?),
            None => self.agent.run(request.body(String::new())?),
        };
        sent.with_context(|| format!("{method} {path}"))
    }
}

/// Whether a run, as the API or an event tells of it, can change no more.
pub fn is_over(run: &Value) -> bool {
    run["state"].as_str().is_some_and(|state| ["succeeded", "failed", "stopped"].contains(&state))
}

/// A text of an object.
pub fn text_of(value: &Value, key: &str) -> Result<String> {
    value[key].as_str().map(str::to_owned).with_context(|| format!("there is no text “{key}” in {value}"))
}

/// ` ($.x: is missing)`
fn faults(problem: &Value) -> String {
    let faults = problem["errors"].as_array().into_iter().flatten();
    let texts: Vec<String> =
        faults.filter_map(|f| Some(format!("{}: {}", f["path"].as_str()?, f["message"].as_str()?))).collect();
    if texts.is_empty() { String::new() } else { format!(" ({})", texts.join("; ")) }
}

/// `</api/v1/runbooks?cursor=x>; rel="next"`
fn next_page(link: &str) -> Option<String> {
    let (address, relation) = link.split_once(';')?;
    relation.contains("rel=\"next\"").then(|| address.trim().trim_start_matches('<').trim_end_matches('>').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_read_from_the_link_header() {
        assert_eq!(next_page("</api/v1/runbooks?cursor=x>; rel=\"next\"").as_deref(), Some("/api/v1/runbooks?cursor=x"));
        assert_eq!(next_page("</api/v1/runbooks>; rel=\"prev\""), None);
    }

    #[test]
    fn a_refusal_names_every_fault() {
        let text = json!({ "code": "invalid", "detail": "wrong", "errors": [{ "path": "$.name", "message": "is missing" }] });
        let answer = Answer { status: 422, text: text.to_string(), next: None };
        assert_eq!(answer.refusal(), "422 invalid: wrong ($.name: is missing)");
    }
}
