//! Interpreters, arguments, environment, exit.

use std::{collections::BTreeSet, env, error::Error, fs, os::unix::fs::PermissionsExt};

use runner::{Exit, MAX_SCRIPT_ARGUMENT_BYTES, ProcessSpec, RunnerError};

use crate::world::{World, marker, run, sh};

#[tokio::test]
async fn the_exit_code_is_reported() {
    let finished = run(sh("exit 42")).await;
    assert_eq!(finished.exit, Exit { code: Some(42), signal: None });
    assert!(run(sh("true")).await.exit.success());
}

#[tokio::test]
async fn the_signal_that_ended_it_is_reported() {
    let finished = run(sh("kill -SEGV $$")).await;
    assert_eq!(finished.exit, Exit { code: None, signal: Some(11) });
    assert_eq!(finished.exit.describe(), "killed by SIGSEGV (11)");
}

#[tokio::test]
async fn the_environment_holds_only_what_is_given() {
    let mut spec = ProcessSpec::new(marker(), "/bin/sh", "exec /usr/bin/env");
    spec.env = vec![("GIVEN".into(), "a b".into()), ("LANG".into(), "xx".into())];
    let step = spec.step.clone();
    let stdout = run(spec).await.stdout;
    let names: BTreeSet<&str> = stdout.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    // dash adds PWD by itself; others also SHLVL and `_`.
    let allowed = ["GIVEN", "PATH", "HOME", "LANG", "USER", "RUNBOOK_STEP", "PWD", "SHLVL", "_"];
    assert!(names.is_subset(&BTreeSet::from(allowed)), "{names:?}");
    assert!(env::var_os("CARGO_MANIFEST_DIR").is_some() && !names.contains("CARGO_MANIFEST_DIR"));
    let lines: Vec<&str> = stdout.lines().collect();
    assert!(lines.contains(&"GIVEN=a b") && lines.contains(&"LANG=xx"), "{stdout}");
    assert!(lines.contains(&format!("RUNBOOK_STEP={step}").as_str()), "{stdout}");
}

#[tokio::test]
async fn the_marker_cannot_be_replaced() {
    let mut spec = sh("echo $RUNBOOK_STEP");
    spec.env = vec![("RUNBOOK_STEP".into(), "forged".into())];
    let step = spec.step.clone();
    assert_eq!(run(spec).await.stdout, format!("{step}\n"));
}

#[tokio::test]
async fn standard_input_is_empty() {
    assert_eq!(run(sh("cat; echo end")).await.stdout, "end\n");
}

#[tokio::test]
async fn a_script_with_quotes_and_dollars_arrives_as_one_argument() {
    let script = "tr '\\0' '\\n' < /proc/$$/cmdline # 'it'\"'\"'s' \"$HOME\" $(x) `y` \\ é";
    let finished = run(sh(script)).await;
    assert_eq!(finished.stdout, format!("/bin/sh\n-c\n{script}\n"));
}

#[tokio::test]
async fn arguments_reach_the_script_whole() {
    let mut spec = ProcessSpec::new(marker(), "sh -eu", r#"printf '<%s>' "$0" "$@""#);
    spec.args = vec!["$(id)".into(), "-e".into(), "a 'b'\n".into()];
    let stdout = run(spec.clone()).await.stdout;
    assert!(stdout.ends_with("/sh><$(id)><-e><a 'b'\n>"), "{stdout}");

    spec.interpreter = "/usr/bin/env python3".into();
    spec.script = "import sys; print(sys.argv[1:])".into();
    assert_eq!(run(spec).await.stdout, "['$(id)', '-e', \"a 'b'\\n\"]\n");
}

#[tokio::test]
async fn python_runs_a_private_file_that_is_removed() {
    let script = "import os, sys, stat\n\
                  print(sys.argv[0])\n\
                  print(oct(stat.S_IMODE(os.stat(sys.argv[0]).st_mode)))\n";
    let stdout = run(ProcessSpec::new(marker(), "python3", script)).await.stdout;
    let (path, mode) = stdout.trim().split_once('\n').unwrap();
    assert_eq!(mode, "0o600");
    assert!(!fs::exists(path).unwrap());
}

#[tokio::test]
async fn a_long_script_runs_from_a_file() {
    let padding = format!("# {}\n", "x".repeat(MAX_SCRIPT_ARGUMENT_BYTES));
    let stdout = run(sh(&format!("{padding}echo \"$0\""))).await.stdout;
    assert!(stdout.ends_with("/script\n"), "{stdout}");
    assert!(!fs::exists(stdout.trim()).unwrap());
}

#[tokio::test]
async fn a_script_that_begins_like_an_option_is_none() {
    let finished = run(sh("-e 2>/dev/null\necho ran")).await;
    assert_eq!(finished.stdout, "ran\n");
    assert_eq!(finished.stderr, "");
}

#[tokio::test]
async fn it_starts_in_the_working_directory() {
    let dir = tempfile::tempdir().unwrap();
    let mut spec = sh("pwd -P");
    spec.working_dir = Some(dir.path().into());
    let expected = dir.path().canonicalize().unwrap();
    assert_eq!(run(spec).await.stdout.trim(), expected.to_str().unwrap());
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let world = World::new();
    let said = async |spec| world.runner.spawn(spec).await.unwrap_err().to_string();
    let mut spec = sh("true");
    spec.working_dir = Some("/no/such/dir".into());
    assert_eq!(said(spec).await, "working directory `/no/such/dir` does not exist");
    let spec = ProcessSpec::new(marker(), "no-such-shell", "true");
    assert_eq!(said(spec).await, "interpreter `no-such-shell` was not found");
    let mut spec = sh("true");
    spec.args = vec!["fine".into(), "cut\0short".into()];
    assert_eq!(said(spec).await, "argument 2 contains a NUL byte");
    assert_eq!(world.runner.steps().await.unwrap(), Vec::<String>::new(), "what did not start is not known");
}

#[tokio::test]
async fn a_refused_start_keeps_its_cause() {
    let dir = tempfile::tempdir().unwrap();
    let broken = dir.path().join("broken");
    fs::write(&broken, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).unwrap();
    let spec = ProcessSpec::new(marker(), broken.to_str().unwrap(), "true");
    let error = World::new().runner.spawn(spec).await.unwrap_err();
    assert!(matches!(error, RunnerError::Spawn { .. }), "{error:?}");
    assert!(error.source().unwrap().to_string().contains("No such file"), "{error:?}");
}
