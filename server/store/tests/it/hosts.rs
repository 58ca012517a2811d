use domain::{AuditAction, CredentialId, Host, HostDraft, Role};
use serde_json::json;
use store::HostChange;

use crate::world::{at, audit, disk, memory};

fn host(name: &str) -> Host {
    let draft = HostDraft::parse(&json!({ "name": name, "address": "192.0.2.1", "user": "deploy", "env": { "STAGE": "test" } }));
    Host::new(draft.expect("a host"), "ann", at(0))
}

#[tokio::test]
async fn the_server_itself_is_a_host_from_the_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = disk(&dir).await;
    let hosts = store.hosts().await.unwrap();
    let [local] = hosts.as_slice() else { panic!("{hosts:?}") };
    assert!(local.is_local() && local.may_run(Role::Developer) && !local.may_run(Role::Viewer));
    assert_eq!(store.hosts_named(&["local"]).await.unwrap(), vec![local.clone()]);
}

#[tokio::test]
async fn a_host_is_stored_found_changed_and_deleted_with_its_audit_entry() {
    let store = memory().await;
    let entry = audit(AuditAction::HostCreated);
    let (web, db) = (host("web-1"), host("db-1"));
    assert!(store.create_host(&web, &entry).await.unwrap());
    assert!(store.create_host(&db, &entry).await.unwrap());
    assert!(!store.create_host(&host("web-1"), &entry).await.unwrap());
    let names = |hosts: Vec<Host>| hosts.into_iter().map(|host| host.name).collect::<Vec<_>>();
    assert_eq!(names(store.hosts().await.unwrap()), ["local", "db-1", "web-1"]);
    assert_eq!(store.host(web.id).await.unwrap(), Some(web.clone()));
    let mut found = names(store.hosts_named(&["web-1", "db-1", "nowhere"]).await.unwrap());
    found.sort();
    assert_eq!(found, ["db-1", "web-1"]);

    let key = CredentialId::new();
    let changed = Host { name: "web-2".into(), credential: Some(key), ..web.clone() };
    assert_eq!(store.update_host(&changed, &entry).await.unwrap(), HostChange::Done);
    assert_eq!(store.host(web.id).await.unwrap(), Some(changed.clone()));
    assert_eq!(store.hosts_using(key).await.unwrap(), ["web-2"]);
    let taken = Host { name: "db-1".into(), ..changed };
    assert_eq!(store.update_host(&taken, &entry).await.unwrap(), HostChange::NameTaken);

    assert!(store.delete_host(web.id, &entry).await.unwrap());
    assert!(!store.delete_host(web.id, &entry).await.unwrap());
    assert_eq!(store.update_host(&web, &entry).await.unwrap(), HostChange::Gone);
    assert_eq!(store.host(web.id).await.unwrap(), None);
    assert_eq!(store.audit_entries(10).await.unwrap(), vec![entry; 4], "one for each change, none for a refusal");
}
