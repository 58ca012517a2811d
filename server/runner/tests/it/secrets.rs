//! Secret files: private while the process runs, gone afterwards.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use runner::{ProcessSpec, RunningProcess, SecretFile};
use secrecy::SecretString;

use crate::world::{World, eventually, run, sh, within};

fn with_secret(script: &str) -> ProcessSpec {
    let mut spec = sh(script);
    spec.files = vec![SecretFile { env: "KEY_FILE".into(), contents: "hunter2\n".into() }];
    spec
}

/// A process that runs, and where its secret is.
async fn running(world: &World) -> (RunningProcess, PathBuf) {
    let mut process = world.runner.spawn(with_secret("echo $KEY_FILE; exec sleep 1000")).await.unwrap();
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
    let world = World::new();
    let (process, path) = running(&world).await;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(within(process.stop(Duration::from_secs(10))).await.unwrap().is_proven());
    assert!(is_gone(&path));
}

#[tokio::test]
async fn a_secret_file_stays_as_long_as_its_process_without_a_client() {
    let world = World::new();
    let mut process =
        world.runner.spawn(with_secret("echo $KEY_FILE; while [ ! -e $KEY_FILE.go ]; do sleep 0.01; done")).await.unwrap();
    let piece = within(process.output.recv()).await.unwrap();
    let path = PathBuf::from(String::from_utf8(piece.bytes.to_vec()).unwrap().trim());
    drop(process);
    world.runner.info().await.unwrap();
    assert!(path.exists());
    fs::write(path.with_extension("go"), "").unwrap();
    eventually(|| is_gone(&path).then_some(())).await;
}

#[tokio::test]
async fn the_secret_file_of_a_lost_process_goes_when_it_is_stopped() {
    let world = World::new();
    let (process, path) = running(&world).await;
    world.kill_runner().await;
    let identity = process.handle.identity().clone();
    assert!(path.exists());
    assert!(within(world.runner.stop_lost(identity, Duration::ZERO)).await.unwrap().is_proven());
    eventually(|| is_gone(&path).then_some(())).await;
}

#[tokio::test]
async fn the_records_hold_no_secret_except_what_is_printed() {
    let world = World::new();
    let mut spec = sh("echo started; test \"$(cat $KEY_FILE)\" = hunter2 && exec sleep 1000 # script-needle");
    spec.env = vec![("TOKEN".into(), SecretString::from("hunter2").into()), ("PLAIN".into(), "plain-needle".into())];
    spec.files = vec![SecretFile { env: "KEY_FILE".into(), contents: "hunter2\n".into() }];
    let mut process = world.runner.spawn(spec).await.unwrap();
    within(process.output.recv()).await.unwrap();
    let mut looked_at = 0;
    let mut rest = vec![world.dir().to_owned()];
    while let Some(path) = rest.pop() {
        if path.is_dir() {
            rest.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if let Ok(bytes) = fs::read(&path) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            assert!(!text.contains("hunter2") && !text.contains("needle"), "{path:?}: {text}");
            looked_at += 1;
        }
    }
    assert!(looked_at >= 4, "lock, log, identity, output: {looked_at}");
    assert!(!format!("{process:?} {world:?}").contains("hunter2"));
    assert!(within(process.stop(Duration::ZERO)).await.unwrap().is_proven());
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
    World::new().runner.spawn(spec).await.unwrap_err();
    let places = [PathBuf::from("/dev/shm"), std::env::temp_dir()];
    let scripts = places.iter().filter_map(|place| fs::read_dir(place).ok()).flatten();
    for entry in scripts.flatten() {
        let script = fs::read_to_string(entry.path().join("script")).unwrap_or_default();
        assert_ne!(script, needle, "{:?}", entry.path());
    }
}
