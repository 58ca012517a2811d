//! A running Runbook Studio, and somebody who talks to it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use store::Store;
use tempfile::TempDir;

/// The built binary.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_runbook-studio");
/// The password of everybody in these tests.
pub const PASSWORD: &str = "plain words, quite many of them";

/// A server with its data folder; killed when dropped.
pub struct Studio {
    child: Child,
    base: String,
    client: Client,
    folder: TempDir,
    starts: usize,
}

/// What was answered.
#[derive(Debug)]
pub struct Answered {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answered {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl Studio {
    /// A fresh installation.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::of(folder, Path::new(PROGRAM), &[]).await
    }

    /// A fresh installation in a folder, by this copy of the program, with more arguments.
    pub async fn of(folder: TempDir, program: &Path, arguments: &[&str]) -> Self {
        // Where a server speaks https, its certificate is one that nobody else knows.
        let client = Client::builder().no_proxy().danger_accept_invalid_certs(true).tls_info(true);
        let client = client.timeout(Duration::from_secs(60)).build().expect("a client");
        let (child, base) = start(program, arguments, folder.path(), 0).await;
        let studio = Self { child, base, client, folder, starts: 1 };
        studio.until_ready().await;
        studio
    }

    /// Ends the process without a warning, as a power cut would, and starts it again on the same data.
    pub async fn crash_and_restart(&mut self) {
        self.kill();
        (self.child, self.base) = start(Path::new(PROGRAM), &[], self.folder.path(), self.starts).await;
        self.starts += 1;
        self.until_ready().await;
    }

    /// Ends the process, lets `change` do to its database what time would do, and starts it again.
    pub async fn while_stopped<T>(&mut self, change: impl AsyncFnOnce(&Store) -> T) -> T {
        self.kill();
        let url = format!("surrealkv://{}", self.data().join("db").display());
        let store = Store::connect(&url, None).await.expect("its database");
        let made = change(&store).await;
        drop(store);
        self.crash_and_restart().await;
        made
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What the first account must show, where it asks for that.
    pub fn setup_token(&self) -> Option<String> {
        let log = fs::read_to_string(self.folder.path().join("stdout-0.log")).expect("a log");
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find_map(|line| line["setup_token"].as_str().map(str::to_owned))
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its address, for callers with their own client.
    pub fn address(&self) -> &str {
        &self.base
    }

    /// Sends its process a signal: `STOP`, `CONT`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIG{name} was not sent");
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The process that owns its commands, if there is one: it was started with our data folder among its arguments.
    pub fn runner(&self) -> Option<u32> {
        let data = self.folder.path().join("data");
        fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let mut words = line.split(|byte| *byte == 0);
            let serves = words.nth(1) == Some(b"runner") && words.any(|word| word == data.as_os_str().as_encoded_bytes());
            serves.then_some(pid)
        })
    }

