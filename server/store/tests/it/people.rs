use std::time::Duration;

use domain::{
    AccountId, ApiKeyId, AuditAction, CredentialId, CredentialKind, CredentialSummary, RunId, Scope, SessionId, Timestamp,
};
use store::{FoundKey, NewApiKey, NewSession};

use crate::world::{account, at, audit, disk, memory};

#[tokio::test]
async fn only_one_account_is_the_first_and_a_name_is_taken_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = disk(&dir).await;
    let entry = audit(AuditAction::SignUp);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let (store, entry) = (store.clone(), entry.clone());
        tasks.spawn(async move { store.create_account(&account(&format!("user{n}")), "h", true, &entry).await.unwrap() });
    }
    let made = tasks.join_all().await.into_iter().filter(|made| *made).count();
    assert_eq!((made, store.account_count().await.unwrap()), (1, 1));
    let bob = account("bob");
    assert!(store.create_account(&bob, "hash", false, &entry).await.unwrap());
    assert!(!store.create_account(&account("bob"), "hash", false, &entry).await.unwrap());
    assert_eq!(store.account_by_name(&bob.username).await.unwrap(), Some((bob.clone(), "hash".to_owned())));
    assert_eq!(store.account(bob.id).await.unwrap(), Some(bob));
    assert_eq!(store.audit_entries(10).await.unwrap(), vec![entry.clone(), entry]);
}

#[tokio::test]
async fn sessions_and_keys_end_by_time_and_by_hand() {
    let store = memory().await;
    let entry = audit(AuditAction::SignIn);
    let ann = account("ann");
    store.create_account(&ann, "h", true, &entry).await.unwrap();
    let idle = Duration::from_secs(100);
    let opened = session("t", ann.id, at(0), at(500));
    assert!(store.create_session(&opened, "h", &entry).await.unwrap());
    let found = Some((opened.id, ann.clone()));
    assert_eq!(store.session_account("t", at(90), idle).await.unwrap(), found);
    assert_eq!(store.session_account("t", at(180), idle).await.unwrap(), found, "touched at 90");
    assert_eq!(store.session_account("t", at(290), idle).await.unwrap(), None, "idle");
    assert_eq!(store.session_account("x", at(1), idle).await.unwrap(), None);
    assert_eq!(store.session_account("t", at(500), Duration::from_secs(9999)).await.unwrap(), None, "expired");
    assert!(store.delete_session("t", &entry).await.unwrap());
    assert!(!store.delete_session("t", &entry).await.unwrap());
    let key = api_key("kh", ann.id, Some(at(10)));
    assert!(store.create_api_key(&key, None, &entry).await.unwrap());
    let found = FoundKey { id: key.id, scopes: vec![Scope::Read], account: ann.clone() };
    assert_eq!(store.api_key_account("kh", at(5)).await.unwrap(), Some(found));
    assert_eq!(store.api_key_account("kh", at(10)).await.unwrap(), None);
    assert!(!store.revoke_api_key(AccountId::new(), key.id, &entry).await.unwrap(), "somebody else's");
    assert!(store.revoke_api_key(ann.id, key.id, &entry).await.unwrap());
    assert!(!store.revoke_api_key(ann.id, key.id, &entry).await.unwrap());
}

#[tokio::test]
async fn sessions_and_keys_are_listed_for_their_owner_alone() {
    let store = memory().await;
    let entry = audit(AuditAction::SignIn);
    let (ann, bob) = (account("ann"), account("bob"));
    store.create_account(&ann, "h", true, &entry).await.unwrap();
    store.create_account(&bob, "h", false, &entry).await.unwrap();
    let idle = Duration::from_secs(100);
    for (token, owner, ends) in [("a1", &ann, 500), ("a2", &ann, 500), ("a3", &ann, 5), ("b1", &bob, 500)] {
        assert!(store.create_session(&session(token, owner.id, at(0), at(ends)), "h", &entry).await.unwrap());
        assert!(store.create_api_key(&api_key(token, owner.id, Some(at(ends))), None, &entry).await.unwrap());
    }
    let listed = store.sessions(ann.id, at(10), idle, Some("a1")).await.unwrap();
    assert_eq!(listed.iter().map(|session| session.current).collect::<Vec<_>>(), [true, false]);
    assert_eq!((listed[0].device.as_str(), listed[0].address.as_deref()), ("Firefox on Linux", Some("192.0.2.1")));
    assert_eq!(store.sessions(ann.id, at(101), idle, None).await.unwrap(), vec![], "idle");
    assert_eq!(store.api_keys(ann.id, at(10)).await.unwrap().len(), 2);

    assert!(!store.end_sessions(bob.id, Some(listed[0].id), &entry).await.unwrap(), "somebody else's");
    assert!(store.end_sessions(ann.id, Some(listed[0].id), &entry).await.unwrap());
    assert_eq!(store.session_account("a1", at(10), idle).await.unwrap(), None);
    assert!(store.end_sessions(ann.id, None, &entry).await.unwrap());
    assert!(!store.end_sessions(ann.id, None, &entry).await.unwrap());
    assert!(store.session_account("b1", at(10), idle).await.unwrap().is_some());
}

fn session(token: &str, owner: AccountId, begins: Timestamp, ends: Timestamp) -> NewSession {
    NewSession {
        id: SessionId::new(),
        token_hash: token.into(),
        account: owner,
        device: "Firefox on Linux".into(),
        address: Some("192.0.2.1".into()),
        created_at: begins,
        expires_at: ends,
    }
}

fn api_key(hash: &str, owner: AccountId, expires_at: Option<Timestamp>) -> NewApiKey {
    let (id, name) = (ApiKeyId::new(), "k".to_owned());
    NewApiKey { id, account: owner, name, hash: hash.into(), scopes: vec![Scope::Read], created_at: at(0), expires_at }
}

#[tokio::test]
async fn a_credential_is_found_by_id_and_by_name() {
    let store = memory().await;
    let entry = audit(AuditAction::CredentialCreated);
    let mut credential = CredentialSummary {
        id: CredentialId::new(),
        name: "db".into(),
        kind: CredentialKind::Ssh,
        created_at: at(0),
        created_by: "ann".into(),
        last_used_at: None,
        last_used_by: None,
        secret_lost_at: None,
    };
    assert!(store.create_credential(&credential, b"\x00sealed", &entry).await.unwrap());
    let other = CredentialSummary { id: CredentialId::new(), ..credential.clone() };
    assert!(!store.create_credential(&other, b"", &entry).await.unwrap());
    let run = RunId::new();
    store.credential_used(credential.id, at(7), Some(run), &entry).await.unwrap();
    (credential.last_used_at, credential.last_used_by) = (Some(at(7)), Some(run));
    for given in [credential.id.to_string(), "db".to_owned()] {
        let found = store.credential(&given).await.unwrap();
        assert_eq!(found, Some((credential.clone(), b"\x00sealed".to_vec())));
    }
    assert_eq!(store.credentials().await.unwrap(), vec![credential.clone()]);
    assert!(store.delete_credential(credential.id, &entry).await.unwrap());
    assert!(!store.delete_credential(credential.id, &entry).await.unwrap());
}
