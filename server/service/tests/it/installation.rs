use chrono::{TimeDelta, Utc};
use domain::{AuditAction, AuditEntry, Role};
use serde_json::json;
use service::{AuditFilter, Fixed, Installation, Retention, ServiceError, Settings, StartRun, Upkeep};

use crate::world::{TestStudio, developer, echo, runbook, somebody};

#[tokio::test]
async fn administrators_alone_see_the_installation_and_change_it() {
    let studio = TestStudio::idle().await;
    let made = runbook(&studio, echo()).await;
    studio.services.runs.start(&developer(), made.id, StartRun::default()).await.expect("a run");
    let administration = &studio.services.administration;
    for role in [Role::Viewer, Role::Developer, Role::Sre] {
        let actor = somebody("ann", role);
        assert!(matches!(administration.status(&actor).await, Err(ServiceError::Forbidden { .. })), "{role}");
        let refused = administration.set_retention(&actor, Some(1), None).await;
        assert!(matches!(refused, Err(ServiceError::Forbidden { .. })), "{role}");
    }
    let status = administration.status(&somebody("ann", Role::Admin)).await.expect("a status");
    assert_eq!((status.queue.queued, status.queue.running, status.queue.waiting), (1, 0, 0));
    assert_eq!((status.store.kind.as_str(), status.audit_days.days, status.output_days.days), ("memory", 365, 90));
    assert!(status.keys.recipient.starts_with("age1"), "{}", status.keys.recipient);
}

#[tokio::test]
async fn what_an_administrator_sets_is_what_is_kept_and_is_audited() {
    let studio = TestStudio::idle().await;
    let admin = somebody("ann", Role::Admin);
    let administration = &studio.services.administration;
    let old = AuditEntry {
        at: Utc::now() - TimeDelta::days(40),
        actor: None,
        actor_name: "ann".into(),
        address: None,
        action: AuditAction::SignIn,
        target: "account:1".into(),
        detail: json!({}),
    };
    studio.store.append_audit(&old).await.expect("an old entry");
    let upkeep = Upkeep::new(studio.store.clone(), Retention::default(), Fixed::default());
    assert_eq!(upkeep.prune(Utc::now()).await.expect("pruned").rows, 0);

    administration.set_retention(&admin, Some(30), None).await.expect("set");
    let status = administration.status(&admin).await.expect("a status");
    assert_eq!((status.audit_days.days, status.output_days.days), (30, 90), "the other one stays");
    let filter = AuditFilter { action: Some(AuditAction::SettingsChanged), limit: 1, ..AuditFilter::default() };
    let entry = &studio.services.audit.list(&admin, filter).await.expect("a trail").items[0].entry;
    assert_eq!((&entry.detail["before"]["audit_days"], &entry.detail["after"]["audit_days"]), (&json!(365), &json!(30)));
    assert_eq!(upkeep.prune(Utc::now()).await.expect("pruned").rows, 1);

    let wrong = administration.set_retention(&admin, Some(36_501), Some(40_000)).await;
    assert!(matches!(wrong, Err(ServiceError::Invalid(faults)) if faults.0.len() == 2));
}

#[tokio::test]
async fn what_is_set_at_the_start_is_not_changed_here() {
    let fixed = Fixed { audit_days: Some("environment variable STUDIO_AUDIT_DAYS".to_owned()), output_days: None };
    let installation = Installation {
        retention: Retention { audit_days: 7, ..Retention::default() },
        fixed: fixed.clone(),
        ..Installation::default()
    };
    let studio = TestStudio::idle().await;
    let admin = somebody("ann", Role::Admin);
    // Chosen before somebody set it at the start.
    studio.services.administration.set_retention(&admin, Some(30), Some(20)).await.expect("set");
    let studio = studio.with_settings(Settings { installation, ..Settings::default() });
    let administration = &studio.services.administration;
    let refused = administration.set_retention(&admin, Some(30), None).await;
    assert!(matches!(refused, Err(ServiceError::Conflict { why }) if why.contains("STUDIO_AUDIT_DAYS")));
    administration.set_retention(&admin, None, Some(10)).await.expect("the other one can be");
    let status = administration.status(&admin).await.expect("a status");
    assert_eq!((status.audit_days.days, status.audit_days.set_by), (7, fixed.audit_days));
    assert_eq!((status.output_days.days, status.output_days.set_by), (10, None));
}
