use domain::{CredentialKind, Role};
use secrecy::SecretString;
use serde_json::{Value, json};
use service::ServiceError;

use crate::world::{TestStudio, developer, draft, somebody};

fn uses(credential: &str) -> Value {
    json!([{ "type": "command", "config": { "command": "true", "credentials": [{ "credential": credential, "env": "TOKEN" }] } }])
}

fn secret() -> SecretString {
    SecretString::from("s3cret-value")
}

#[tokio::test]
async fn only_sre_and_above_manage_credentials() {
    let studio = TestStudio::idle().await;
    let credentials = &studio.services.credentials;
    for role in Role::ALL {
        let actor = somebody("someone", role);
        let allowed = role >= Role::Sre;
        assert_eq!(credentials.list(&actor).await.is_ok(), allowed, "{role}");
        let made = credentials.create(&actor, format!("deploy {role}"), CredentialKind::Api, secret()).await;
        assert_eq!(made.is_ok(), allowed, "{role}");
        if let Ok(made) = made {
            let refused = credentials.delete(&developer(), made.id, true).await;
            assert!(matches!(refused, Err(ServiceError::Forbidden { .. })));
        }
    }
}

#[tokio::test]
async fn a_credential_in_use_is_deleted_by_force_alone() {
    let studio = TestStudio::idle().await;
    let (credentials, runbooks) = (&studio.services.credentials, &studio.services.runbooks);
    let sre = somebody("sre", Role::Sre);
    let made = credentials.create(&sre, "deploy", CredentialKind::Api, secret()).await.expect("a credential");
    let taken = credentials.create(&sre, "deploy", CredentialKind::Ssh, secret()).await;
    assert!(matches!(taken, Err(ServiceError::Conflict { .. })));
    runbooks.create(&sre, draft("Roll out", uses("deploy"))).await.expect("a runbook");

    let Err(ServiceError::Conflict { why }) = credentials.delete(&sre, made.id, false).await else { panic!("deleted") };
    assert_eq!(why, "“deploy” is used by “Roll out”");
    credentials.delete(&sre, made.id, true).await.expect("by force");
    assert!(matches!(credentials.delete(&sre, made.id, true).await, Err(ServiceError::NotFound { .. })));
}

#[tokio::test]
async fn a_runbook_that_names_no_credential_of_ours_is_refused_at_its_path() {
    let studio = TestStudio::idle().await;
    let nested = json!([{ "type": "condition", "config": {
        "condition_type": "expression", "expression": "true", "nested_blocks": uses("nowhere") } }]);
    let refused = studio.services.runbooks.create(&developer(), draft("Roll out", nested)).await;
    let Err(ServiceError::Invalid(faults)) = refused else { panic!("{refused:?}") };
    assert_eq!(faults.0[0].path, "$.blocks[0].config.nested_blocks[0].config.credentials[0].credential");
    assert!(faults.0[0].message.contains("nowhere"));
}
