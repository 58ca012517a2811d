//! Addresses that a developer may not have the server call: itself, its network, the metadata service of a cloud.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::tally::Tally;
use crate::studio::client::text_of;
use crate::studio::{Client, Studio};

/// How long the run may take.
const PATIENCE: Duration = Duration::from_secs(240);

pub fn play(studio: &Studio) -> Result<Tally> {
    let mut tally = Tally::new("outgoing calls");
    // Nobody may come here.
    let canary = TcpListener::bind(("127.0.0.1", 0)).context("listening")?;
    canary.set_nonblocking(true).context("listening")?;
    let port = canary.local_addr().context("listening")?.port();
    let key = Client::new(studio.address()).sign_up("developer-1", "plain words, quite many of them")?;
    let client = Client::new(studio.address()).with_key(&key);
    let addresses = addresses(port);
    let block = |url: &String| json!({ "type": "api", "on_failure": "continue", "timeout": "1s", "config": { "method": "GET", "url": url } });
    let mut wanted = Vec::new();
    for url in &addresses {
        // One by one: what is refused when it is written never comes to run.
        let body = json!({ "title": "Out", "description": "", "blocks": [block(url)] });
        let answer = client.call("POST", "/runbooks", Some(&body))?;
        if answer.status == 201 { wanted.push(url.clone()) } else { tally.count_status(url, answer.status, false) }
    }
    for urls in wanted.chunks(50) {
        let id = client.runbook("Out", Value::from(urls.iter().map(block).collect::<Vec<_>>()))?;
        let run = client.until_over(&client.execute(&id)?, PATIENCE)?;
        for (url, step) in urls.iter().zip(run["steps"].as_array().context("a run without steps")?) {
            tally.tried += 1;
            if text_of(step, "status")? == "error" && step["exit_code"].is_null() {
                tally.refused += 1;
            } else {
                tally.broken(format!("{url}: {step}"));
            }
        }
    }
    if canary.accept().is_ok() {
        tally.broken("a call reached a port of loopback");
    }
    Ok(tally)
}

fn addresses(port: u16) -> Vec<String> {
    let hosts = [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "127.255.255.254",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "localhost.localdomain",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "0.0.0.0",
        "0",
        "[::]",
        "10.0.0.1",
        "10.255.255.255",
        "172.16.0.1",
        "192.168.0.1",
        "[fc00::1]",
        "[fd00::1]",
        "[fe80::1]",
        "169.254.169.254",
        "169.254.1.1",
        "2852039166",
        "0xa9fea9fe",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "224.0.0.1",
        "255.255.255.255",
        "\u{ff11}27.0.0.1",
        "127\u{3002}0\u{3002}0\u{3002}1",
        "\u{2460}27.0.0.1",
        "user@127.0.0.1",
        "evil.example@127.0.0.1",
    ];
    let mut all: Vec<String> = hosts.iter().map(|host| format!("http://{host}:{port}/")).collect();
    all.extend(["169.254.169.254", "[fd00:ec2::254]", "0xa9fea9fe"].map(|host| format!("http://{host}/latest/meta-data/")));
    for scheme in [
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "ftp://127.0.0.1/",
        "data:,x",
        "javascript:alert(1)",
        "unix:/run/x.sock",
        "//127.0.0.1/",
        "",
    ] {
        all.push(scheme.to_owned());
    }
    all.push(format!("http:127.0.0.1:{port}"));
    all.push(format!("http:\\\\127.0.0.1:{port}\\"));
    all.push(format!("http://127.0.0.1:{port}#@example.com/"));
    all.push(format!("HTTP://127.0.0.1:{port}/"));
    all
}
