//! What a command gets, prints and ends with.

use std::{
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    time::{Duration, Instant},
};

use runner::EnvValue;

use super::*;

#[tokio::test]
async fn stdout_and_stderr_stay_apart() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let finished = run(&connection, sh("echo out; echo err >&2; echo more; printf 'no line break'")).await;
    assert_eq!(finished.stdout, "out\nmore\nno line break");
    assert_eq!(finished.stderr, "err\n");
    assert_eq!(finished.end, exited(0));
}

#[tokio::test]
async fn a_command_ends_with_its_code_or_its_signal() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    for (script, expected) in [
        ("true", exited(0)),
        ("exit 3", exited(3)),
        ("exit 255", exited(255)),
        ("exit 143", exited(143)),
        ("kill -KILL $$", signalled(9)),
        ("kill -TERM $$", signalled(15)),
        ("kill -USR2 $$", signalled(12)),
        ("sh -c 'kill -KILL $$'", exited(137)),
    ] {
        assert_eq!(run(&connection, sh(script)).await.end, expected, "{script}");
    }
}

#[tokio::test]
async fn a_command_has_a_session_of_its_own_and_reads_nothing() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let script =
        "readlink /proc/self/fd/0; cat; set -- $(cut -d' ' -f1,5,6 /proc/$$/stat); [ $1 = $2 ] && [ $1 = $3 ] && echo leader";
    assert_eq!(stdout(&connection, sh(script)).await, "/dev/null\nleader\n");
}

#[tokio::test]
async fn every_process_carries_the_marker() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let mut spec = sh("cat /proc/$$/environ | tr '\\0' '\\n' | grep ^RUNBOOK_STEP=; echo $RUNBOOK_STEP");
    spec.env = vec![("RUNBOOK_STEP".into(), "another".into())];
    let step = spec.step.clone();
    let expected = format!("RUNBOOK_STEP={step}\n{step}\n");
    assert_eq!(stdout(&connection, spec.clone()).await, expected);
    // Also the shell that waits to remove a private file.
    spec.script = "cat /proc/$PPID/environ | tr '\\0' '\\n' | grep ^RUNBOOK_STEP=; echo $RUNBOOK_STEP".into();
    spec.files = vec![runner::SecretFile { env: "KEY".into(), contents: "x".into() }];
    assert_eq!(stdout(&connection, spec).await, expected);
}

#[tokio::test]
async fn hostile_values_arrive_as_they_are() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let every_byte: Vec<u8> = (1..=255).collect();
    let values: Vec<OsString> = [
        "",
        " ",
        "'",
        "''",
        "\"",
        "it's",
        "a\nb\n",
        "\n\n",
        "$(touch owned)",
        "`touch owned`",
        "${HOME}",
        "$$",
        "-n",
        "--help",
        "\\",
        "\\n",
        "%s",
        "!!",
        "#x",
        "~",
        "*",
        "a;b",
        "a|b",
        "}",
        "}\nexit 9",
        "'; exit 9; '",
        "EOF",
        "\u{1b}[31m",
        "ü€😀",
        "\r\n",
        "\t",
        "é'é\"é",
    ]
    .into_iter()
    .map(OsString::from)
    .chain([OsString::from_vec(every_byte.clone()), OsString::from_vec(vec![0xff, 0x27, 0x80, 0xc3]), "x".repeat(100_000).into()])
    .collect();
    for interpreter in ["/bin/sh", "bash"] {
        let mut spec = RemoteSpec::new(
            marker(),
            interpreter,
            "env -0 | grep -z ^VALUE_ | tr '\\0\\n' '\\n\\0' | od -An -v -tx1 | tr -d ' \\n'",
        );
        spec.env = values.iter().enumerate().map(|(index, value)| (format!("VALUE_{index:02}"), value.clone().into())).collect();
        let shown = stdout(&connection, spec).await;
        let bytes: Vec<u8> = shown
            .trim()
            .as_bytes()
            .chunks(2)
            .map(|hex| u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap())
            .collect();
        let mut lines: Vec<Vec<u8>> = bytes
            .split(|byte| *byte == b'\n')
            .map(|line| line.iter().map(|byte| if *byte == 0 { b'\n' } else { *byte }).collect())
            .collect();
        lines.retain(|line| !line.is_empty());
        lines.sort();
        let expected: Vec<Vec<u8>> = values
            .iter()
            .enumerate()
            .map(|(index, value)| [format!("VALUE_{index:02}=").as_bytes(), value.clone().into_vec().as_slice()].concat())
            .collect();
        assert_eq!(lines.len(), expected.len());
        for (line, expected) in lines.iter().zip(&expected) {
            assert_eq!(String::from_utf8_lossy(line), String::from_utf8_lossy(expected));
            assert_eq!(line, expected);
        }
    }
    assert!(!sshd.dir().join("home/owned").exists());
}