    /// Everything it has written anywhere: data and logs.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.is_file() {
                    found.push(path);
                }
            }
        }
        found
    }

    /// One call of the API; never answered with a 5xx.
    pub async fn call(&self, key: Option<&str>, method: &str, path: &str, body: Option<Value>) -> Answered {
        let body = body.map(|body| ("application/json", body.to_string().into_bytes()));
        self.send(key, method, path, body).await
    }

    /// One call with any body.
    pub async fn send(&self, key: Option<&str>, method: &str, path: &str, body: Option<(&str, Vec<u8>)>) -> Answered {
        let headers: Vec<_> = key.map(|key| ("x-api-key", key)).into_iter().collect();
        let answer = self.exchange(method, path, &headers, body).await;
        if answer.status.as_u16() >= 400 {
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{method} {path}: {}", answer.text);
        }
        answer
    }

    /// One request with any headers and body; never answered with a 5xx or without a request id.
    pub async fn exchange(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<(&str, Vec<u8>)>) -> Answered {
        let verb: Method = method.parse().expect("a method");
        let mut request = self.client.request(verb, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some((kind, body)) = body {
            request = request.header("content-type", kind).body(body);
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.expect("a text");
        assert!(status.as_u16() < 500, "{method} {path}: {status}: {text}");
        assert!(headers.contains_key("x-request-id"), "{method} {path} has no request id");
        Answered { status, headers, text }
    }

    /// The status alone, without waiting for the end of the answer.
    pub async fn status(&self, key: Option<&str>, method: &str, path: &str, body: Option<Value>) -> u16 {
        let verb: Method = method.parse().expect("a method");
        let mut request = self.client.request(verb, format!("{}{path}", self.base));
        if let Some(key) = key {
            request = request.header("X-API-KEY", key);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        request.send().await.expect("an answer").status().as_u16()
    }

    /// A new account; the first one is the administrator. Its API key.
    pub async fn sign_up(&self, admin: Option<&str>, name: &str, role: Option<&str>) -> String {
        let mut body = json!({ "username": name, "password": PASSWORD });
        if let Some(role) = role {
            body["role"] = role.into();
        }
        let answer = self.call(admin, "POST", "/api/v1/users/signup", Some(body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["api_key"].as_str().expect("a key").to_owned()
    }

    /// A new runbook of these blocks; its id.
    pub async fn runbook(&self, key: &str, blocks: Value) -> String {
        let body = json!({ "title": "A test", "description": "", "blocks": blocks });
        let answer = self.call(Some(key), "POST", "/api/v1/runbooks", Some(body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["id"].as_str().expect("an id").to_owned()
    }

    /// A new run; its id.
    pub async fn execute(&self, key: &str, runbook: &str) -> String {
        let answer = self.call(Some(key), "POST", &format!("/api/v1/runbooks/{runbook}/execute"), None).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        answer.json()["job_id"].as_str().expect("an id").to_owned()
    }

    /// Looks at a run until it is as wanted.
    pub async fn until(&self, key: &str, run: &str, seconds: u64, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        loop {
            let execution = self.call(Some(key), "GET", &format!("/api/v1/executions/{run}"), None).await.json();
            if wanted(&execution) {
                return execution;
            }
            assert!(Instant::now() < deadline, "still not as wanted: {execution:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn until_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Ok(response) = self.client.get(format!("{}/readyz", self.base)).send().await
                && response.status().is_success()
            {
                return;
            }
            assert!(Instant::now() < deadline, "never ready");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        self.kill();
        // What is left of it: the process that owns its commands.
        if let Some(pid) = self.runner() {
            let _ = Command::new("kill").arg(pid.to_string()).status();
        }
    }
}

/// Starts the binary on a free port and reads the address from its log.
async fn start(program: &Path, arguments: &[&str], folder: &Path, count: usize) -> (Child, String) {
    let log = folder.join(format!("stdout-{count}.log"));
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("STUDIO_") {
            command.env_remove(name);
        }
    }
    let own_machine = ["--addr", "127.0.0.1:0"].into_iter().filter(|_| !arguments.contains(&"--addr"));
    let mut child = command
        .args(["serve", "--log-format", "json", "--log", "debug", "--data-dir"])
        .arg(folder.join("data"))
        .args(own_machine)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(File::create(&log).expect("a log"))
        .stderr(File::create(folder.join(format!("stderr-{count}.log"))).expect("a log"))
        .spawn()
        .expect("the binary");
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let text = fs::read_to_string(&log).unwrap_or_default();
        let address = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|line| {
            (line["message"] == "Runbook Studio is ready").then(|| line["address"].as_str().unwrap_or_default().to_owned())
        });
        if let Some(address) = address {
            return (child, address);
        }
        let ended = child.try_wait().expect("a process");
        let stderr = fs::read_to_string(folder.join(format!("stderr-{count}.log"))).unwrap_or_default();
        assert!(ended.is_none(), "it ended: {ended:?} {stderr}");
        assert!(Instant::now() < deadline, "it never said that it is ready: {stderr}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
