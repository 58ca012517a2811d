use chrono::{TimeDelta, Utc};
use domain::{AuditAction, AuditEntry, Problem, Role};
use serde_json::json;
use service::{AuditFilter, Fixed, Gone, Installation, Retention, Settings, Signup, StartRun, Upkeep};

use crate::world::{TestStudio, developer, echo, runbook, somebody};

fn entry(days_ago: i64) -> AuditEntry {
    AuditEntry {
        at: Utc::now() - TimeDelta::days(days_ago),
        actor: None,
        actor_name: "ann".into(),
        address: None,
        action: AuditAction::SignIn,
        target: "account:1".into(),
        detail: json!({ "days_ago": days_ago }),
    }
}

#[tokio::test]
async fn the_trail_is_for_sre_and_above() {
    let studio = TestStudio::idle().await;
    let audit = &studio.services.audit;
    for role in Role::ALL {
        let (actor, may) = (somebody("who", role), role >= Role::Sre);
        assert_eq!(audit.list(&actor, AuditFilter::default()).await.is_ok(), may, "{role}");
        assert_eq!(audit.head(&actor).await.is_ok(), may, "{role}");
        assert_eq!(audit.verify(&actor, None).await.is_ok(), may, "{role}");
        assert_eq!(audit.begin_export(&actor, &AuditFilter::default(), "csv").await.is_ok(), may, "{role}");
    }
    let refused = audit.head(&developer()).await.expect_err("a developer");
    assert_eq!(Problem::from(refused).status, 403);
}

#[tokio::test]
async fn rows_older_than_is_kept_go_and_the_chain_still_holds() {
    let studio = TestStudio::idle().await;
    for number in 0..1_200 {
        studio.store.append_audit(&entry(400 - number / 10)).await.expect("a row");
    }
    let upkeep = Upkeep::new(studio.store.clone(), Retention::default(), Fixed::default());
    // 36 days of ten rows each lie before the last 365 days.
    assert_eq!(upkeep.prune(Utc::now()).await.expect("pruned"), Gone { rows: 360, runs: 0 });
    assert_eq!(upkeep.prune(Utc::now()).await.expect("pruned"), Gone::default(), "once is enough");
    let verdict = studio.store.verify_audit(None).await.expect("a verdict");
    assert_eq!((verdict.rows, verdict.first, verdict.broken), (841, 361, None));
    let newest = &studio.store.audit_entries(1).await.expect("the trail")[0];
    assert_eq!((newest.action, newest.detail["seq"].as_u64()), (AuditAction::AuditPruned, Some(360)));

    // A year later all of them go, in several batches, and their checkpoints stay.
    let gone = upkeep.prune(Utc::now() + TimeDelta::days(366)).await.expect("pruned");
    assert_eq!(gone.rows, 841);
    let verdict = studio.store.verify_audit(None).await.expect("a verdict");
    assert_eq!((verdict.rows, verdict.broken), (2, None));

    let for_ever = Upkeep::new(studio.store.clone(), Retention { audit_days: 0, output_days: 0 }, Fixed::default());
    assert_eq!(for_ever.prune(Utc::now() + TimeDelta::days(9_000)).await.expect("pruned"), Gone::default());
}

