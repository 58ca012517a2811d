//! Who may come in: roles, locked accounts, passwords, one-time links, tries.

use std::time::Duration;

use domain::{Account, ApiKeyId, AuditAction, InviteId, Role, Scope, SessionId};
use store::{AccountChange, Link, NewApiKey, NewLink, NewSession, Store, TakenUp, Tries};

use crate::world::{account, at, audit, disk, memory};

const IDLE: Duration = Duration::from_secs(1000);

/// An account that is signed in by the session `<name>-s`, the key `<name>-k` and has a link `<name>-l` to a new password.
async fn signed_in(store: &Store, name: &str, role: Role) -> Account {
    let account = Account { role, ..account(name) };
    let entry = audit(AuditAction::SignUp);
    assert!(store.create_account(&account, "old", false, &entry).await.expect("a store"));
    let session = NewSession {
        id: SessionId::new(),
        token_hash: format!("{name}-s"),
        account: account.id,
        device: String::new(),
        address: None,
        created_at: at(0),
        expires_at: at(500),
    };
    assert!(store.create_session(&session, "old", &entry).await.expect("a store"));
    let key = NewApiKey {
        id: ApiKeyId::new(),
        account: account.id,
        name: "k".into(),
        hash: format!("{name}-k"),
        scopes: Scope::ALL.to_vec(),
        created_at: at(0),
        expires_at: None,
    };
    assert!(store.create_api_key(&key, Some("old"), &entry).await.expect("a store"));
    store.create_link(&link(&format!("{name}-l"), Link::Reset(account.id), &account), &entry).await.expect("a store");
    account
}

fn link(token: &str, link: Link, by: &Account) -> NewLink {
    let (id, created_by, created_by_name) = (InviteId::new(), by.id, by.username.to_string());
    NewLink { id, token_hash: token.into(), link, created_by, created_by_name, created_at: at(0), expires_at: at(100) }
}

/// Whether its session, key and link are still good.
async fn ways_in(store: &Store, name: &str) -> [bool; 3] {
    [
        store.session_account(&format!("{name}-s"), at(1), IDLE).await.expect("a store").is_some(),
        store.api_key_account(&format!("{name}-k"), at(1)).await.expect("a store").is_some(),
        store.link(&format!("{name}-l"), at(1)).await.expect("a store").is_some(),
    ]
}

#[tokio::test]
async fn another_role_password_or_a_lock_ends_every_way_in_of_that_account_alone() {
    let store = memory().await;
    let entry = audit(AuditAction::RoleChanged);
    signed_in(&store, "root", Role::Admin).await;
    let ann = signed_in(&store, "ann", Role::Developer).await;
    let bob = signed_in(&store, "bob", Role::Developer).await;
    let eve = signed_in(&store, "eve", Role::Developer).await;
    let sre = Account { role: Role::Sre, ..ann.clone() };
    assert_eq!(store.change_account(&ann, &sre, &entry).await.unwrap(), AccountChange::Done);
    assert_eq!(store.change_account(&ann, &sre, &entry).await.unwrap(), AccountChange::Moved, "seen too long ago");
    let locked = Account { disabled_at: Some(at(9)), ..bob.clone() };
    assert_eq!(store.change_account(&bob, &locked, &entry).await.unwrap(), AccountChange::Done);
    assert!(store.change_password(eve.id, "old", "new", &entry).await.unwrap());
    assert!(!store.change_password(eve.id, "old", "newer", &entry).await.unwrap(), "seen too long ago");
    for name in ["ann", "bob", "eve"] {
        assert_eq!(ways_in(&store, name).await, [false; 3], "{name}");
    }
    assert_eq!(ways_in(&store, "root").await, [true; 3]);
    assert_eq!(store.account(bob.id).await.unwrap(), Some(locked));
    let listed = store.accounts().await.unwrap();
    assert_eq!(listed.iter().map(|user| user.username.as_str()).collect::<Vec<_>>(), ["ann", "bob", "eve", "root"]);
    assert_eq!(listed[0].role, Role::Sre);
    assert_eq!(listed[1].last_sign_in_at.map(|time| time.timestamp()), Some(at(0).timestamp()));
}

#[tokio::test]
async fn nobody_comes_in_by_a_password_that_was_replaced_or_to_a_locked_account() {
    let store = memory().await;
    let entry = audit(AuditAction::SignIn);
    signed_in(&store, "root", Role::Admin).await;
    let ann = signed_in(&store, "ann", Role::Developer).await;
    assert!(store.change_password(ann.id, "old", "new", &entry).await.unwrap());
    let session = |token: &str| NewSession {
        id: SessionId::new(),
        token_hash: token.into(),
        account: ann.id,
        device: String::new(),
        address: None,
        created_at: at(0),
        expires_at: at(500),
    };
    assert!(!store.create_session(&session("late"), "old", &entry).await.unwrap());
    assert!(store.create_session(&session("t"), "new", &entry).await.unwrap());
    let locked = Account { disabled_at: Some(at(9)), ..ann.clone() };
    assert_eq!(store.change_account(&ann, &locked, &entry).await.unwrap(), AccountChange::Done);
    assert!(!store.create_session(&session("u"), "new", &entry).await.unwrap());
}