#[tokio::test]
async fn names_the_starting_shell_uses_itself_are_free_for_values() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let mut spec = sh("printf '%s|' \"$IFS\" \"$g\" \"$dir\" \"$PS4\" \"$CDPATH\"; env | grep -c _runbook_");
    spec.env = [("IFS", "e"), ("g", "1"), ("dir", "2"), ("PS4", "3"), ("CDPATH", "/")]
        .map(|(name, value)| (name.into(), value.into()))
        .into();
    let finished = run(&connection, spec).await;
    assert_eq!(finished.stdout, " \t\n|1|2|3|/|0\n", "a shell never takes IFS from outside");
}

#[tokio::test]
async fn a_path_given_as_value_finds_the_interpreter() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let bin = sshd.dir().join("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink("/bin/sh", bin.join("dash-of-our-own")).unwrap();
    let mut spec = RemoteSpec::new(marker(), "dash-of-our-own", "echo $0 $PATH");
    spec.env = vec![("PATH".into(), bin.to_str().unwrap().into())];
    let finished = run(&connection, spec).await;
    assert_eq!(finished.end, exited(0), "{finished:?}");
    assert!(finished.stdout.contains("script") && finished.stdout.contains(bin.to_str().unwrap()), "{finished:?}");
}

#[tokio::test]
async fn a_script_is_one_argument_and_nothing_is_put_into_it() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let script = "tr '\\0' '|' </proc/$$/cmdline # it's \"one\" $(argument) `of` \\ the shell";
    assert_eq!(stdout(&connection, sh(script)).await, format!("/bin/sh|-c|{script}|"));
    let spec = RemoteSpec::new(marker(), "bash -eu", script);
    assert_eq!(stdout(&connection, spec).await, format!("bash|-eu|-c|{script}|"));
}

#[tokio::test]
async fn a_script_for_another_interpreter_is_a_file() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let script = "import os, sys\nst = os.stat(sys.argv[0])\nprint(oct(st.st_mode & 0o777), os.environ['NAME'], len(sys.argv))\n\
                  print(oct(os.stat(os.path.dirname(sys.argv[0])).st_mode & 0o777))\nprint(sys.argv[0])\nsys.exit(7)";
    for interpreter in ["python3", "/usr/bin/env python3"] {
        let mut spec = RemoteSpec::new(marker(), interpreter, script);
        spec.env = vec![("NAME".into(), "wörld".into())];
        let finished = run(&connection, spec).await;
        let lines: Vec<_> = finished.stdout.lines().collect();
        assert_eq!(lines[..2], ["0o600 wörld 1", "0o700"], "{finished:?}");
        assert_eq!(finished.end, exited(7));
        assert!(!Path::new(lines[2]).parent().unwrap().exists(), "{}", lines[2]);
    }
}

#[tokio::test]
async fn a_long_script_and_one_that_begins_like_an_option_work() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let long = format!("echo begin\n{}\necho end", "# a line that says nothing\n".repeat(20_000));
    assert_eq!(stdout(&connection, sh(&long)).await, "begin\nend\n");
    let finished = run(&connection, sh("-e || true\necho $0")).await;
    assert!(finished.stdout.ends_with("/script\n"), "{finished:?}");
}

#[tokio::test]
async fn a_command_starts_where_it_is_told() {
    // OpenSSH begins in the home of the user database, which is not the test's to write to.
    let config = "ForceCommand cd \"$HOME\"; exec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\"\n".into();
    let sshd = Sshd::with(SshdOptions { config, ..SshdOptions::default() });
    let connection = connect(&sshd).await;
    let home = sshd.dir().join("home");
    let in_dir = |dir: Option<&str>| RemoteSpec { working_dir: dir.map(Into::into), ..sh("pwd") };
    for name in ["-", "a b", "it's", "$(id)", "ü"] {
        fs::create_dir(home.join(name)).unwrap();
        assert_eq!(stdout(&connection, in_dir(Some(name))).await, format!("{}\n", home.join(name).display()));
    }
    assert_eq!(stdout(&connection, in_dir(None)).await, format!("{}\n", home.display()));
    assert_eq!(stdout(&connection, in_dir(Some(""))).await, format!("{}\n", home.display()));
    assert_eq!(stdout(&connection, in_dir(Some("/"))).await, "/\n");
}