#[tokio::test]
async fn output_older_than_is_kept_goes_and_the_run_stays() {
    let studio = TestStudio::new().await;
    let book = runbook(&studio, echo()).await;
    let run = studio.services.runs.start(&developer(), book.id, StartRun::default()).await.expect("a run");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !studio.store.run(run.id).await.expect("a look").expect("the run").state.is_final() {
        assert!(std::time::Instant::now() < deadline, "it never ended");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let output = async || studio.store.output(run.id, 0, 1, 0, 100).await.expect("the output").len();
    assert_ne!(output().await, 0);

    let upkeep = Upkeep::new(studio.store.clone(), Retention::default(), Fixed::default());
    assert_eq!(upkeep.prune(Utc::now() + TimeDelta::days(89)).await.expect("pruned").runs, 0);
    assert_ne!(output().await, 0);
    assert_eq!(upkeep.prune(Utc::now() + TimeDelta::days(91)).await.expect("pruned").runs, 1);
    assert_eq!(output().await, 0);
    assert_eq!(upkeep.prune(Utc::now() + TimeDelta::days(92)).await.expect("pruned").runs, 0, "once is enough");

    let (kept, steps) = studio.services.runs.get(&developer(), run.id).await.expect("the run");
    assert!(kept.state.is_final() && steps.len() == 1);
    assert_eq!(studio.services.runs.tail(&developer(), run.id, &steps[0]).await.expect("a tail"), "");
    let newest = &studio.store.audit_entries(1).await.expect("the trail")[0];
    assert_eq!((newest.action, &newest.detail["runs"]), (AuditAction::OutputPruned, &json!([run.id])));
}

#[tokio::test]
async fn what_decides_how_far_others_reach_is_told_when_it_changes() {
    let studio = TestStudio::idle().await;
    let usual = [
        ("addr", "127.0.0.1:3000"),
        ("hosts", "none"),
        ("trusted_proxies", "none"),
        ("session_idle", "12h"),
        ("session_absolute", "7d"),
        ("egress_private", "sre and above"),
        ("egress_allow", "none"),
        ("tls_cert", "/etc/studio/cert.pem"),
        ("tls_key", "/etc/studio/key.pem"),
        ("run_as", "runbooks"),
    ];
    let start = async |name: &str, value: &str| {
        let set = |(setting, usual): (&str, &str)| domain::SetValue {
            name: setting.to_owned(),
            value: if setting == name { value } else { usual }.to_owned(),
            set_by: "default".to_owned(),
        };
        let installation = Installation { settings: usual.map(set).into(), ..Installation::default() };
        let settings = Settings { installation, ..Settings::default() };
        let upkeep = Upkeep::new(studio.store.clone(), Retention::default(), Fixed::default());
        upkeep.note_settings(&settings).await.expect("noted");
        let trail = studio.store.audit_entries(50).await.expect("the trail");
        trail
            .into_iter()
            .filter(|entry| entry.action == AuditAction::SettingsChanged)
            .map(|entry| entry.detail)
            .collect::<Vec<_>>()
    };
    let mut count = start("", "").await.len();
    assert_eq!(count, 1);
    for (name, value, noted, before, after) in [
        ("hosts", "runbooks.example", "hosts", "none", "runbooks.example"),
        ("trusted_proxies", "10.0.0.0/8", "trusted_proxies", "none", "10.0.0.0/8"),
        ("session_idle", "30d", "session_idle", "12h", "30d"),
        ("session_absolute", "30d", "session_absolute", "7d", "30d"),
        ("egress_private", "developer and above", "egress_private", "sre and above", "developer and above"),
        ("egress_allow", "10.1.0.0/16", "egress_allow", "none", "10.1.0.0/16"),
        ("tls_cert", "none", "tls", "on", "off"),
        ("run_as", "the server's own user", "run_as", "runbooks", "the server's own user"),
    ] {
        let told = start(name, value).await;
        count += 1;
        assert_eq!(told.len(), count, "{name}");
        let newest = &told[0];
        assert_eq!((&newest["before"][noted], &newest["after"][noted]), (&json!(before), &json!(after)), "{name}");
        assert!(!newest.to_string().contains("/etc/studio"), "{newest}");
        start("", "").await;
        count += 1;
    }
    for name in ["addr", "tls_key"] {
        assert_eq!(start(name, "elsewhere").await.len(), count, "{name}");
    }
}

#[tokio::test]
async fn a_start_with_other_settings_is_told() {
    let studio = TestStudio::idle().await;
    let told = async || {
        let trail = studio.store.audit_entries(50).await.expect("the trail");
        trail
            .into_iter()
            .filter(|entry| entry.action == AuditAction::SettingsChanged)
            .map(|entry| entry.detail)
            .collect::<Vec<_>>()
    };
    let upkeep =
        |audit_days| Upkeep::new(studio.store.clone(), Retention { audit_days, ..Retention::default() }, Fixed::default());
    let settings = Settings { signup: Signup::Closed, setup_token: Some("a token".into()), ..Settings::default() };
    upkeep(365).note_settings(&settings).await.expect("noted");
    upkeep(365).note_settings(&settings).await.expect("noted");
    assert_eq!(told().await.len(), 1, "the first start, and no other like it");
    upkeep(7).note_settings(&settings).await.expect("noted");
    let told = told().await;
    assert_eq!((&told[0]["before"]["audit_days"], &told[0]["after"]["audit_days"]), (&json!(365), &json!(7)));
    assert!(!json!(told).to_string().contains("a token"));
}
