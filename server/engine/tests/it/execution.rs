//! What blocks do.

use domain::block::command::GivenBy;
use domain::block::{
    ApiBlock, Backoff, BlockKind, Capture, CaptureFrom, Check, CommandBlock, ConditionBlock, CredentialUse, InstructionBlock,
    Method, OnFailure, OnFalse, Retry,
};
use domain::parameter::ParameterKind;
use domain::plan::Selection;
use domain::{AuditAction, Block, ControlAction, Parameter, Role, RunEvent, RunState, Seconds, StepState, Stream};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::runner_process::RUNNER_USER;
use crate::world::{Start, World, command, config, named, timer, until};

fn condition(check: Check, nested: Vec<Block>, otherwise: Vec<Block>, on_false: OnFalse) -> Block {
    Block::new("check", BlockKind::Condition(ConditionBlock { check, nested_blocks: nested, else_blocks: otherwise, on_false }))
}

fn expression(text: &str) -> Check {
    Check::Expression { expression: text.into() }
}

fn text_parameter(name: &str, kind: ParameterKind) -> Parameter {
    Parameter {
        name: name.into(),
        label: None,
        kind,
        default: None,
        required: false,
        options: Vec::new(),
        pattern: None,
        description: None,
    }
}

/// Answers every request with the answers in turn, the last one for ever; tells what it was asked.
async fn server(answers: Vec<String>) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (asked, requests) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut answers = answers.into_iter().peekable();
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            loop {
                let read = socket.read(&mut buffer).await.unwrap();
                request.extend_from_slice(&buffer[..read]);
                let text = String::from_utf8_lossy(&request);
                let length = text
                    .lines()
                    .find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(|n| n.parse::<usize>().unwrap()))
                    .unwrap_or(0);
                if read == 0 || text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length) {
                    break;
                }
            }
            let _ = asked.send(String::from_utf8_lossy(&request).into_owned());
            let answer = answers.next_if(|_| true).unwrap_or_else(|| "HTTP/1.1 500 Oops\r\n\r\n".into());
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (address, requests)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}", body.len())
}

