//! Keys, sessions, passwords, and what administrators do with accounts.

use std::time::Duration;

use domain::{Actor, AuditAction, LinkPurpose, Permission, Role, Scope};
use secrecy::{ExposeSecret, SecretString};
use service::{NewKey, NewUser, ServiceError, Settings, UserChange};

use crate::world::{PASSWORD, TestStudio, draft, echo, sign_up, somebody};

const OTHER_PASSWORD: &str = "another sentence of plain words";

fn key(name: &str, scopes: &[Scope]) -> NewKey {
    NewKey { name: name.to_owned(), scopes: scopes.to_vec(), expires_in_days: Some(30) }
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

/// Makes an account of this role and signs it in.
async fn signed_in(studio: &TestStudio, name: &str, role: Role) -> (Actor, SecretString) {
    let accounts = &studio.services.accounts;
    let wish = NewUser { username: name.to_owned(), role, password: Some(secret(PASSWORD)) };
    accounts.create_user(&somebody("root", Role::Admin), wish).await.expect("an account");
    let session = accounts.sign_in(name, secret(PASSWORD), None, "Firefox on Linux").await.expect("a session");
    let actor = by_session(studio, &session).await.expect("signed in");
    (actor, session)
}

async fn by_session(studio: &TestStudio, session: &SecretString) -> Option<Actor> {
    studio.services.accounts.actor_by_session(session.expose_secret(), None).await.expect("a look")
}

async fn by_key(studio: &TestStudio, key: &SecretString) -> Option<Actor> {
    studio.services.accounts.actor_by_key(key.expose_secret(), None).await.expect("a look")
}

#[tokio::test]
async fn a_key_does_no_more_than_its_scopes_and_makes_none_that_does() {
    let studio = TestStudio::idle().await;
    let accounts = &studio.services.accounts;
    let (ann, _) = signed_in(&studio, "ann", Role::Developer).await;
    let runbook = studio.services.runbooks.create(&ann, draft("Restart", echo())).await.expect("a runbook");
    let (made, shown) = accounts.create_api_key(&ann, key("reader", &[Scope::Read, Scope::Read])).await.expect("a key");
    assert_eq!(made.scopes, [Scope::Read]);
    let reader = by_key(&studio, &shown).await.expect("a good key");
    assert!(studio.services.runbooks.get(&reader, runbook.id).await.is_ok());
    let start = studio.services.runs.start(&reader, runbook.id, service::StartRun::default()).await.map(|_| ());
    assert!(matches!(start, Err(ServiceError::OutOfScope { scope: Scope::Execute })), "{start:?}");
    let written = studio.services.runbooks.create(&reader, draft("x", echo())).await;
    assert!(matches!(written, Err(ServiceError::OutOfScope { scope: Scope::Write })));
    assert!(matches!(accounts.create_api_key(&reader, key("more", &[Scope::Read])).await, Err(ServiceError::OutOfScope { .. })));

    let (_, shown) = accounts.create_api_key(&ann, key("writer", &[Scope::Write])).await.expect("a key");
    let writer = by_key(&studio, &shown).await.expect("a good key");
    assert!(matches!(accounts.api_keys(&writer).await, Err(ServiceError::OutOfScope { scope: Scope::Read })));
    let more = accounts.create_api_key(&writer, key("more", &[Scope::Write, Scope::Execute])).await.map(|_| ());
    assert!(matches!(more, Err(ServiceError::OutOfScope { scope: Scope::Execute })), "{more:?}");
    assert!(accounts.create_api_key(&writer, key("same", &[Scope::Write])).await.is_ok());
    // What the role does not hold, no scope gives.
    let users = accounts.users(&writer).await;
    assert!(matches!(users, Err(ServiceError::Forbidden { permission: Permission::Administer })));
}

#[tokio::test]
async fn a_key_without_a_name_a_purpose_or_a_sane_end_is_refused() {
    let studio = TestStudio::idle().await;
    let (ann, _) = signed_in(&studio, "ann", Role::Viewer).await;
    let odd = NewKey { name: "-".to_owned(), scopes: vec![], expires_in_days: Some(0) };
    let Err(ServiceError::Invalid(faults)) = studio.services.accounts.create_api_key(&ann, odd).await else {
        panic!("not refused")
    };
    let paths: Vec<_> = faults.0.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["$.name", "$.scopes", "$.expires_in_days"]);
}

