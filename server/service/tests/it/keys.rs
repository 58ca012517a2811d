//! The key to the stored secrets is replaced while people store more of them, and stops in the middle.

use std::path::Path;
use std::time::{Duration, Instant};

use domain::{AuditAction, CredentialKind, Role, RotationState};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, json};
use service::{Keys, ServiceError, StartRun};
use store::{Resealed, SealedKind, Store};
use vault::Vault;

use crate::world::{TestStudio, draft, somebody};

/// Every stored secret, opened by this vault.
async fn opened(store: &Store, vault: &Vault) -> usize {
    let mut count = 0;
    for kind in SealedKind::ALL {
        let mut after = Some(String::new());
        while let Some(from) = after {
            let page = store.sealed_values(kind, &from, 7).await.expect("a page");
            for value in &page.values {
                let text = vault.open_sealed(&value.id, 1, &value.bytes).unwrap_or_else(|error| panic!("{kind:?}: {error:?}"));
                assert!(text.expose_secret().contains("s3cret-"), "another secret came back");
                count += 1;
            }
            after = page.next;
        }
    }
    count
}

async fn store_credential(studio: &TestStudio, name: String) {
    let sre = somebody("sre", Role::Sre);
    let secret = SecretString::from(format!("s3cret-{name}"));
    studio.services.credentials.create(&sre, name, CredentialKind::Api, secret).await.expect("a credential");
}

async fn start_run(studio: &TestStudio, runbook: domain::RunbookId, number: usize) {
    let answers = json!({ "token": format!("s3cret-answer-{number}") });
    let parameters: Map<_, _> = answers.as_object().expect("answers").clone();
    let options = StartRun { parameters, ..StartRun::default() };
    studio.services.runs.start(&somebody("sre", Role::Sre), runbook, options).await.expect("a run");
}

async fn asking_for_a_secret(studio: &TestStudio) -> domain::RunbookId {
    let mut draft = draft("Ask", json!([{ "type": "timer", "config": { "duration": "1s" } }]));
    draft.parameters =
        serde_json::from_value(json!([{ "name": "token", "type": "secret", "required": true }])).expect("a parameter");
    studio.services.runbooks.create(&somebody("sre", Role::Sre), draft).await.expect("a runbook").id
}

