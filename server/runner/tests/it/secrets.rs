//! Secret files: private while the process runs, gone afterwards.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use runner::{ProcessSpec, RunningProcess, SecretFile, spawn};
use secrecy::SecretString;

use crate::world::{run, sh, within};

fn with_secret(script: &str) -> ProcessSpec {
    let mut spec = sh(script);
    spec.files = vec![SecretFile { env: "KEY_FILE".into(), contents: "hunter2\n".into() }];
    spec
}

/// A process that runs, and where its secret is.
async fn running() -> (RunningProcess, PathBuf) {
    let mut process = spawn(with_secret("echo $KEY_FILE; exec sleep 1000")).await.unwrap();
    let piece = within(process.output.recv()).await.unwrap();
    (process, String::from_utf8(piece.bytes.to_vec()).unwrap().trim().into())
}

fn is_gone(path: &Path) -> bool {
    !path.exists() && !path.parent().unwrap().exists()
}

#[tokio::test]
async fn a_secret_file_is_private_and_goes_when_the_process_ends() {
    let finished = run(with_secret("cat $KEY_FILE; echo $KEY_FILE; stat -c %a $KEY_FILE ${KEY_FILE%/*}")).await;
    let lines: Vec<&str> = finished.stdout.lines().collect();
    assert_eq!((lines[0], lines[2], lines[3]), ("hunter2", "600", "700"));
    assert!(is_gone(Path::new(lines[1])));
}

#[tokio::test]
async fn a_secret_file_goes_on_stop() {
    let (process, path) = running().await;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(within(process.stop(Duration::from_secs(10))).await.is_proven());
    assert!(is_gone(&path));
}

#[tokio::test]
async fn a_secret_file_goes_when_the_last_handle_is_dropped() {
    let (process, path) = running().await;
    let handle = process.handle.clone();
    drop(process);
    assert!(path.exists());
    let identity = handle.identity().clone();
    drop(handle);
    assert!(is_gone(&path));
    assert!(within(runner::stop_lost(identity, Duration::ZERO)).await.is_proven());
}

#[tokio::test]
async fn a_secret_variable_reaches_the_process() {
    let mut spec = sh("echo $TOKEN");
    spec.env = vec![("TOKEN".into(), SecretString::from("hunter2").into())];
    assert_eq!(run(spec).await.stdout, "hunter2\n");
}

#[tokio::test]
async fn a_refused_start_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let broken = dir.path().join("broken");
    fs::write(&broken, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).unwrap();
    let needle = format!("needle-{}", std::process::id());
    let mut spec = with_secret(&needle);
    spec.interpreter = broken.to_str().unwrap().into();
    spawn(spec).await.unwrap_err();
    let places = [PathBuf::from("/dev/shm"), std::env::temp_dir()];
    let scripts = places.iter().filter_map(|place| fs::read_dir(place).ok()).flatten();
    for entry in scripts.flatten() {
        let script = fs::read_to_string(entry.path().join("script")).unwrap_or_default();
        assert_ne!(script, needle, "{:?}", entry.path());
    }
}
