//! P10: forty steps on one host over SSH, beside OpenSSH's client.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::machine::millis;
use super::row::{Measured, Outcome, Row, Unit};
use super::{Bench, forty_trues};
use crate::shell;
use crate::studio::Client;
use crate::studio::client::text_of;
use crate::studio::sshd::Sshd;

/// The host's name in the runbook.
const HOST: &str = "bench";

pub fn measure(bench: &Bench) -> Result<Outcome> {
    if let Some(why) = Sshd::missing() {
        return Ok(Outcome::NotMeasured(why));
    }
    let folder = bench.folder()?;
    let sshd = Sshd::start(folder.path())?;
    let studio = bench.studio()?;
    let client = studio.client();
    let runbook = match prepare(&client, &sshd)? {
        Ok(runbook) => runbook,
        Err(refusal) => return Ok(Outcome::NotMeasured(refusal)),
    };
    if let Err(error) = forty_trues::run_once(&client, &runbook) {
        return Ok(Outcome::NotMeasured(format!("the server took the host, but {error:#}")));
    }

    let (mut wall, mut client_of_openssh, mut shared) = (Vec::new(), Vec::new(), Vec::new());
    // Opened before it is measured; ours is opened by each run.
    shell::run_quietly(&mut sshd.client_over_one_connection("true")?)?;
    for _ in 0..bench.rounds {
        client_of_openssh.push(millis(forty(|| sshd.client("true"))?));
        shared.push(millis(forty(|| sshd.client_over_one_connection("true"))?));
        wall.push(millis(forty_trues::run_once(&client, &runbook)?.client));
    }
    shell::run_quietly(&mut sshd.client_over_one_connection("-O exit")?)?;
    Ok(Measured::rows([
        Row::of("from the call to the end, seen by a client", Unit::Milliseconds, wall).at_most(250.0),
        Row::beside("ssh host true, 40 times over one open connection (ControlMaster)", Unit::Milliseconds, shared),
        Row::beside("ssh host true, 40 times, a connection each", Unit::Milliseconds, client_of_openssh),
    ])
    .note("OpenSSH's server on loopback, ed25519 keys, the host's key pinned; HOME is a folder without a .bashrc there")
    .into())
}

/// Makes the host and the runbook; the server's words where it refuses.
fn prepare(client: &Client, sshd: &Sshd) -> Result<Result<String, String>> {
    if let Err(refusal) = sshd.introduce(client, HOST)? {
        return Ok(Err(refusal));
    }
    let runbook = json!({ "title": "Forty over SSH", "description": "", "blocks": forty_trues::blocks(Some(HOST)) });
    let answer = client.call("POST", "/runbooks", Some(&runbook))?;
    if answer.status != 201 {
        return Ok(Err(format!("the server refuses a command on a host: {}", answer.refusal())));
    }
    Ok(Ok(text_of(&answer.json()?, "id")?))
}

fn forty(ssh: impl Fn() -> Result<Command>) -> Result<Duration> {
    let began = Instant::now();
    for _ in 0..40 {
        shell::run_quietly(&mut ssh()?)?;
    }
    Ok(began.elapsed())
}