async fn ended(keys: &Keys) -> domain::KeyStatus {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let status = keys.status(&somebody("admin", Role::Admin)).expect("a status");
        if status.rotation != RotationState::Running {
            return status;
        }
        assert!(Instant::now() < deadline, "still rotating: {status:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_administrator_replaces_the_key() {
    let studio = TestStudio::idle().await;
    for role in [Role::Viewer, Role::Developer, Role::Sre] {
        let actor = somebody("someone", role);
        assert!(matches!(studio.services.keys.status(&actor), Err(ServiceError::Forbidden { .. })));
        assert!(matches!(studio.services.keys.rotate(&actor).await, Err(ServiceError::Forbidden { .. })));
    }
    assert_eq!(studio.vault.identities(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_every_secret_stays_readable_and_ends_up_sealed_for_the_new_key() {
    let studio = TestStudio::idle().await;
    let runbook = asking_for_a_secret(&studio).await;
    for number in 0..60 {
        store_credential(&studio, format!("before-{number}")).await;
        start_run(&studio, runbook, number).await;
    }
    let old = studio.vault.recipient();
    let keys = studio.services.keys.clone();
    let load = async {
        for number in 0..60 {
            store_credential(&studio, format!("meanwhile-{number}")).await;
            start_run(&studio, runbook, 100 + number).await;
            opened(&studio.store, &studio.vault).await;
        }
    };
    let rotations = async {
        for _ in 0..3 {
            let begun = keys.rotate(&somebody("admin", Role::Admin)).await.expect("a rotation");
            assert_ne!(begun.recipient, old);
            let status = ended(&keys).await;
            assert_eq!((status.rotation, status.identities, status.unreadable), (RotationState::Finished, 1, 0), "{status:?}");
            assert_eq!(status.done, status.total);
        }
    };
    tokio::join!(load, rotations);
    assert_eq!(opened(&studio.store, &studio.vault).await, 240);
    for kind in SealedKind::ALL {
        for value in studio.store.sealed_values(kind, "", 1000).await.expect("a page").values {
            assert!(!studio.vault.needs_resealing(&value.bytes), "{kind:?} {} is sealed for an old key", value.id);
        }
    }
    let actions: Vec<_> = studio.store.audit_entries(500).await.expect("entries").iter().map(|entry| entry.action).collect();
    for action in [AuditAction::KeyRotationStarted, AuditAction::KeyRotationFinished] {
        assert_eq!(actions.iter().filter(|found| **found == action).count(), 3, "{action:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_rotation_waits_for_the_first() {
    let studio = TestStudio::idle().await;
    let admin = somebody("admin", Role::Admin);
    // Whoever stores something keeps the rotation waiting.
    let storing = studio.vault.storing().await;
    studio.services.keys.rotate(&admin).await.expect("a rotation");
    assert!(matches!(studio.services.keys.rotate(&admin).await, Err(ServiceError::Conflict { .. })));
    assert_eq!(studio.vault.identities(), 2);
    drop(storing);
    assert_eq!(ended(&studio.services.keys).await.rotation, RotationState::Finished);
}

/// Seals some of the credentials again, as a process would that dies then.
async fn half(store: &Store, vault: &Vault) {
    vault.add_identity().expect("an identity");
    let page = store.sealed_values(SealedKind::Credential, "", 10).await.expect("a page");
    let reseal = |value: store::Sealed| {
        let new = vault.reseal(&value.id, 1, &value.bytes).expect("opened").expect("sealed for the old key");
        Resealed { id: value.id, old: value.bytes, new }
    };
    let values: Vec<_> = page.values.into_iter().map(reseal).collect();
    assert_eq!(values.len(), 10);
    store.replace_sealed(SealedKind::Credential, &values).await.expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stopped_in_the_middle_goes_on_at_the_next_start() {
    let studio = TestStudio::idle().await;
    for number in 0..25 {
        store_credential(&studio, format!("c{number}")).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("identity.age");
    let dying = moved_to(&studio, &file).await;
    half(&studio.store, &dying).await;
    drop(dying);

    let vault = Vault::open(&file).expect("the file");
    assert_eq!(opened(&studio.store, &vault).await, 25, "all is readable in the middle");
    let keys = Keys::new(studio.store.clone(), vault.clone());
    assert_eq!(keys.check().await.expect("readable"), 25);
    assert!(keys.resume().await.expect("a look"));
    let status = ended(&keys).await;
    assert_eq!((status.rotation, status.done, status.identities), (RotationState::Finished, 25, 1), "{status:?}");
    assert!(!keys.resume().await.expect("a look"));
    let fresh = Vault::open(&file).expect("the file");
    assert_eq!((fresh.identities(), opened(&studio.store, &fresh).await), (1, 25));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_keys_that_somebody_keeps_survive_a_start_and_all_of_them_open() {
    let studio = TestStudio::idle().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (file, other) = (folder.path().join("identity.age"), folder.path().join("other.age"));
    for number in 0..4 {
        store_credential(&studio, format!("c{number}")).await;
    }
    moved_to(&studio, &file).await;
    // Half of them are sealed for a second key, whose line somebody adds to the file.
    let second = Vault::open(&other).expect("a file");
    let first = Vault::open(&file).expect("the file");
    let page = studio.store.sealed_values(SealedKind::Credential, "", 2).await.expect("a page");
    let reseal = |value: store::Sealed| {
        let secret = first.open_sealed(&value.id, 1, &value.bytes).expect("opened");
        Resealed { new: second.seal(&value.id, 1, &secret).expect("sealed"), id: value.id, old: value.bytes }
    };
    let values: Vec<_> = page.values.into_iter().map(reseal).collect();
    studio.store.replace_sealed(SealedKind::Credential, &values).await.expect("written");
    let both = std::fs::read_to_string(&file).expect("a file") + &std::fs::read_to_string(&other).expect("a file");
    std::fs::write(&file, &both).expect("written");

    let vault = Vault::open(&file).expect("the file");
    let keys = Keys::new(studio.store.clone(), vault.clone());
    assert_eq!(keys.check().await.expect("readable"), 4);
    assert!(!keys.resume().await.expect("a look"), "nobody has begun a rotation");
    assert_eq!((vault.identities(), vault.recipient()), (2, first.recipient()));
    assert_eq!(opened(&studio.store, &vault).await, 4);
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), both, "the file is left as it is");

    // A rotation that somebody asks for ends with its one key.
    keys.rotate(&somebody("admin", Role::Admin)).await.expect("a rotation");
    let status = ended(&keys).await;
    assert_eq!((status.rotation, status.done, status.identities), (RotationState::Finished, 4, 1), "{status:?}");
    assert_eq!(opened(&studio.store, &Vault::open(&file).expect("the file")).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_whose_key_is_lost_are_named_forgotten_and_entered_anew() {
    let studio = TestStudio::idle().await;
    let runbook = asking_for_a_secret(&studio).await;
    for name in ["lost-1", "lost-2"] {
        store_credential(&studio, name.to_owned()).await;
    }
    start_run(&studio, runbook, 1).await;
    // From here on there is another key; what is stored for it stays.
    let keys = Keys::new(studio.store.clone(), Vault::ephemeral());
    let lost = keys.lost().await.expect("a look");
    let mut names: Vec<&str> = lost.iter().map(|lost| lost.what.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["credential “lost-1” (api)", "credential “lost-2” (api)", "the secret answers of run 1 of “Ask”"]);
    assert!(keys.check().await.is_err(), "a look deletes nothing");

    keys.forget(&lost).await.expect("forgotten");
    assert!(keys.lost().await.expect("a look").is_empty());
    assert_eq!(keys.check().await.expect("a start"), 0);
    let entries = studio.store.audit_entries(10).await.expect("entries");
    let told: Vec<_> = entries.iter().filter(|entry| entry.action == AuditAction::SecretsForgotten).collect();
    assert_eq!(told.len(), 2, "a row for each kind");
    assert!(told.iter().any(|entry| entry.detail["secrets"][0].as_str().is_some_and(|name| name.starts_with("credential "))));

    let sre = somebody("sre", Role::Sre);
    let listed = studio.services.credentials.list(&sre).await.expect("a list");
    assert!(listed.iter().all(|credential| credential.secret_lost_at.is_some()), "{listed:?}");
    let anew = || studio.services.credentials.create(&sre, "lost-1", CredentialKind::Api, SecretString::from("s3cret-again"));
    let renewed = anew().await.expect("stored anew");
    assert_eq!((renewed.id, renewed.secret_lost_at), (listed[0].id, None), "what uses it goes on");
    assert!(matches!(anew().await, Err(ServiceError::Conflict { .. })), "it has a secret again");
    assert_eq!(opened(&studio.store, &studio.vault).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_meanwhile_is_not_undone() {
    let studio = TestStudio::idle().await;
    store_credential(&studio, "c".to_owned()).await;
    let read = || async { studio.store.sealed_values(SealedKind::Credential, "", 10).await.expect("a page").values.remove(0) };
    let value = read().await;
    let stale = Resealed { id: value.id.clone(), old: b"what was there once".to_vec(), new: b"late".to_vec() };
    studio.store.replace_sealed(SealedKind::Credential, &[stale]).await.expect("answered");
    assert_eq!(read().await, value);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_is_noticed_and_a_damaged_secret_stops_nobody() {
    let studio = TestStudio::idle().await;
    for number in 0..3 {
        store_credential(&studio, format!("c{number}")).await;
    }
    let refused = Keys::new(studio.store.clone(), Vault::ephemeral()).check().await;
    let Err(ServiceError::Conflict { why }) = refused else { panic!("{refused:?}") };
    assert!(why.starts_with("3 of 3 stored secrets (the first: credential "), "{why}");

    let value = studio.store.sealed_values(SealedKind::Credential, "", 1).await.expect("a page").values.remove(0);
    let damaged = Resealed { id: value.id, old: value.bytes, new: b"no ciphertext".to_vec() };
    studio.store.replace_sealed(SealedKind::Credential, &[damaged]).await.expect("written");
    assert_eq!(studio.services.keys.check().await.expect("a start"), 3);
    studio.services.keys.rotate(&somebody("admin", Role::Admin)).await.expect("a rotation");
    let status = ended(&studio.services.keys).await;
    assert_eq!((status.rotation, status.done, status.unreadable), (RotationState::Finished, 2, 1), "{status:?}");
}

/// The secrets of a studio sealed for a key in a file instead.
async fn moved_to(studio: &TestStudio, file: &Path) -> Vault {
    let vault = Vault::open(file).expect("a file");
    let page = studio.store.sealed_values(SealedKind::Credential, "", 1000).await.expect("a page");
    let reseal = |value: store::Sealed| {
        let secret = studio.vault.open_sealed(&value.id, 1, &value.bytes).expect("opened");
        Resealed { new: vault.seal(&value.id, 1, &secret).expect("sealed"), id: value.id, old: value.bytes }
    };
    let values: Vec<_> = page.values.into_iter().map(reseal).collect();
    studio.store.replace_sealed(SealedKind::Credential, &values).await.expect("written");
    vault
}