#[tokio::test]
async fn an_administrator_is_always_left() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = disk(&dir).await;
    let entry = audit(AuditAction::RoleChanged);
    let mut admins = Vec::new();
    for name in ["ann", "bob", "cid"] {
        admins.push(signed_in(&store, name, Role::Admin).await);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for (n, admin) in admins.into_iter().enumerate() {
        let (store, entry) = (store.clone(), entry.clone());
        let less = match n {
            0 => Account { disabled_at: Some(at(9)), ..admin.clone() },
            _ => Account { role: Role::Sre, ..admin.clone() },
        };
        tasks.spawn(async move { store.change_account(&admin, &less, &entry).await.unwrap() });
    }
    let mut ends = tasks.join_all().await;
    ends.sort_by_key(|end| *end == AccountChange::LastAdmin);
    assert_eq!(ends, [AccountChange::Done, AccountChange::Done, AccountChange::LastAdmin]);
}

#[tokio::test]
async fn a_link_is_good_once_and_for_a_time() {
    let store = memory().await;
    let entry = audit(AuditAction::Invited);
    let root = signed_in(&store, "root", Role::Admin).await;
    for token in ["i1", "i2", "i3"] {
        store.create_link(&link(token, Link::Invite(Role::Sre), &root), &entry).await.unwrap();
    }
    assert_eq!(store.link("i1", at(99)).await.unwrap(), Some(Link::Invite(Role::Sre)));
    assert_eq!(store.link("i1", at(100)).await.unwrap(), None, "over");
    let invites = store.invites(at(1)).await.unwrap();
    assert_eq!(
        invites.iter().map(|invite| (invite.role, invite.created_by.as_str())).collect::<Vec<_>>(),
        [(Role::Sre, "root"); 3]
    );

    let ann = Account { role: Role::Sre, ..account("ann") };
    assert_eq!(store.take_up_invite("i1", &account("root"), "h", &entry).await.unwrap(), TakenUp::NameTaken);
    assert_eq!(store.take_up_invite("i1", &ann, "h", &entry).await.unwrap(), TakenUp::Done);
    assert_eq!(store.take_up_invite("i1", &account("bob"), "h", &entry).await.unwrap(), TakenUp::Gone);
    assert_eq!(store.account(ann.id).await.unwrap(), Some(ann));

    let left = store.invites(at(1)).await.unwrap();
    assert!(store.withdraw_invite(left[0].id, &entry).await.unwrap());
    assert!(!store.withdraw_invite(left[0].id, &entry).await.unwrap());
    // What somebody invited to is not good any more once they are not trusted with it themselves.
    let second = signed_in(&store, "second", Role::Admin).await;
    let less = Account { role: Role::Viewer, ..root.clone() };
    assert_eq!(store.change_account(&root, &less, &entry).await.unwrap(), AccountChange::Done);
    assert_eq!(store.invites(at(1)).await.unwrap(), vec![]);

    store.create_link(&link("r1", Link::Reset(second.id), &second), &entry).await.unwrap();
    assert_eq!(store.link("second-l", at(1)).await.unwrap(), None, "replaced by the newer one");
    assert!(store.reset_password("r1", second.id, "new", &entry).await.unwrap());
    assert!(!store.reset_password("r1", second.id, "newer", &entry).await.unwrap());
    assert_eq!(ways_in(&store, "second").await, [false; 3]);
    let found = store.account_by_name(&second.username).await.unwrap();
    assert_eq!(found.map(|(_, hash)| hash).as_deref(), Some("new"));
}

#[tokio::test]
async fn tries_are_counted_once_each_and_forgotten() {
    let store = memory().await;
    let tries = |count| Tries { key: "k".into(), count, last: at(1), waits_until: at(2) };
    let keys = ["k".to_owned(), "other".to_owned()];
    assert_eq!(store.tries(&keys).await.unwrap(), vec![]);
    assert!(store.change_tries(&[], &[tries(1)]).await.unwrap());
    assert!(!store.change_tries(&[], &[tries(1)]).await.unwrap(), "somebody else counted meanwhile");
    let seen = store.tries(&keys).await.unwrap();
    assert!(store.change_tries(&seen, &[tries(2)]).await.unwrap());
    assert_eq!(store.tries(&keys).await.unwrap().iter().map(|tries| tries.count).collect::<Vec<_>>(), [2]);
    store.forget_tries(at(1)).await.unwrap();
    assert_eq!(store.tries(&keys).await.unwrap().len(), 1);
    store.forget_tries(at(3)).await.unwrap();
    assert_eq!(store.tries(&keys).await.unwrap(), vec![]);
}
