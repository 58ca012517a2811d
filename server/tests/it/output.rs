//! What a command prints, from its pipe to whoever reads it by the API.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::Studio;

/// A studio, its administrator's key, and a run of one command.
async fn running(command: &str) -> (Studio, String, String) {
    let studio = Studio::new().await;
    let key = studio.sign_up(None, "ann", None).await;
    let blocks = json!([{ "name": "Print", "type": "command", "config": { "command": command } }]);
    let runbook = studio.runbook(&key, blocks).await;
    let run = studio.execute(&key, &runbook).await;
    (studio, key, run)
}

/// Where the output of the run's only step is read.
fn output_of(run: &Value) -> String {
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    format!("/api/v1/executions/{}/steps/{}/output", text(&run["job_id"]), text(&run["steps"][0]["id"]))
}

async fn read(studio: &Studio, key: &str, path: &str) -> String {
    let answer = studio.call(Some(key), "GET", path, None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.text
}

/// Every number from 1 to the last, a line each, in order; told by the first line that is not.
fn assert_lines(text: &str, last: usize) {
    let mut lines = text.split_terminator('\n');
    for number in 1..=last {
        let line = lines.next().unwrap_or_else(|| panic!("line {number} is missing"));
        assert!(line.parse() == Ok(number), "line {number} is “{line}”");
    }
    assert_eq!(lines.next(), None, "more than was printed");
    assert!(text.ends_with('\n'));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_lines_arrive_each_once_and_in_order() {
    const LINES: usize = 1_000_000;
    let (studio, key, run) = running(&format!("seq 1 {LINES}")).await;
    let ended = studio.until(&key, &run, 120, |run| run["status"] != "pending" && run["status"] != "running").await;
    assert_eq!(ended["status"], "completed", "{ended:#}");
    assert_lines(&read(&studio, &key, &output_of(&ended)).await, LINES);
    // The run itself shows the end of it.
    let tail = ended["steps"][0]["output"].as_str().expect("a tail");
    assert!(tail.ends_with("\n999999\n1000000\n") && tail.len() <= 64 * 1024, "{} bytes", tail.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_goes_on_tells_what_it_has_written_so_far() {
    let (studio, key, run) = running("echo half of it; sleep 600").await;
    let written = |run: &Value| run["steps"][0]["output"] == "half of it\n";
    let read = studio.until(&key, &run, 30, written).await;
    assert_eq!(read["steps"][0]["state"], "running", "{read:#}");
    let report = studio.call(Some(&key), "GET", &format!("/api/v1/executions/{run}/report"), None).await;
    assert!(report.text.contains("half of it"), "{}", report.text);
    let stop = json!({ "action": "stop" });
    assert_eq!(studio.call(Some(&key), "POST", &format!("/api/v1/executions/{run}/control"), Some(stop)).await.status, 202);
    studio.until(&key, &run, 30, |run| run["state"] == "stopped").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_read_from_any_piece_on() {
    let command = "for i in 1 2 3 4; do echo out $i; sleep 0.2; echo err $i >&2; sleep 0.2; done";
    let (studio, key, run) = running(command).await;
    let ended = studio.until(&key, &run, 60, |run| run["status"] == "completed").await;
    let path = output_of(&ended);
    let whole = read(&studio, &key, &path).await;
    let expected: String = (1..=4).map(|i| format!("out {i}\nerr {i}\n")).collect();
    assert_eq!(whole, expected);

    let events = read(&studio, &key, &format!("/api/v1/executions/{run}/events")).await;
    let pieces: Vec<(u64, String)> = events
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok())
        .filter(|event| event["kind"] == "output")
        .map(|event| (event["data"]["seq"].as_u64().expect("a number"), event["data"]["text"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(pieces.len(), 8, "{events}");
    for (place, (seq, _)) in pieces.iter().enumerate() {
        let rest: String = pieces[place..].iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(read(&studio, &key, &format!("{path}?from={seq}")).await, rest, "from {seq}");
    }
    assert_eq!(read(&studio, &key, &format!("{path}?from=0")).await, whole);
    assert_eq!(read(&studio, &key, &format!("{path}?from={}", pieces[7].0 + 1)).await, "", "nothing after the last");
    assert_eq!(studio.call(Some(&key), "GET", &format!("{path}?from=-1"), None).await.status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_held_back_while_nobody_takes_what_it_prints_and_nothing_is_lost() {
    const LINES: usize = 3_000_000;
    let dir = tempfile::tempdir().expect("a folder");
    let place = |name: &str| dir.path().join(name);
    let command = format!(
        "until test -e {}; do sleep 0.02; done; seq 1 {LINES}; touch {}",
        place("gate").display(),
        place("printed").display()
    );
    let (studio, key, run) = running(&command).await;
    let begun = studio.until(&key, &run, 30, |run| run["steps"][0]["status"] == "running").await;
    let spool = studio.data().join("runner/spool").join(begun["steps"][0]["id"].as_str().expect("an id"));
    // That it runs is written before it is started.
    let deadline = Instant::now() + Duration::from_secs(30);
    while !spool.is_dir() {
        assert!(Instant::now() < deadline, "{}", spool.display());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    // The server stands still; its runner and the command do not.
    studio.signal("STOP");
    fs::write(place("gate"), "").expect("a gate");
    until_it_grows_no_more(&spool).await;
    assert!(!place("printed").exists(), "it was not held back");
    studio.signal("CONT");

    let ended = studio.until(&key, &run, 120, |run| run["status"] != "running").await;
    assert_eq!(ended["status"], "completed", "{ended:#}");
    assert_lines(&read(&studio, &key, &output_of(&ended)).await, LINES);
}

/// Waits until the folder holds more than it may for somebody who is behind, and stays as it is.
async fn until_it_grows_no_more(folder: &Path) {
    let size = || {
        fs::read_dir(folder)
            .map_or(0, |files| files.flatten().filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum())
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut last: u64 = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = size();
        if now == last && now > 8 * 1024 * 1024 {
            return;
        }
        last = now;
        assert!(Instant::now() < deadline, "{now} bytes");
    }
}