#[tokio::test]
async fn what_cannot_be_started_is_named() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let missing_dir = RemoteSpec { working_dir: Some("/no/such".into()), ..sh("true") };
    for (spec, expected) in [
        (missing_dir, "working directory `/no/such` does not exist on host web-1"),
        (
            RemoteSpec::new(marker(), "nosuch -x", "true"),
            "interpreter `nosuch` was not found on host web-1, or may not be executed",
        ),
        (
            RemoteSpec::new(marker(), "/no/such", "true"),
            "interpreter `/no/such` was not found on host web-1, or may not be executed",
        ),
        (
            RemoteSpec::new(marker(), "/etc/passwd", "true"),
            "interpreter `/etc/passwd` was not found on host web-1, or may not be executed",
        ),
        (RemoteSpec::new(marker(), "/etc", "true"), "interpreter `/etc` was not found on host web-1, or may not be executed"),
    ] {
        let finished = run(&connection, spec).await;
        assert_eq!(finished.end, RemoteEnd::NotStarted(expected.into()), "{finished:?}");
        assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("", ""));
    }
    assert!(connection.run(RemoteSpec::new("a step", "sh", "true")).await.is_err());
}

#[tokio::test]
async fn ten_megabytes_arrive_complete_and_in_order() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let began = Instant::now();
    let printed = stdout(&connection, sh("seq 1 1450000")).await;
    println!("{} bytes in {:?}", printed.len(), began.elapsed());
    assert!(printed.len() > 10_000_000);
    assert!(printed.lines().zip(1..).all(|(line, number): (_, u32)| line == number.to_string()));
    assert_eq!(printed.lines().count(), 1_450_000);
}

#[tokio::test]
async fn a_slow_reader_holds_the_command_back_and_loses_nothing() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let dir = sshd.dir().join("home");
    let script = "i=0; while [ $i -lt 400 ]; do head -c 65536 /dev/zero; i=$((i+1)); echo $i >progress; done";
    let spec = RemoteSpec { working_dir: Some(dir.to_str().unwrap().into()), ..sh(script) };
    let RunningRemote { output, handle } = within(connection.run(spec)).await.unwrap();
    // It stands still when what is on the way is full: the same number twice, far from the end.
    let progress = || fs::read_to_string(dir.join("progress")).ok()?.trim().parse::<u32>().ok();
    let mut last = (0, Instant::now());
    eventually(|| {
        let now = progress().unwrap_or(0);
        if now != last.0 {
            last = (now, Instant::now());
        }
        (now > 0 && last.1.elapsed() > Duration::from_millis(700)).then_some(())
    })
    .await;
    assert!(last.0 < 350, "held back at {}", last.0);
    let (printed, _) = within(drain(output)).await;
    assert_eq!(printed.len(), 400 * 65536);
    assert_eq!(within(handle.wait()).await, exited(0));
}

#[tokio::test]
async fn a_background_process_does_not_hold_the_step() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let spec = sh("sleep 1000 & echo $!");
    let RunningRemote { output, handle } = within(connection.run(spec)).await.unwrap();
    let (printed, _) = within(drain(output)).await;
    assert_eq!(within(handle.wait()).await, exited(0));
    let pid: u32 = printed.trim().parse().unwrap();
    assert!(is_alive(pid));
    assert!(within(handle.stop(DEADLINE)).await.is_proven());
    assert!(!is_alive(pid));
}

#[tokio::test]
async fn many_commands_run_on_one_connection() {
    const COMMANDS: u32 = 100;
    let sshd = Sshd::start();
    let began = Instant::now();
    let connection = connect(&sshd).await;
    println!("connected in {:?}", began.elapsed());
    let began = Instant::now();
    for _ in 0..COMMANDS {
        assert_eq!(run(&connection, sh("true")).await.end, exited(0));
    }
    println!("{COMMANDS} commands one after another: {:?} each", began.elapsed() / COMMANDS);
    let began = Instant::now();
    for _ in 0..COMMANDS {
        let spec = RemoteSpec { files: vec![runner::SecretFile { env: "KEY".into(), contents: "x".into() }], ..sh("true") };
        assert_eq!(run(&connection, spec).await.end, exited(0));
    }
    println!("{COMMANDS} commands with a secret file: {:?} each", began.elapsed() / COMMANDS);
    assert_eq!(sshd.sessions().len(), 1);

    let several = (0..8).map(|number| {
        let connection = connection.clone();
        tokio::spawn(async move { stdout(&connection, sh(&format!("sleep 0.1; seq {number} 20000"))).await })
    });
    for (number, printed) in several.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(within(printed).await.unwrap().lines().count(), 20001 - number);
    }
}

#[tokio::test]
async fn plain_and_secret_values_alike_reach_the_environment() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let mut spec = sh("echo $A $B");
    spec.env = vec![("A".into(), "plain".into()), ("B".into(), EnvValue::Secret("hidden".into())), ("A".into(), "last".into())];
    assert_eq!(stdout(&connection, spec).await, "last hidden\n");
}
