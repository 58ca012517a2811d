use domain::{AuditAction, Problem, Role};
use secrecy::{ExposeSecret, SecretString};
use service::{ServiceError, Settings, SignUp, Signup};

use crate::world::{PASSWORD, TestStudio, sign_up, somebody};

#[tokio::test]
async fn the_first_account_is_the_administrators_and_later_ones_are_developers() {
    let studio = TestStudio::idle().await;
    let accounts = &studio.services.accounts;
    assert!(accounts.needs_setup().await.expect("a count"));
    let (first, key) = accounts.sign_up(None, sign_up("ann"), None).await.expect("the first");
    assert_eq!(first.role, Role::Admin);
    assert!(!accounts.needs_setup().await.expect("a count"));
    let actor = accounts.actor_by_key(key.expose_secret(), None).await.expect("a look").expect("a good key");
    assert_eq!((actor.id, actor.role), (first.id, Role::Admin));

    let viewer = SignUp { role: Some(Role::Viewer), ..sign_up("bob") };
    let (second, _) = accounts.sign_up(None, viewer, None).await.expect("the second");
    assert_eq!(second.role, Role::Developer);
}

#[tokio::test]
async fn two_at_once_make_one_administrator() {
    let studio = TestStudio::idle().await;
    let accounts = &studio.services.accounts;
    let (ann, bob) = tokio::join!(accounts.sign_up(None, sign_up("ann"), None), accounts.sign_up(None, sign_up("bob"), None));
    let mut roles = [ann.expect("ann").0.role, bob.expect("bob").0.role];
    roles.sort();
    assert_eq!(roles, [Role::Developer, Role::Admin]);
}

#[tokio::test]
async fn only_an_administrator_gives_more_than_developer() {
    let studio = TestStudio::idle().await;
    let accounts = &studio.services.accounts;
    accounts.sign_up(None, sign_up("ann"), None).await.expect("the first");
    for role in [Role::Sre, Role::Admin] {
        let wish = || SignUp { role: Some(role), ..sign_up("eve") };
        for asker in [None, Some(somebody("dev", Role::Developer)), Some(somebody("sre", Role::Sre))] {
            let refused = accounts.sign_up(asker.as_ref(), wish(), None).await;
            assert!(matches!(refused, Err(ServiceError::Forbidden { .. })), "{role} by {asker:?}");
        }
    }
    let admin = somebody("root", Role::Admin);
    for (name, role) in [("vic", Role::Viewer), ("sam", Role::Sre)] {
        let wish = SignUp { role: Some(role), ..sign_up(name) };
        assert_eq!(accounts.sign_up(Some(&admin), wish, None).await.expect("by an admin").0.role, role);
    }
}

#[tokio::test]
async fn a_taken_name_and_a_weak_password_are_refused() {
    let studio = TestStudio::idle().await;
    let accounts = &studio.services.accounts;
    accounts.sign_up(None, sign_up("ann"), None).await.expect("the first");
    assert!(matches!(accounts.sign_up(None, sign_up("ANN"), None).await, Err(ServiceError::NameTaken)));
    let weak = SignUp { password: SecretString::from("short"), ..sign_up("-x") };
    let Err(ServiceError::Invalid(faults)) = accounts.sign_up(None, weak, None).await else { panic!("not refused") };
    let paths: Vec<_> = faults.0.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["$.username", "$.password"]);
}

#[tokio::test]
async fn closed_sign_up_and_the_set_up_token_keep_strangers_out() {
    let settings = Settings { signup: Signup::Closed, setup_token: Some("t0ken".to_owned()), ..Settings::default() };
    let studio = TestStudio::idle().await.with_settings(settings);
    let accounts = &studio.services.accounts;
    let with = |token: &str| SignUp { setup_token: Some(token.to_owned()), ..sign_up("ann") };
    for wrong in [sign_up("ann"), with(""), with("T0ken")] {
        assert!(matches!(accounts.sign_up(None, wrong, None).await, Err(ServiceError::Refused { .. })));
    }
    assert_eq!(accounts.sign_up(None, with("t0ken"), None).await.expect("the first").0.role, Role::Admin);
    assert!(matches!(accounts.sign_up(None, sign_up("bob"), None).await, Err(ServiceError::Refused { .. })));
    let admin = somebody("root", Role::Admin);
    assert!(accounts.sign_up(Some(&admin), sign_up("bob"), None).await.is_ok());
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_the_same_answer() {
    let studio = TestStudio::idle().await;
    let accounts = &studio.services.accounts;
    accounts.sign_up(None, sign_up("ann"), None).await.expect("the first");
    let try_as = async |name: &str| {
        let refused = accounts.log_in(name, SecretString::from("not the password"), None).await;
        Problem::from(refused.map(|_| ()).expect_err("a wrong password"))
    };
    let known = try_as("ann").await;
    assert_eq!(known.status, 401);
    assert_eq!(known, try_as("nobody").await);
    assert_eq!(known, try_as("-no name-").await);
    let refused = studio.store.audit_entries(3).await.expect("the trail");
    assert!(refused.iter().all(|entry| entry.action == AuditAction::SignInRefused));
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let studio = TestStudio::idle().await;
    let accounts = &studio.services.accounts;
    accounts.sign_up(None, sign_up("ann"), None).await.expect("the first");
    let guess = || accounts.sign_in("ann", SecretString::from("not the password"), None, "");
    for _ in 0..5 {
        assert!(matches!(guess().await, Err(ServiceError::WrongPassword)));
    }
    let refused = accounts.sign_in("ann", SecretString::from(PASSWORD), None, "").await.map(|_| ());
    let problem = Problem::from(refused.expect_err("too many"));
    assert_eq!((problem.status, problem.retry_after), (429, Some(1)));
}

#[tokio::test]
async fn sessions_and_keys_end_when_their_owner_says_so() {
    let studio = TestStudio::idle().await;
    let accounts = &studio.services.accounts;
    accounts.sign_up(None, sign_up("ann"), None).await.expect("the first");
    let session = accounts.sign_in("Ann", SecretString::from(PASSWORD), None, "").await.expect("a session");
    let key = accounts.log_in("ann", SecretString::from(PASSWORD), None).await.expect("a key");
    let ann = accounts.actor_by_session(session.expose_secret(), None).await.expect("a look").expect("signed in");

    let eve = somebody("eve", Role::Admin);
    assert!(matches!(accounts.sign_out(&eve, session.expose_secret()).await, Err(ServiceError::NotFound { .. })));
    assert!(matches!(accounts.log_out(&eve, key.expose_secret()).await, Err(ServiceError::Unauthenticated)));

    accounts.sign_out(&ann, session.expose_secret()).await.expect("signed out");
    accounts.log_out(&ann, key.expose_secret()).await.expect("logged out");
    assert_eq!(accounts.actor_by_session(session.expose_secret(), None).await.expect("a look"), None);
    assert_eq!(accounts.actor_by_key(key.expose_secret(), None).await.expect("a look"), None);
}
