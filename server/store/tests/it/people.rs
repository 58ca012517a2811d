use std::time::Duration;

use domain::{ApiKeyId, AuditAction, CredentialId, CredentialKind, CredentialSummary};
use store::NewApiKey;

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
    store.create_session("t", ann.id, at(0), at(500), &entry).await.unwrap();
    assert_eq!(store.session_account("t", at(90), idle).await.unwrap(), Some(ann.clone()));
    assert_eq!(store.session_account("t", at(180), idle).await.unwrap(), Some(ann.clone()), "touched at 90");
    assert_eq!(store.session_account("t", at(290), idle).await.unwrap(), None, "idle");
    assert_eq!(store.session_account("x", at(1), idle).await.unwrap(), None);
    assert_eq!(store.session_account("t", at(500), Duration::from_secs(9999)).await.unwrap(), None, "expired");
    assert!(store.delete_session("t", &entry).await.unwrap());
    assert!(!store.delete_session("t", &entry).await.unwrap());
    let key = NewApiKey {
        id: ApiKeyId::new(),
        account: ann.id,
        name: "k".into(),
        hash: "kh".into(),
        created_at: at(0),
        expires_at: Some(at(10)),
    };
    store.create_api_key(&key, &entry).await.unwrap();
    assert_eq!(store.api_key_account("kh", at(5)).await.unwrap(), Some((key.id, ann)));
    assert_eq!(store.api_key_account("kh", at(10)).await.unwrap(), None);
    assert!(store.revoke_api_key(key.id, &entry).await.unwrap());
    assert!(!store.revoke_api_key(key.id, &entry).await.unwrap());
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
    };
    assert!(store.create_credential(&credential, b"\x00sealed", &entry).await.unwrap());
    let other = CredentialSummary { id: CredentialId::new(), ..credential.clone() };
    assert!(!store.create_credential(&other, b"", &entry).await.unwrap());
    store.credential_used(credential.id, at(7), &entry).await.unwrap();
    credential.last_used_at = Some(at(7));
    for given in [credential.id.to_string(), "db".to_owned()] {
        let found = store.credential(&given).await.unwrap();
        assert_eq!(found, Some((credential.clone(), b"\x00sealed".to_vec())));
    }
    assert_eq!(store.credentials().await.unwrap(), vec![credential.clone()]);
    assert!(store.delete_credential(credential.id, &entry).await.unwrap());
    assert!(!store.delete_credential(credential.id, &entry).await.unwrap());
}