#[tokio::test]
async fn keys_and_sessions_of_others_are_neither_seen_nor_ended() {
    let studio = TestStudio::idle().await;
    let accounts = &studio.services.accounts;
    let (ann, session) = signed_in(&studio, "ann", Role::Developer).await;
    let (eve, _) = signed_in(&studio, "eve", Role::Admin).await;
    let (made, shown) = accounts.create_api_key(&ann, key("mine", &Scope::ALL)).await.expect("a key");
    let listed = accounts.sessions(&ann, Some(session.expose_secret())).await.expect("a list");
    assert_eq!((listed.len(), listed[0].current, listed[0].device.as_str()), (1, true, "Firefox on Linux"));

    assert!(accounts.api_keys(&eve).await.expect("a list").iter().all(|key| key.id != made.id));
    assert!(accounts.sessions(&eve, None).await.expect("a list").iter().all(|session| session.id != listed[0].id));
    assert!(matches!(accounts.revoke_api_key(&eve, made.id).await, Err(ServiceError::NotFound { .. })));
    assert!(matches!(accounts.end_session(&eve, listed[0].id).await, Err(ServiceError::NotFound { .. })));
    assert!(by_session(&studio, &session).await.is_some() && by_key(&studio, &shown).await.is_some());

    accounts.revoke_api_key(&ann, made.id).await.expect("revoked");
    accounts.end_session(&ann, listed[0].id).await.expect("ended");
    assert!(by_session(&studio, &session).await.is_none() && by_key(&studio, &shown).await.is_none());
}

#[tokio::test]
async fn signing_out_everywhere_leaves_no_session_and_every_key() {
    let studio = TestStudio::idle().await;
    let accounts = &studio.services.accounts;
    let (ann, first) = signed_in(&studio, "ann", Role::Viewer).await;
    let second = accounts.sign_in("ann", secret(PASSWORD), None, "").await.expect("a session");
    let (_, shown) = accounts.create_api_key(&ann, key("ci", &[Scope::Read])).await.expect("a key");
    accounts.end_sessions(&ann).await.expect("ended");
    accounts.end_sessions(&ann).await.expect("no fault");
    assert!(by_session(&studio, &first).await.is_none() && by_session(&studio, &second).await.is_none());
    assert!(by_key(&studio, &shown).await.is_some());
}

#[tokio::test]
async fn a_session_ends_by_time_used_or_not() {
    for settings in [
        Settings { session_lifetime: Duration::ZERO, ..Settings::default() },
        Settings { session_idle: Duration::ZERO, ..Settings::default() },
    ] {
        let studio = TestStudio::idle().await;
        studio.services.accounts.sign_up(None, sign_up("ann"), None).await.expect("the first");
        let studio = studio.with_settings(settings);
        let session = studio.services.accounts.sign_in("ann", secret(PASSWORD), None, "").await.expect("a session");
        assert_eq!(by_session(&studio, &session).await, None);
    }
}

#[tokio::test]
async fn another_password_ends_every_session_and_key() {
    let studio = TestStudio::idle().await;
    let accounts = &studio.services.accounts;
    let (ann, session) = signed_in(&studio, "ann", Role::Viewer).await;
    let (_, shown) = accounts.create_api_key(&ann, key("ci", &Scope::ALL)).await.expect("a key");
    let wrong = accounts.change_password(&ann, secret("not the password"), secret(OTHER_PASSWORD)).await;
    assert!(matches!(&wrong, Err(ServiceError::Invalid(faults)) if faults.0[0].path == "$.current_password"), "{wrong:?}");
    let weak = accounts.change_password(&ann, secret(PASSWORD), secret("short")).await;
    assert!(matches!(&weak, Err(ServiceError::Invalid(faults)) if faults.0[0].path == "$.new_password"), "{weak:?}");
    assert!(by_session(&studio, &session).await.is_some());

    accounts.change_password(&ann, secret(PASSWORD), secret(OTHER_PASSWORD)).await.expect("changed");
    assert!(by_session(&studio, &session).await.is_none() && by_key(&studio, &shown).await.is_none());
    assert!(matches!(accounts.sign_in("ann", secret(PASSWORD), None, "").await, Err(ServiceError::WrongPassword)));
    assert!(accounts.sign_in("ann", secret(OTHER_PASSWORD), None, "").await.is_ok());
    let trail = studio.store.audit_entries(20).await.expect("the trail");
    assert!(trail.iter().any(|entry| entry.action == AuditAction::PasswordChanged));
    let text = serde_json::to_string(&trail).expect("JSON");
    assert!(!text.contains(PASSWORD) && !text.contains(OTHER_PASSWORD) && !text.contains(shown.expose_secret()));
}

