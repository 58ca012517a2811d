//! The same store against a real SurrealDB server, by `ws://`.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use domain::AuditAction;
use store::{Store, StoreError};

use crate::world::{account, audit, runbook};

/// A SurrealDB server of one's own; ends with the test.
struct Server {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let child = launch(port, folder.path());
        Self { child, port, folder }
    }

    async fn connect(&self) -> Result<Store, StoreError> {
        Store::connect(&format!("ws://127.0.0.1:{}", self.port), Some(("root".into(), "of the test".into()))).await
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn restart(&mut self) {
        self.kill();
        self.child = launch(self.port, self.folder.path());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn launch(port: u16, folder: &Path) -> Child {
    // Beside the target directory's folder for temporary files, where `cargo xtask setup` builds it.
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("surreal-server").join("debug/surreal-server");
    assert!(program.is_file(), "{} is missing: `cargo xtask setup` builds it", program.display());
    let mut child = Command::new(program)
        .args(["start", "--no-banner", "--user", "root", "--pass", "of the test", "--bind"])
        .arg(format!("127.0.0.1:{port}"))
        .arg(format!("surrealkv://{}", folder.join("data").display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a SurrealDB server");
    let deadline = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(child.try_wait().expect("a process").is_none(), "the SurrealDB server ended");
        assert!(Instant::now() < deadline, "the SurrealDB server never listened");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_start_at_once_find_one_schema_and_each_others_rows() {
    let server = Server::start();
    let (one, other) = tokio::join!(server.connect(), server.connect());
    let (one, other) = (one.expect("the first"), other.expect("the second"));

    let ann = account("ann");
    one.create_account(&ann, "hash", true, &audit(AuditAction::SignUp)).await.expect("an account");
    let found = other.account_by_name(&ann.username).await.expect("an answer").expect("ann");
    assert_eq!(found.0.id, ann.id);

    let written = runbook("Restart the queue", 1);
    one.create_runbook(&written, &[], &audit(AuditAction::RunbookCreated)).await.expect("a runbook");
    assert_eq!(other.runbook(written.id).await.expect("an answer").expect("the runbook").title, written.title);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_is_said_to_be_gone_and_found_again() {
    let mut server = Server::start();
    let store = server.connect().await.expect("a store");
    store.ping().await.expect("a sign of life");

    server.kill();
    let asked = Instant::now();
    let gone = store.ping().await.expect_err("nobody answers");
    assert!(gone.is_unavailable(), "{gone:?}");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());

    server.restart();
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Err(error) = store.ping().await {
        assert!(Instant::now() < deadline, "never found again: {error:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_append_at_once_write_one_chain() {
    const EACH: u64 = 25;
    let server = Server::start();
    let (one, other) = tokio::join!(server.connect(), server.connect());
    let stores = [one.expect("the first"), other.expect("the second")];
    let mut writers = tokio::task::JoinSet::new();
    for store in stores.iter().cycle().take(8) {
        let store = store.clone();
        writers.spawn(async move {
            for _ in 0..EACH {
                store.append_audit(&audit(AuditAction::SignIn)).await.expect("an entry");
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.expect("a writer");
    }
    let verdict = stores[0].verify_audit(None).await.expect("a verdict");
    assert_eq!((verdict.rows, verdict.broken), (8 * EACH, None));
}
