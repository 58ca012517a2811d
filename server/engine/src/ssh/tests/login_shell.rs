//! Whatever shell a user has, and whatever its start-up files do.

use super::*;

/// A server whose users have `shell`, which must take `-c`. What a client asks for goes through it as through a login shell.
fn with_shell(shell: &str) -> Sshd {
    let config = format!("ForceCommand exec {shell} -c \"$SSH_ORIGINAL_COMMAND\"\n");
    Sshd::with(SshdOptions { config, ..SshdOptions::default() })
}

fn find(name: &str) -> Option<String> {
    let path = std::env::var("PATH").unwrap();
    let found = path.split(':').map(|dir| format!("{dir}/{name}")).find(|file| Path::new(file).is_file());
    found.or_else(|| (!["fish", "csh", "tcsh", "zsh", "mksh", "busybox"].contains(&name)).then(|| panic!("there is no {name}")))
}

#[tokio::test]
async fn every_login_shell_passes_the_command_on() {
    for name in ["sh", "bash", "dash", "fish", "csh", "tcsh", "zsh", "mksh"] {
        let Some(shell) = find(name) else {
            println!("{name} is not installed here");
            continue;
        };
        let sshd = with_shell(&shell);
        let connection = connect(&sshd).await;
        let mut spec = sh("echo \"$VALUE\" '$(id)' \"it's\"; exit 4");
        spec.env = vec![("VALUE".into(), "a 'b' $c\n!d".into())];
        let finished = run(&connection, spec).await;
        assert_eq!(finished.end, exited(4), "{name}: {finished:?}");
        assert_eq!(finished.stdout, "a 'b' $c\n!d $(id) it's\n", "{name}");
        assert_eq!(run(&connection, sh("kill -9 $$")).await.end, signalled(9), "{name}");
        println!("{name} passes");
    }
}

#[tokio::test]
async fn noise_of_start_up_files_is_not_output() {
    let sshd = Sshd::start();
    let noise = "echo welcome to web-1; echo careful >&2; printf 'no line break'; printf 'nor here' >&2; cd /; umask 000\n";
    for file in [".bashrc", ".profile", ".bash_profile", ".zshenv", ".cshrc"] {
        fs::write(sshd.dir().join("home").join(file), noise).unwrap();
    }
    let connection = connect(&sshd).await;
    let finished = run(&connection, sh("echo out; echo err >&2")).await;
    assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("out\n", "err\n"));
    assert_eq!(finished.end, exited(0));
    let mut spec = sh("stat -c %a $KEY");
    spec.files = vec![runner::SecretFile { env: "KEY".into(), contents: "x".into() }];
    assert_eq!(stdout(&connection, spec).await, "600\n", "whatever the umask is");
    let handle = within(connection.run(sh("sleep 1000"))).await.unwrap().handle;
    assert!(within(handle.stop(DEADLINE)).await.is_proven(), "the shell that looks is not confused either");
}

#[tokio::test]
async fn an_account_without_a_shell_is_named_with_what_it_said() {
    let sshd = Sshd::with(SshdOptions {
        config: "ForceCommand echo This account is currently not available.; exit 1\n".into(),
        ..SshdOptions::default()
    });
    let connection = connect(&sshd).await;
    let finished = run(&connection, sh("echo out")).await;
    let expected = "host web-1 ended the session before the command began (exit 1); the output is what it said";
    assert_eq!(finished.end, RemoteEnd::NotStarted(expected.into()));
    assert_eq!(finished.stdout, "This account is currently not available.\n");
}

#[tokio::test]
async fn a_start_up_file_that_ends_the_shell_is_named() {
    let sshd = with_shell("/bin/sh -c 'exit 5' #");
    let connection = connect(&sshd).await;
    let big = RemoteSpec { env: vec![("BIG".into(), "x".repeat(5_000_000).into())], ..sh("true") };
    for spec in [sh("true"), big] {
        let finished = run(&connection, spec).await;
        assert!(matches!(&finished.end, RemoteEnd::NotStarted(why) if why.contains("exit 5")), "{finished:?}");
    }
    assert!(connection.is_open());
}

#[tokio::test]
async fn the_starting_text_is_understood_by_every_shell_that_may_be_bin_sh() {
    use crate::ssh::script::shell_text;
    for name in ["sh", "bash", "dash", "zsh", "mksh", "busybox"] {
        let Some(shell) = find(name) else {
            println!("{name} is not installed here");
            continue;
        };
        for (interpreter, script) in [
            ("/bin/sh", "printf '%s\\n' \"$VALUE $(cat $KEY)\"; exit 6"),
            ("python3", "import os\nprint(os.environ['VALUE'], open(os.environ['KEY']).read())\nos._exit(6)"),
        ] {
            let mut spec = RemoteSpec::new(marker(), interpreter, script);
            spec.env = vec![("VALUE".into(), "it's".into())];
            spec.files = vec![runner::SecretFile { env: "KEY".into(), contents: "-n \\n%s'\n\nend".into() }];
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join("text"), shell_text(&spec, "n0nce").unwrap()).unwrap();
            let mut command = std::process::Command::new(&shell);
            if name == "busybox" {
                command.arg("sh");
            }
            let done = command.arg("-s").stdin(fs::File::open(dir.path().join("text")).unwrap()).output().unwrap();
            let printed = String::from_utf8_lossy(&done.stdout);
            let (begin, output) = printed.trim_start().split_once('\n').unwrap();
            assert!(begin.starts_with("n0nce begin"), "{name}: {begin}");
            assert_eq!(output, "it's -n \\n%s'\n\nend\n", "{name}: {}", String::from_utf8_lossy(&done.stderr));
            assert_eq!(done.status.code(), Some(6), "{name}");
            let left = format!("/dev/shm/runbook-step-{}@n0nce", spec.step);
            assert!(!Path::new(&left).exists(), "{name}");
        }
        println!("{name} understands it");
    }
}
