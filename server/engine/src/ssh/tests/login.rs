//! Who is let in, and whom this side trusts.

use std::{fs, net::TcpListener, time::Duration};

use super::*;
use crate::ssh::{HostKey, KeyCheck, SshError, check, check::Checked, host_key::InvalidHostKey, login::LoginError, scan};

async fn logs_in(sshd: &Sshd, login: Login) -> Result<(), SshError> {
    let target = Target { login, ..target(sshd) };
    let connection = within(Connection::open(&target, DEADLINE)).await?;
    assert_eq!(stdout(&connection, sh("id -un")).await.trim(), sshd.user());
    connection.close().await;
    Ok(())
}

#[tokio::test]
async fn keys_of_every_type_log_in() {
    let sshd = Sshd::start();
    for (name, kind, args) in [
        ("new_ed25519", "ed25519", &[][..]),
        ("new_ecdsa", "ecdsa", &["-b", "256"]),
        ("new_ecdsa_384", "ecdsa", &["-b", "384"]),
        ("new_rsa", "rsa", &["-b", "2048"]),
        ("pem_rsa", "rsa", &["-b", "2048", "-m", "PEM"]),
        ("pkcs8_rsa", "rsa", &["-b", "2048", "-m", "PKCS8"]),
    ] {
        let key = sshd.authorise_new_key(name, kind, args);
        logs_in(&sshd, Login::from_secret(&key.into()).unwrap()).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
    assert!(!sshd.log().contains("ssh-rsa-cert"), "{}", sshd.log());
}

#[tokio::test]
async fn an_rsa_key_signs_with_sha2_where_sha1_is_forbidden() {
    let config = "PubkeyAcceptedAlgorithms rsa-sha2-512\nLogLevel DEBUG1\n".into();
    let sshd = Sshd::with(SshdOptions { host_keys: vec!["rsa"], config });
    let key = sshd.authorise_new_key("rsa", "rsa", &["-b", "2048"]);
    logs_in(&sshd, Login::from_secret(&key.into()).unwrap()).await.unwrap();
    assert!(sshd.log().contains("host key algorithm: rsa-sha2-512"), "{}", sshd.log());
}

#[tokio::test]
async fn a_server_that_knows_sha1_alone_is_refused() {
    let config = "HostKeyAlgorithms ssh-rsa\n".into();
    let sshd = Sshd::with(SshdOptions { host_keys: vec!["rsa"], config });
    let error = within(scan("127.0.0.1", sshd.port(), DEADLINE)).await.unwrap_err();
    assert!(matches!(error, SshError::Protocol { .. }), "{error:?}");
}

fn with_passphrase(login: &Login, passphrase: &str) -> Login {
    match login.clone() {
        Login::Key { private_key, certificate, .. } => {
            Login::Key { private_key, passphrase: Some(passphrase.to_owned().into()), certificate }
        }
        password @ Login::Password(_) => password,
    }
}

#[tokio::test]
async fn a_protected_key_wants_its_passphrase() {
    let sshd = Sshd::start();
    let key = sshd.authorise_new_key("protected", "ed25519", &["-N", "correct horse"]);
    let login = Login::from_secret(&key.into()).unwrap();
    let refused = |login| async { logs_in(&sshd, login).await.unwrap_err() };
    let error = refused(login.clone()).await;
    assert!(matches!(error, SshError::Login { source: LoginError::PassphraseMissing, .. }), "{error:?}");
    let error = refused(with_passphrase(&login, "wrong")).await;
    assert!(matches!(error, SshError::Login { source: LoginError::PassphraseWrong, .. }), "{error:?}");
    logs_in(&sshd, with_passphrase(&login, "correct horse")).await.unwrap();
}

#[tokio::test]
async fn a_protected_key_logs_in_with_the_passphrase_stored_beside_it() {
    let sshd = Sshd::start();
    for (name, kind, args) in [
        ("protected_ed25519", "ed25519", &["-N", "correct horse"][..]),
        ("protected_rsa", "rsa", &["-b", "2048", "-N", "correct horse"]),
        ("protected_pkcs8", "rsa", &["-b", "2048", "-m", "PKCS8", "-N", "correct horse"]),
    ] {
        let key = sshd.authorise_new_key(name, kind, args);
        let stored = domain::credential::compose(domain::CredentialKind::Ssh, &key, "", "correct horse").unwrap();
        let login = Login::from_secret(&stored.into()).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert!(!format!("{login:?}").contains("horse"));
        logs_in(&sshd, login).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let wrong = domain::credential::compose(domain::CredentialKind::Ssh, &key, "", "wrong").unwrap();
        let error = Login::from_secret(&wrong.into()).unwrap_err();
        assert!(matches!(error, LoginError::PassphraseWrong), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn certificates_log_in() {
    let sshd = Sshd::with(SshdOptions { config: "TrustedUserCAKeys %D/ca.pub\n".into(), ..SshdOptions::default() });
    sshd.new_key("ca", "ed25519", &[]);
    for (name, kind) in [("cert_ed25519", "ed25519"), ("cert_rsa", "rsa"), ("cert_ecdsa", "ecdsa")] {
        let key = sshd.new_key(name, kind, &[]);
        let without = logs_in(&sshd, Login::from_secret(&key.clone().into()).unwrap()).await.unwrap_err();
        assert!(matches!(without, SshError::LoginRefused { .. }), "{name}: {without:?}");

        let certificate = sign(&sshd, name, "+1h");
        for secret in [format!("{key}{certificate}"), format!("{certificate}\r\n{key}")] {
            logs_in(&sshd, Login::from_secret(&secret.into()).unwrap()).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        }
    }
}

#[tokio::test]
async fn a_certificate_that_cannot_work_is_named_before_it_is_tried() {
    let sshd = Sshd::start();
    sshd.new_key("ca", "ed25519", &[]);
    let key = sshd.new_key("mine", "ed25519", &[]);
    let expired = Login::from_secret(&format!("{key}{}", sign(&sshd, "mine", "20200101:20200102")).into()).unwrap();
    let error = logs_in(&sshd, expired).await.unwrap_err();
    assert!(matches!(error, SshError::Login { source: LoginError::CertificateNotValidNow, .. }), "{error:?}");

    sshd.new_key("other", "ed25519", &[]);
    let error = Login::from_secret(&format!("{key}{}", sign(&sshd, "other", "+1h")).into()).unwrap_err();
    assert!(matches!(error, LoginError::CertificateOfAnotherKey), "{error:?}");
    let error = Login::from_secret(&format!("{key}ssh-ed25519-cert-v01@openssh.com AAAA\n").into()).unwrap_err();
    assert!(matches!(error, LoginError::CertificateUnreadable), "{error:?}");
}

/// The line of a certificate for key `name`, by `ca`.
fn sign(sshd: &Sshd, name: &str, validity: &str) -> String {
    let dir = sshd.dir();
    let mut command = std::process::Command::new("ssh-keygen");
    command.args(["-q", "-I", "test", "-n", sshd.user(), "-V", validity, "-s"]);
    sshd::output(command.arg(dir.join("ca")).arg(dir.join(format!("{name}.pub"))));
    fs::read_to_string(dir.join(format!("{name}-cert.pub"))).unwrap()
}

#[test]
fn a_secret_is_told_by_its_text() {
    assert!(matches!(Login::from_secret(&"hunter2\n".into()).unwrap(), Login::Password(_)));
    assert!(matches!(Login::from_secret(&" \n".into()), Err(LoginError::Empty)));
    let broken = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n";
    assert!(matches!(Login::from_secret(&broken.into()), Err(LoginError::KeyUnreadable)));
    assert!(matches!("ssh-ed25519".parse::<HostKey>(), Err(InvalidHostKey::Unreadable)));
}

#[tokio::test]
async fn debug_never_prints_a_secret() {
    let sshd = Sshd::start();
    let shown = format!("{:?} {:?}", target(&sshd), Login::Password("hunter2".into()));
    assert!(!shown.contains("hunter2") && !shown.contains("PRIVATE KEY"), "{shown}");
}

#[tokio::test]
async fn a_wrong_key_is_refused() {
    let sshd = Sshd::start();
    let key = sshd.new_key("stranger", "ed25519", &[]);
    let error = logs_in(&sshd, Login::from_secret(&key.into()).unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("host web-1 refuses the login of {}; it takes publickey", sshd.user()), "{error:?}");
}

#[tokio::test]
async fn another_host_key_than_the_pinned_one_is_refused() {
    let (sshd, impostor) = (Sshd::start(), Sshd::start());
    let target = Target { port: impostor.port(), ..target(&sshd) };
    let error = within(Connection::open(&target, DEADLINE)).await.err().unwrap();
    let (expected, seen) = (fingerprint(&sshd), fingerprint(&impostor));
    match &error {
        SshError::HostKeyChanged { expected: pinned, seen: shown, .. } => assert_eq!((pinned, shown), (&expected, &seen)),
        other => panic!("{other:?}"),
    }
    let text = error.to_string();
    assert!(text.contains(&expected) && text.contains(&seen), "{text}");
    assert!(!impostor.log().contains("publickey"), "nothing of the login is sent: {}", impostor.log());
}

#[tokio::test]
async fn a_host_that_lost_the_pinned_key_is_refused_by_what_it_shows() {
    let sshd = Sshd::with(SshdOptions { host_keys: vec!["ecdsa"], ..SshdOptions::default() });
    let other = Sshd::start();
    let target = Target { host_key: Some(other.host_key().parse().unwrap()), ..target(&sshd) };
    let error = within(Connection::open(&target, DEADLINE)).await.err().unwrap();
    assert!(matches!(&error, SshError::HostKeyChanged { seen, .. } if *seen == fingerprint(&sshd)), "{error:?}");
}

#[tokio::test]
async fn a_host_without_a_pinned_key_is_refused() {
    let sshd = Sshd::start();
    let target = Target { host_key: None, ..target(&sshd) };
    let error = within(Connection::open(&target, DEADLINE)).await.err().unwrap();
    assert!(matches!(&error, SshError::HostKeyNotPinned { seen, .. } if *seen == fingerprint(&sshd)), "{error:?}");
}

/// As OpenSSH itself says it.
fn fingerprint(sshd: &Sshd) -> String {
    let file = sshd.dir().join("shown.pub");
    fs::write(&file, sshd.host_key()).unwrap();
    let shown = sshd::output(std::process::Command::new("ssh-keygen").arg("-lf").arg(file));
    shown.split_whitespace().nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn of_several_host_keys_the_pinned_one_is_asked_for() {
    let sshd = Sshd::with(SshdOptions { host_keys: vec!["ed25519", "ecdsa", "rsa"], ..SshdOptions::default() });
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let pinned: HostKey = fs::read_to_string(sshd.dir().join(format!("host_{kind}.pub"))).unwrap().parse().unwrap();
        let target = Target { host_key: Some(pinned), ..target(&sshd) };
        within(Connection::open(&target, DEADLINE)).await.unwrap_or_else(|error| panic!("{kind}: {error:?}")).close().await;
    }
}

#[tokio::test]
async fn a_scan_shows_the_key_to_pin() {
    let sshd = Sshd::start();
    let seen = within(scan("127.0.0.1", sshd.port(), DEADLINE)).await.unwrap();
    assert_eq!(seen, sshd.host_key().parse().unwrap());
    assert_eq!(seen.fingerprint(), fingerprint(&sshd));
    assert!(sshd.host_key().starts_with(&seen.to_string()));
}

#[tokio::test]
async fn a_check_tells_key_and_login_apart() {
    let sshd = Sshd::start();
    let looked = |target: Target| async move { within(check(&target, DEADLINE)).await };
    let Checked { reachable, key, login, latency } = looked(target(&sshd)).await;
    let seen: HostKey = sshd.host_key().parse().unwrap();
    assert_eq!((reachable, key, login), (Ok(()), Some(KeyCheck::Match(seen.clone())), Some(Ok(()))));
    assert!(latency.unwrap() < DEADLINE);

    let unpinned = looked(Target { host_key: None, ..target(&sshd) }).await;
    assert_eq!((unpinned.key, unpinned.login), (Some(KeyCheck::NotPinned { seen: seen.clone() }), None));

    let other = Sshd::start();
    let differing = looked(Target { host_key: Some(other.host_key().parse().unwrap()), ..target(&sshd) }).await;
    assert_eq!((differing.key, differing.login), (Some(KeyCheck::Differs { seen: seen.clone() }), None));

    let stranger = Login::from_secret(&sshd.new_key("stranger", "ed25519", &[]).into()).unwrap();
    let refused = looked(Target { login: stranger, ..target(&sshd) }).await;
    assert_eq!(refused.key, Some(KeyCheck::Match(seen)));
    assert!(refused.login.unwrap().unwrap_err().starts_with("host web-1 refuses the login"));
}

#[tokio::test]
async fn a_check_of_what_is_not_there_says_so() {
    let sshd = Sshd::start();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    let checked = check(&Target { port: silent_port, ..target(&sshd) }, Duration::from_millis(300)).await;
    assert_eq!(checked.reachable, Err("host web-1 did not answer within 0.3 s".into()));
    let error = scan("127.0.0.1", silent_port, Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error, SshError::TimedOut { .. }), "{error:?}");

    drop(silent);
    let checked = within(check(&Target { port: silent_port, ..target(&sshd) }, DEADLINE)).await;
    let said = checked.reachable.unwrap_err();
    assert!(said.starts_with(&format!("host web-1 cannot be reached at 127.0.0.1 port {silent_port}: ")), "{said}");
}

#[tokio::test]
async fn odd_addresses_and_users_are_refused() {
    let sshd = Sshd::start();
    for odd in ["", "-oProxyCommand=id", "a\0b", "a\nb"] {
        let address = Target { address: odd.into(), ..target(&sshd) };
        let user = Target { user: odd.into(), ..target(&sshd) };
        for target in [address, user] {
            let error = within(Connection::open(&target, DEADLINE)).await.err().unwrap();
            assert!(matches!(error, SshError::InvalidTarget { .. }), "{odd:?}: {error:?}");
        }
        assert!(scan(odd, sshd.port(), DEADLINE).await.is_err(), "{odd:?}");
    }
}
