//! The server dies in the middle of a run, and the run ends all the same.

use serde_json::json;

use crate::world::Studio;

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_run_completes_after_the_server_was_killed() {
    let mut studio = Studio::new().await;
    let key = studio.sign_up(None, "ann", None).await;
    let runbook = studio
        .runbook(
            &key,
            json!([
                { "name": "Before", "type": "command", "config": { "command": "echo before" } },
                { "name": "Wait", "type": "timer", "config": { "duration": "3s" } },
                { "name": "After", "type": "command", "config": { "command": "echo after" } }
            ]),
        )
        .await;
    let run = studio.execute(&key, &runbook).await;
    studio.until(&key, &run, 20, |run| run["steps"][1]["status"] == "running").await;

    studio.crash_and_restart().await;

    // A lease of the dead process ends after 15 s; then the run is taken up.
    let ended = studio.until(&key, &run, 60, |run| run["status"] == "completed").await;
    let outputs: Vec<&str> =
        ended["steps"].as_array().expect("steps").iter().filter_map(|step| step["output"].as_str()).collect();
    assert_eq!(outputs.iter().filter(|output| output.contains("before")).count(), 1, "a finished step ran again: {ended:#}");
    assert_eq!(ended["steps"][2]["output"], "after\n");
}