#[tokio::test]
async fn a_runbook_of_all_five_types_succeeds() {
    let world = World::new().await;
    let (url, mut requests) = server(vec![answer("200 OK", "X-Place: here\r\n", r#"{"id": 42}"#)]).await;
    let api = ApiBlock {
        method: Method::Post,
        url: format!("{url}/things/{{{{ params.name }}}}"),
        headers: vec![("X-Run".into(), "{{ run.started_by }}".into())],
        body: Some(json!({"name": "{{ params.name }}"})),
        capture: vec![
            Capture { name: "id".into(), from: CaptureFrom::Body, regex: None, json_path: Some("$.id".into()) },
            Capture { name: "place".into(), from: CaptureFrom::Header, regex: Some("x-place".into()), json_path: None },
        ],
        ..ApiBlock::default()
    };
    let blocks = vec![
        Block::new(
            "read",
            BlockKind::Instruction(InstructionBlock { text: "Deploy {{ params.name }}".into(), acknowledge: false }),
        ),
        named("Say it!", command("echo hello {{ params.name }}; echo $PARAM_NAME; echo oops >&2")),
        named("call", Block::new("", BlockKind::Api(api))),
        condition(
            expression("steps.say_it_.exit_code == 0 and steps.call.json.id == 42"),
            vec![command("echo {{ steps['Say it!'].stdout }} {{ steps.call.captured.id }} {{ steps.call.captured.place }}")],
            vec![command("exit 9")],
            OnFalse::Continue,
        ),
        timer(20),
    ];
    let parameters = vec![text_parameter("name", ParameterKind::String)];
    let id = world.start_with(blocks, Start { parameters, answers: json!({"name": "a b'; $(id)"}), ..Start::default() }).await;
    let (run, steps) = world.reaches(id, RunState::Succeeded).await;
    let states: Vec<_> = steps.iter().map(|step| step.state).collect();
    use StepState::{Skipped, Succeeded};
    assert_eq!(states, [Succeeded, Succeeded, Succeeded, Succeeded, Succeeded, Skipped, Succeeded]);
    assert_eq!(steps[0].what, "Deploy a b'; $(id)");
    assert_eq!(world.stdout(id, &steps[1]).await, "hello a b'; $(id)\na b'; $(id)\n");
    assert_eq!(world.output(id, &steps[1], Stream::Stderr).await, "oops\n");
    let said = world.stdout(id, &steps[2]).await;
    assert!(said.starts_with("HTTP/1.1 200 OK\n") && said.ends_with("\n\n{\"id\": 42}"), "{said}");
    let request = requests.recv().await.unwrap();
    assert!(request.starts_with("POST /things/a%20b%27%3B%20%24%28id%29 HTTP/1.1"), "{request}");
    assert!(request.contains("x-run: ann") && request.ends_with(r#"{"name":"a b'; $(id)"}"#), "{request}");
    assert_eq!(world.stdout(id, &steps[4]).await, "hello a b'; $(id)\na b'; $(id)\n 42 here\n");
    assert_eq!(steps[5].error.as_deref(), Some("branch not taken"));
    assert!(run.started_at.is_some() && run.ended_at.is_some());
    // Numbers are unique and the run has the last one.
    let mut numbers: Vec<_> = steps.iter().map(|step| step.event).chain([run.event]).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), steps.len() + 1);
    assert_eq!(numbers.last(), Some(&run.event));
}

#[tokio::test]
async fn output_arrives_while_the_command_runs() {
    let world = World::new().await;
    let dir = tempfile::tempdir().unwrap();
    let gate = dir.path().join("gate");
    let script = format!("printf 'before?'; until test -e {}; do sleep 0.02; done; echo after", gate.display());
    let id = world.start(vec![timer(50), command(&script)]).await;
    let mut viewer = world.engine.subscribe(id);
    loop {
        let event = tokio::time::timeout(std::time::Duration::from_secs(20), viewer.recv()).await.unwrap().unwrap();
        if let RunEvent::Output(chunk) = &*event {
            assert_eq!(chunk.text, "before?");
            break;
        }
    }
    assert_eq!(world.run(id).await.state, RunState::Running);
    std::fs::write(&gate, "").unwrap();
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!(world.stdout(id, &steps[1]).await, "before?after\n");
}

#[tokio::test]
async fn a_failure_stops_the_run_unless_the_block_says_go_on() {
    let world = World::new().await;
    let tolerant = Block { on_failure: OnFailure::Continue, ..command("exit 3") };
    let id = world.start(vec![tolerant, named("bad", command("exit 7")), command("echo never")]).await;
    let (run, steps) = world.reaches(id, RunState::Failed).await;
    assert_eq!(run.error.as_deref(), Some("block 2 “bad”: exit 7"));
    let seen: Vec<_> = steps.iter().map(|s| (s.state, s.exit_code, s.error.as_deref())).collect();
    assert_eq!(
        seen,
        [
            (StepState::Failed, Some(3), Some("exit 3")),
            (StepState::Failed, Some(7), Some("exit 7")),
            (StepState::Skipped, None, Some("not reached")),
        ]
    );
}

#[tokio::test]
async fn a_failed_attempt_is_repeated_and_each_keeps_its_output() {
    let world = World::new().await;
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("mark");
    let script = format!("if test -e {0}; then echo good; else touch {0}; echo bad; exit 1; fi", mark.display());
    let retry = Retry { attempts: 3, delay: Seconds::from_millis(20).unwrap(), backoff: Backoff::Fixed, max_delay: None };
    let id = world.start(vec![Block { retry: Some(retry), ..command(&script) }]).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    let seen: Vec<_> = steps.iter().map(|s| (s.attempt, s.state)).collect();
    assert_eq!(seen, [(1, StepState::Failed), (2, StepState::Succeeded)]);
    assert_eq!(world.stdout(id, &steps[0]).await, "bad\n");
    assert_eq!(world.stdout(id, &steps[1]).await, "good\n");
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_ended() {
    let world = World::new().await;
    let slow = Block { timeout: Seconds::from_millis(100), ..command("sleep 60") };
    let id = world.start(vec![slow]).await;
    let (_, steps) = world.reaches(id, RunState::Failed).await;
    assert_eq!(steps[0].error.as_deref(), Some("timed out after 100ms; stopped, 0 processes left"));
}

#[tokio::test]
async fn a_timer_that_may_not_take_as_long_as_it_waits_times_out_and_is_tried_again_like_anything_else() {
    let world = World::new().await;
    let retry = Retry { attempts: 2, delay: Seconds::from_millis(20).unwrap(), backoff: Backoff::Fixed, max_delay: None };
    let short = Block { timeout: Seconds::from_millis(100), retry: Some(retry), ..timer(60_000) };
    let id = world.start(vec![short, command("echo never")]).await;
    let (run, steps) = world.reaches(id, RunState::Failed).await;
    let seen: Vec<_> = steps.iter().map(|step| (step.ordinal, step.attempt, step.state)).collect();
    assert_eq!(seen, [(0, 1, StepState::Failed), (0, 2, StepState::Failed), (1, 1, StepState::Skipped)]);
    assert_eq!(steps[1].error.as_deref(), Some("timed out after 100ms; it was to wait 1m"));
    assert!(run.error.unwrap().ends_with("timed out after 100ms; it was to wait 1m"));

    let long = Block { timeout: Seconds::from_millis(60_000), ..timer(20) };
    let id = world.start(vec![named("rest", long), command("echo {{ steps.rest.status }}")]).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!(world.stdout(id, &steps[1]).await, "succeeded\n");
}

#[tokio::test]
async fn conditions_take_a_branch_and_say_what_they_saw() {
    let world = World::new().await;
    let local = || "local".to_owned();
    let checks = [
        (Check::CommandExitCode { command: "exit 1".into(), expected: 0, host: local() }, false, "exit 1; expected 0 → false\n"),
        (Check::FileExists { path: "/etc/passwd".into(), host: local() }, true, "exit 0; expected 0 → true\n"),
        (Check::FileExists { path: "/no such; true".into(), host: local() }, false, "exit 1; expected 0 → false\n"),
        (
            Check::EnvVarEquals { name: "CARGO_HOME".into(), value: "x".into(), host: local() },
            false,
            "$CARGO_HOME is not set; expected “x”\nexit 1; expected 0 → false\n",
        ),
        (Check::ApiStatusCode { url: "http://127.0.0.1:1/".into(), expected: 200 }, false, "expected 200 → false\n"),
        (expression("1 < 2"), true, "the expression → true\n"),
    ];
    let blocks = checks
        .iter()
        .map(|(check, _, _)| condition(check.clone(), vec![command("echo yes")], vec![command("echo no")], OnFalse::Continue))
        .collect();
    let id = world.start(blocks).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    for (index, (check, result, said)) in checks.iter().enumerate() {
        let [step, yes, no] = &steps[index * 3..index * 3 + 3] else { panic!() };
        assert_eq!(step.result, Some(*result), "{check:?}");
        let output = world.stdout(id, step).await;
        assert!(output.ends_with(said), "{output}");
        let (taken, other) = if *result { (yes, no) } else { (no, yes) };
        assert_eq!((taken.state, other.state), (StepState::Succeeded, StepState::Skipped), "{check:?}");
    }
}

#[tokio::test]
async fn a_variable_of_this_server_is_what_a_command_gets_not_what_the_server_has() {
    let world = World::new().await;
    assert_ne!(std::env::var("USER").as_deref(), Ok(RUNNER_USER));
    let user = Check::EnvVarEquals { name: "USER".into(), value: RUNNER_USER.into(), host: "local".into() };
    let given = Check::EnvVarEquals { name: "PARAM_NAME".into(), value: "a b'; $(id)".into(), host: "local".into() };
    let check = |check| condition(check, Vec::new(), Vec::new(), OnFalse::Stop);
    let parameters = vec![text_parameter("name", ParameterKind::String)];
    let start = Start { parameters, answers: json!({"name": "a b'; $(id)"}), ..Start::default() };
    let id = world.start_with(vec![command("echo $USER"), check(user), check(given)], start).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!(world.stdout(id, &steps[0]).await, format!("{RUNNER_USER}\n"));
    let said = format!("$USER is “{RUNNER_USER}”; expected “{RUNNER_USER}”\nexit 0; expected 0 → true\n");
    assert_eq!(world.stdout(id, &steps[1]).await, said);
}

#[tokio::test]
async fn a_false_condition_may_ask_or_end_the_run() {
    let world = World::new().await;
    for otherwise in [Vec::new(), vec![command("echo no")]] {
        let rows = otherwise.len();
        let id = world
            .start(vec![condition(expression("false"), vec![command("echo yes")], otherwise, OnFalse::Pause), command("echo on")])
            .await;
        let (_, steps) = world.reaches(id, RunState::Waiting).await;
        let asking = steps.iter().find(|step| step.state == StepState::Waiting).unwrap().clone();
        assert_eq!((asking.ordinal, asking.result), (0, Some(false)));
        world.go_on(id, Some((asking, ControlAction::Approve))).await;
        let (_, steps) = world.reaches(id, RunState::Succeeded).await;
        assert_eq!(steps.len(), 3 + 2 * rows);
        assert!(steps.iter().all(|step| step.state.is_final()), "{steps:#?}");
    }
    let id = world.start(vec![condition(expression("false"), vec![], vec![], OnFalse::Stop), command("echo on")]).await;
    let (run, _) = world.reaches(id, RunState::Failed).await;
    assert_eq!(run.error.as_deref(), Some("block 1 “check”: the check is false"));
}

#[tokio::test]
async fn only_selected_blocks_run_and_when_rules_out() {
    let world = World::new().await;
    let blocks = vec![command("echo a"), command("echo b"), Block { when: Some("1 > 2".into()), ..command("echo c") }];
    let selection = Selection::From(blocks[1].id);
    let id = world.start_with(blocks, Start { selection, ..Start::default() }).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    let seen: Vec<_> = steps.iter().map(|s| (s.state, s.error.as_deref())).collect();
    assert_eq!(
        seen,
        [
            (StepState::Skipped, Some("not selected")),
            (StepState::Succeeded, None),
            (StepState::Skipped, Some("not wanted: 1 > 2 is false")),
        ]
    );
}

#[tokio::test]
async fn secrets_reach_commands_and_nothing_else() {
    let world = World::new().await;
    let credential = world.credential("db", "hunter2-hunter2").await;
    let uses = vec![
        CredentialUse { credential: "db".into(), by: GivenBy::Env("DB".into()) },
        CredentialUse { credential: credential.to_string(), by: GivenBy::File("DB_FILE".into()) },
    ];
    let script = "test \"$DB\" = \"hunter\"2-hunter2 && cat \"$DB_FILE\"; echo; printf %s \"$DB\" | base64; echo \"$PARAM_TOKEN\" | cut -c1-4; echo \"$PARAM_TOKEN\"";
    let block = Block::new(
        "use",
        BlockKind::Command(CommandBlock { command: script.into(), credentials: uses, ..CommandBlock::default() }),
    );
    let leak = command("echo {{ params.token }}");
    let leak = Block { on_failure: OnFailure::Continue, ..leak };
    let parameters = vec![text_parameter("token", ParameterKind::Secret)];
    let start = Start {
        parameters,
        answers: json!({"token": "••••••"}),
        secret: Some(json!({"token": "tok-123456789"})),
        ..Start::default()
    };
    let id = world.start_with(vec![block, leak], start).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!(world.stdout(id, &steps[0]).await, "••••••\n••••••\ntok-\n••••••\n");
    assert!(steps[1].error.as_deref().unwrap().contains("$PARAM_TOKEN"), "{:?}", steps[1].error);
    let used = world.store.audit_entries(100).await.unwrap();
    assert_eq!(
        used.iter().filter(|e| e.action == AuditAction::CredentialUsed && e.target == format!("credential:{credential}")).count(),
        2
    );
}

#[tokio::test]
async fn api_calls_carry_credentials_to_their_own_server_only() {
    let world = World::new().await;
    let credential = world.credential("api", "ann:s3cret-s3cret").await;
    let (other, mut asked_other) = server(vec![answer("200 OK", "", "s3cret-s3cret arrived")]).await;
    let (url, mut asked) = server(vec![answer("302 Found", &format!("Location: {other}/x\r\n"), "")]).await;
    let api = ApiBlock {
        url: format!("{url}/a"),
        credential_id: Some(credential),
        auth: domain::block::ApiAuth::Header,
        auth_header_name: Some("X-Key".into()),
        ..ApiBlock::default()
    };
    let id = world.start(vec![Block::new("", BlockKind::Api(api))]).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert!(asked.recv().await.unwrap().contains("x-key: ann:s3cret-s3cret"));
    assert!(!asked_other.recv().await.unwrap().contains("s3cret"));
    assert!(world.stdout(id, &steps[0]).await.ends_with("\n\n•••••• arrived"));
}

#[tokio::test]
async fn a_redirect_to_another_origin_takes_no_header_along_that_could_be_a_key() {
    let world = World::new().await;
    let named =
        ["X-Api-Key", "Authorization", "Cookie", "X-Vault-Token", "Content-Type", "Accept", "Accept-Language", "User-Agent"];
    let headers: Vec<(String, String)> =
        named.iter().map(|name| ((*name).to_owned(), format!("typed-{}", name.to_lowercase()))).collect();
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let (other, mut asked_other) =
            server(vec![answer("302 Found", "Location: /again\r\n", ""), answer("200 OK", "", "")]).await;
        let (url, mut asked) =
            server(vec![answer(status, "Location: /within\r\n", ""), answer(status, &format!("Location: {other}/x\r\n"), "")])
                .await;
        let api = ApiBlock { url, headers: headers.clone(), ..ApiBlock::default() };
        let id = world.start(vec![Block::new("", BlockKind::Api(api))]).await;
        world.reaches(id, RunState::Succeeded).await;
        for _ in 0..2 {
            let request = asked.recv().await.unwrap().to_lowercase();
            // A type of a body that is not there says nothing, and a GET after a 303 has none.
            for (_, value) in headers.iter().filter(|(name, _)| name != "Content-Type") {
                assert!(request.contains(value.as_str()), "{status}: {value} is missing within the origin: {request}");
            }
        }
        // What was left behind does not come back on the next redirect.
        for _ in 0..2 {
            let request = asked_other.recv().await.unwrap().to_lowercase();
            let kept: Vec<&str> =
                headers.iter().map(|(_, value)| value.as_str()).filter(|value| request.contains(value)).collect();
            assert_eq!(kept, ["typed-accept", "typed-accept-language", "typed-user-agent"], "{status}: {request}");
        }
    }
}

#[tokio::test]
async fn a_body_is_not_sent_on_to_another_origin() {
    let world = World::new().await;
    let call = async |url: String, method: Method| {
        let headers = vec![("X-Api-Key".to_owned(), "typed-key".to_owned())];
        let body = Some(json!("card=4111-1111"));
        let api = ApiBlock { url, method, headers, body, ..ApiBlock::default() };
        world.start(vec![Block::new("", BlockKind::Api(api))]).await
    };
    for (status, method) in [
        ("307 Temporary Redirect", Method::Post),
        ("308 Permanent Redirect", Method::Post),
        ("302 Found", Method::Put),
        ("301 Moved", Method::Patch),
    ] {
        let (other, mut asked_other) = server(vec![answer("200 OK", "", "")]).await;
        let (url, _asked) = server(vec![answer(status, &format!("Location: {other}/x?token=1\r\n"), "")]).await;
        let id = call(url.clone(), method).await;
        let (run, _) = world.reaches(id, RunState::Failed).await;
        let said = run.error.unwrap();
        let redirect = format!("{url} redirects to {other} (status {})", &status[..3]);
        assert!(said.contains(&redirect) && said.contains("the body is not sent on"), "{said}");
        assert!(asked_other.try_recv().is_err(), "{status}: the other server was called");

        // Within the origin it goes along, and so does the rest.
        let (url, mut asked) = server(vec![answer("307 Moved", "Location: /x\r\n", ""), answer("200 OK", "", "")]).await;
        let id = call(url, method).await;
        world.reaches(id, RunState::Succeeded).await;
        for _ in 0..2 {
            let request = asked.recv().await.unwrap();
            assert!(request.ends_with("card=4111-1111") && request.contains("typed-key"), "{request}");
        }
    }
    // A redirect that asks for a GET leaves the body behind by itself.
    let (other, mut asked_other) = server(vec![answer("200 OK", "", "")]).await;
    let (url, _asked) = server(vec![answer("303 See Other", &format!("Location: {other}/done\r\n"), "")]).await;
    let id = call(url, Method::Post).await;
    world.reaches(id, RunState::Succeeded).await;
    let request = asked_other.recv().await.unwrap();
    assert!(request.starts_with("GET /done ") && !request.contains("4111") && !request.contains("typed-key"), "{request}");
}

#[tokio::test]
async fn api_calls_to_metadata_services_and_failures_are_told() {
    let world = World::new().await;
    let (url, _asked) = server(vec![answer("302 Found", "Location: http://2852039166/latest\r\n", "")]).await;
    for (url, said) in [
        ("http://169.254.169.254/".to_owned(), "cloud metadata"),
        (url, "cloud metadata"),
        ("http://127.0.0.1:1/".to_owned(), "refused"),
    ] {
        let api = ApiBlock { url, ..ApiBlock::default() };
        let id = world.start(vec![Block::new("", BlockKind::Api(api))]).await;
        let (run, _) = world.reaches(id, RunState::Failed).await;
        assert!(run.error.as_deref().unwrap().contains(said), "{:?}", run.error);
    }
}

#[tokio::test]
async fn of_a_long_answer_ten_mebibytes_are_kept_and_that_is_said() {
    const KEPT: usize = 10 * 1024 * 1024;
    let world = World::new().await;
    let body = "x".repeat(KEPT) + "the rest";
    let (url, _asked) = server(vec![answer("200 OK", "", &body)]).await;
    let id = world.start(vec![Block::new("", BlockKind::Api(ApiBlock { url, ..ApiBlock::default() }))]).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    let stdout = world.stdout(id, &steps[0]).await;
    let (_, kept) = stdout.split_once("\n\n").unwrap();
    assert_eq!(kept.len(), KEPT);
    assert!(kept.bytes().all(|byte| byte == b'x'));
    let said = world.output(id, &steps[0], Stream::Stderr).await;
    assert_eq!(said, "\n[the answer goes on; 10 MiB of it are kept]\n");
}

#[tokio::test]
async fn five_redirects_are_followed_and_no_sixth() {
    let world = World::new().await;
    let on = || answer("302 Found", "Location: /on\r\n", "");
    for (redirects, end) in [(5, RunState::Succeeded), (6, RunState::Failed)] {
        let answers = (0..redirects).map(|_| on()).chain([answer("200 OK", "", "there")]).collect();
        let (url, mut asked) = server(answers).await;
        let id = world.start(vec![Block::new("", BlockKind::Api(ApiBlock { url, ..ApiBlock::default() }))]).await;
        let (run, _) = world.reaches(id, end).await;
        assert_eq!(run.error.is_some_and(|error| error.ends_with("more than 5 redirects")), end == RunState::Failed);
        let mut requests = 0;
        while asked.try_recv().is_ok() {
            requests += 1;
        }
        assert_eq!(requests, 6);
    }
}

#[tokio::test]
async fn only_an_sre_calls_private_networks_and_no_redirect_leads_a_developer_there() {
    let mut world = World::new().await;
    let api = |url: String| Block::new("", BlockKind::Api(ApiBlock { url, ..ApiBlock::default() }));
    let (url, mut asked) = server(vec![answer("200 OK", "", "inside"), answer("200 OK", "", "inside")]).await;
    let id = world.start(vec![api(url.clone())]).await;
    world.reaches(id, RunState::Succeeded).await;
    assert!(asked.recv().await.is_some());

    world.starter = crate::world::account(&world.store, Role::Developer).await;
    for address in [url.clone(), url.replace("127.0.0.1", "localhost"), url.replace("127.0.0.1", "[::ffff:127.0.0.1]")] {
        let id = world.start(vec![api(address)]).await;
        let (run, _) = world.reaches(id, RunState::Failed).await;
        assert!(run.error.as_deref().unwrap().contains("in a private network"), "{:?}", run.error);
    }
    let check = Check::ApiStatusCode { url: url.clone(), expected: 200 };
    let check = ConditionBlock { check, nested_blocks: Vec::new(), else_blocks: Vec::new(), on_false: OnFalse::Stop };
    let id = world.start(vec![Block::new("", BlockKind::Condition(check))]).await;
    world.reaches(id, RunState::Failed).await;

    // A network that is allowed to everybody leads no further than itself.
    let mut config = config("two");
    config.egress.allowed = vec!["127.0.0.1/32".parse().unwrap()];
    world.task.abort();
    world.restart_with(config);
    let id = world.start(vec![api(url)]).await;
    world.reaches(id, RunState::Succeeded).await;
    let (url, _asked) = server(vec![answer("302 Found", "Location: http://127.0.0.2:1/\r\n", "")]).await;
    let id = world.start(vec![api(url)]).await;
    let (run, _) = world.reaches(id, RunState::Failed).await;
    assert!(run.error.as_deref().unwrap().contains("in a private network"), "{:?}", run.error);
    assert!(asked.recv().await.is_some() && asked.try_recv().is_err(), "nobody else was let through");
}

#[tokio::test]
async fn a_host_that_is_not_there_fails_the_step_plainly() {
    let world = World::new().await;
    let block = CommandBlock { command: "true".into(), host: "web-1".into(), ..CommandBlock::default() };
    let id = world.start(vec![Block::new("far", BlockKind::Command(block))]).await;
    let (run, _) = world.reaches(id, RunState::Failed).await;
    assert!(run.error.unwrap().ends_with("there is no host “web-1”"));
}

#[tokio::test]
async fn too_much_output_keeps_its_head_and_tail_and_says_so() {
    let mut config = config("one");
    config.output_cap = 80_000;
    let world = World::with(config).await;
    let id = world.start(vec![command("i=0; while [ $i -lt 30000 ]; do echo line$i; i=$((i+1)); done")]).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    let stdout = world.stdout(id, &steps[0]).await;
    assert!(stdout.starts_with("line0\nline1\n") && stdout.ends_with("line29999\n"));
    assert!(stdout.len() <= 80_000, "{}", stdout.len());
    let notes = world.output(id, &steps[0], Stream::Stderr).await;
    let (before, _) = notes.split_once(" bytes are cut here; the end follows").unwrap();
    let cut: usize = before.rsplit(' ').next().unwrap().parse().unwrap();
    let printed: usize = (0..30_000).map(|line| format!("line{line}\n").len()).sum();
    assert_eq!(stdout.len() + cut, printed, "what is cut is counted");
    assert!(steps[0].last_output > 0 && steps[0].last_output < world.run(id).await.event);
}

#[tokio::test]
async fn many_lines_come_in_order_and_none_is_lost() {
    let world = World::new().await;
    let id = world.start(vec![command("seq 1 200000")]).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    let expected: String = (1..=200_000).map(|n| format!("{n}\n")).collect();
    assert!(world.stdout(id, &steps[0]).await == expected);
}

#[tokio::test]
async fn characters_and_escape_sequences_that_are_cut_on_their_way_come_out_whole() {
    let world = World::new().await;
    let dir = tempfile::tempdir().unwrap();
    let gate = |name: &str| dir.path().join(name).display().to_string();
    let wait = |name: &str| format!("until test -e {}; do sleep 0.02; done", gate(name));
    // Cut by time, within a character and within a sequence; then by size, a character across every border of a piece.
    let script = format!(
        "printf 'a\\342\\230'; {}; printf '\\203 \\033[3'; {}; printf '1mred\\033[0m\\n'; \
         i=0; while [ $i -lt 30000 ]; do printf 'x☃ü'; i=$((i+1)); done",
        wait("one"),
        wait("two")
    );
    let id = world.start(vec![command(&script)]).await;
    let step = world.step_is(id, 0, StepState::Running).await;
    let printed = async |text: &str| until("output", || async { (world.stdout(id, &step).await == text).then_some(()) }).await;
    printed("a").await;
    std::fs::write(gate("one"), "").unwrap();
    printed("a☃ \u{1b}[3").await;
    std::fs::write(gate("two"), "").unwrap();
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    let expected = "a☃ \u{1b}[31mred\u{1b}[0m\n".to_owned() + &"x☃ü".repeat(30_000);
    assert!(world.stdout(id, &steps[0]).await == expected);
    let pieces = world.store.output(id, 0, 1, 0, 10_000).await.unwrap();
    assert!(pieces.len() > 3 && pieces.iter().all(|piece| piece.text.len() <= 64 * 1024), "{}", pieces.len());
}