#[tokio::test]
async fn guessing_the_present_password_is_slowed_down_too() {
    let studio = TestStudio::idle().await;
    let (ann, _) = signed_in(&studio, "ann", Role::Viewer).await;
    let guess = || studio.services.accounts.change_password(&ann, secret("not the password"), secret(OTHER_PASSWORD));
    for _ in 0..5 {
        assert!(matches!(guess().await, Err(ServiceError::Invalid(_))));
    }
    assert!(matches!(guess().await, Err(ServiceError::Throttled { .. })));
}

#[tokio::test]
async fn another_role_or_a_lock_ends_every_session_and_key() {
    let studio = TestStudio::idle().await;
    let accounts = &studio.services.accounts;
    let (root, _) = signed_in(&studio, "root", Role::Admin).await;
    let (ann, session) = signed_in(&studio, "ann", Role::Viewer).await;
    let promoted = UserChange { role: Some(Role::Sre), disabled: None };
    assert_eq!(accounts.change_user(&root, ann.id, promoted).await.expect("changed").role, Role::Sre);
    assert!(by_session(&studio, &session).await.is_none());

    let session = accounts.sign_in("ann", secret(PASSWORD), None, "").await.expect("a session");
    let shown = accounts.log_in("ann", secret(PASSWORD), None).await.expect("a key");
    assert_eq!(accounts.change_user(&root, ann.id, promoted).await.expect("the same").role, Role::Sre);
    assert!(by_session(&studio, &session).await.is_some(), "nothing changed, so nothing ends");
    let locked = UserChange { role: None, disabled: Some(true) };
    assert!(accounts.change_user(&root, ann.id, locked).await.expect("locked").is_disabled());
    assert!(by_session(&studio, &session).await.is_none() && by_key(&studio, &shown).await.is_none());
    assert!(matches!(accounts.log_in("ann", secret(PASSWORD), None).await, Err(ServiceError::WrongPassword)));

    let unlocked = UserChange { role: None, disabled: Some(false) };
    accounts.change_user(&root, ann.id, unlocked).await.expect("unlocked");
    assert!(by_key(&studio, &shown).await.is_none(), "what ended stays ended");
    assert!(accounts.log_in("ann", secret(PASSWORD), None).await.is_ok());
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let studio = TestStudio::idle().await;
    let accounts = &studio.services.accounts;
    let (root, _) = signed_in(&studio, "root", Role::Admin).await;
    let (second, _) = signed_in(&studio, "second", Role::Admin).await;
    let demoted = UserChange { role: Some(Role::Viewer), disabled: None };
    accounts.change_user(&root, root.id, demoted).await.expect("another one is left");
    for change in [demoted, UserChange { role: None, disabled: Some(true) }] {
        let refused = accounts.change_user(&second, second.id, change).await;
        assert!(matches!(refused, Err(ServiceError::Conflict { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn only_administrators_manage_accounts() {
    let studio = TestStudio::idle().await;
    let accounts = &studio.services.accounts;
    let (ann, _) = signed_in(&studio, "ann", Role::Viewer).await;
    for role in [Role::Viewer, Role::Developer, Role::Sre] {
        let actor = somebody("who", role);
        assert!(matches!(accounts.users(&actor).await, Err(ServiceError::Forbidden { .. })));
        assert!(matches!(accounts.invites(&actor).await, Err(ServiceError::Forbidden { .. })));
        assert!(matches!(accounts.invite(&actor, Role::Viewer).await, Err(ServiceError::Forbidden { .. })));
        let wish = NewUser { username: "bob".to_owned(), role: Role::Viewer, password: None };
        assert!(matches!(accounts.create_user(&actor, wish).await, Err(ServiceError::Forbidden { .. })));
        let change = UserChange { role: Some(Role::Admin), disabled: None };
        assert!(matches!(accounts.change_user(&actor, ann.id, change).await, Err(ServiceError::Forbidden { .. })));
        assert!(matches!(accounts.offer_password_reset(&actor, ann.id).await, Err(ServiceError::Forbidden { .. })));
    }
}

#[tokio::test]
async fn a_password_is_made_up_where_none_is_given() {
    let studio = TestStudio::idle().await;
    let accounts = &studio.services.accounts;
    let wish = NewUser { username: "bob".to_owned(), role: Role::Sre, password: None };
    let (account, password) = accounts.create_user(&somebody("root", Role::Admin), wish).await.expect("an account");
    assert_eq!(account.role, Role::Sre);
    assert!(accounts.sign_in("bob", password.expect("a password"), None, "").await.is_ok());
}

#[tokio::test]
async fn an_invitation_makes_one_account_of_its_role_though_sign_up_is_closed() {
    let settings = Settings { signup: service::Signup::Closed, ..Settings::default() };
    let studio = TestStudio::idle().await.with_settings(settings);
    let accounts = &studio.services.accounts;
    let (root, _) = signed_in(&studio, "root", Role::Admin).await;
    let link = accounts.invite(&root, Role::Sre).await.expect("a link");
    let token = link.token.expose_secret();
    assert_eq!(accounts.link_purpose(token).await.expect("a link"), LinkPurpose::Invite(Role::Sre));
    let weak = accounts.accept_invite(token, "ann", secret("short"), None).await;
    assert!(matches!(weak, Err(ServiceError::Invalid(_))));
    assert!(matches!(accounts.accept_invite(token, "root", secret(PASSWORD), None).await, Err(ServiceError::NameTaken)));
    assert!(matches!(accounts.reset_password(token, secret(PASSWORD), None).await, Err(ServiceError::NotFound { .. })));
    let made = accounts.accept_invite(token, "ann", secret(PASSWORD), None).await.expect("an account");
    assert_eq!(made.role, Role::Sre);
    let again = accounts.accept_invite(token, "bob", secret(PASSWORD), None).await;
    assert!(matches!(again, Err(ServiceError::NotFound { .. })));
    assert!(matches!(accounts.link_purpose("").await, Err(ServiceError::NotFound { .. })));

    let link = accounts.invite(&root, Role::Viewer).await.expect("a link");
    accounts.withdraw_invite(&root, link.id).await.expect("withdrawn");
    let late = accounts.accept_invite(link.token.expose_secret(), "bob", secret(PASSWORD), None).await;
    assert!(matches!(late, Err(ServiceError::NotFound { .. })));
}

#[tokio::test]
async fn a_reset_link_replaces_the_password_once() {
    let studio = TestStudio::idle().await;
    let accounts = &studio.services.accounts;
    let (root, _) = signed_in(&studio, "root", Role::Admin).await;
    let (ann, session) = signed_in(&studio, "ann", Role::Viewer).await;
    let link = accounts.offer_password_reset(&root, ann.id).await.expect("a link");
    let token = link.token.expose_secret();
    assert_eq!(accounts.link_purpose(token).await.expect("a link"), LinkPurpose::Reset("ann".to_owned()));
    assert!(by_session(&studio, &session).await.is_some(), "nothing happens before it is used");
    assert!(accounts.invites(&root).await.expect("a list").is_empty(), "it is no invitation");
    accounts.reset_password(token, secret(OTHER_PASSWORD), None).await.expect("reset");
    assert!(by_session(&studio, &session).await.is_none());
    assert!(accounts.sign_in("ann", secret(OTHER_PASSWORD), None, "").await.is_ok());
    let again = accounts.reset_password(token, secret(PASSWORD), None).await;
    assert!(matches!(again, Err(ServiceError::NotFound { .. })));
}
