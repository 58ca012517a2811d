//! A SurrealDB server for tests: the one that `cargo xtask setup` builds.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use store::{Store, StoreError};

/// A SurrealDB server of one's own; ends with the test.
pub struct Server {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Server {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let child = launch(port, folder.path());
        Self { child, port, folder }
    }

    /// A store on it.
    pub async fn connect(&self) -> Result<Store, StoreError> {
        Store::connect(&format!("ws://127.0.0.1:{}", self.port), Some(("root".into(), "of the test".into()))).await
    }

    /// What it runs as.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn restart(&mut self) {
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
