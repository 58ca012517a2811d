//! Guessing passwords, across a restart.

use serde_json::json;

use crate::world::{Answered, Studio};

#[tokio::test(flavor = "multi_thread")]
async fn who_has_to_wait_still_has_to_after_a_restart() {
    let mut studio = Studio::new().await;
    studio.sign_up(None, "ann", None).await;
    // A name that nobody has waits like any other.
    for name in ["ann", "nobody"] {
        let mut tries = 0;
        while guess(&studio, name).await.status == 401 {
            tries += 1;
            assert!(tries < 20, "{name} is never told to wait");
        }
        assert!(tries >= 5, "{name} is told to wait after {tries} tries");
    }
    studio.crash_and_restart().await;
    for name in ["ann", "nobody"] {
        // The wait may have run out meanwhile; then the next one begins with the very next try.
        let mut answer = guess(&studio, name).await;
        if answer.status == 401 {
            answer = guess(&studio, name).await;
        }
        assert_eq!(answer.status, 429, "{name}: {}", answer.text);
        let seconds: u64 = answer.headers["retry-after"].to_str().expect("a text").parse().expect("seconds");
        assert!(seconds >= 1);
    }
}

async fn guess(studio: &Studio, name: &str) -> Answered {
    let body = json!({ "username": name, "password": "not the password" });
    studio.call(None, "POST", "/api/v1/users/login", Some(body)).await
}
