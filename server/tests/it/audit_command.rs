//! `runbook-studio audit …`, against the store that a server has left.

use std::path::Path;
use std::process::{Command, Output};

use crate::world::{PROGRAM, Studio};

fn audit(data: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } =
        Command::new(PROGRAM).arg("audit").args(arguments).arg("--data-dir").arg(data).output().expect("the binary");
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_verifies_the_trail_that_a_server_left() {
    let mut studio = Studio::new().await;
    let admin = studio.sign_up(None, "admin", None).await;
    let head = studio.call(Some(&admin), "GET", "/api/v1/audit/head", None).await.json();
    let data = studio.data();

    let (code, said) = audit(&data, &["head"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("a running server holds its embedded one"), "{said}");

    studio.kill();
    let kept = format!("{}:{}", head["seq"], head["hash"].as_str().expect("a hash"));
    let (code, said) = audit(&data, &["head"]);
    assert_eq!((code, said.trim()), (Some(0), kept.as_str()));
    let file = data.join("kept-head");
    std::fs::write(&file, format!("{kept}\n")).expect("a file");
    for given in [kept.as_str(), file.to_str().expect("a path")] {
        let (code, said) = audit(&data, &["verify", "--head", given]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.starts_with("verified: all "), "{said}");
    }

    let later = format!("{}:{}", head["seq"].as_u64().expect("a number") + 1, "0".repeat(64));
    let (code, said) = audit(&data, &["verify", "--head", &later]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.starts_with("BROKEN: ") && said.contains("cut off"), "{said}");
    for wrong in [&["verify", "--head", "nonsense"][..], &["verify", "--db", "surrealkv:///nowhere/at/all"]] {
        assert_eq!(audit(&data, wrong).0, Some(2), "{wrong:?}");
    }

    let log = studio.files().into_iter().find(|path| path.ends_with("stdout-0.log")).expect("its log");
    let log = std::fs::read_to_string(log).expect("a text");
    assert!(log.contains("the head of the audit trail"), "the head is logged when it starts");
}
