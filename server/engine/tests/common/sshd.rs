//! A real OpenSSH server for tests: its own keys and configuration in a temporary directory, on a free port of the loopback
//! interface, for the user who runs the tests. It goes with its value, and every connection it served with it.
//!
//! The test listens itself and starts one `sshd -i` for each connection: no port is taken twice, and the process of a
//! connection is known, so that a test can cut it.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use tempfile::TempDir;

/// What a server is like.
#[derive(Clone, Debug)]
pub struct SshdOptions {
    /// The types of its host keys, for `ssh-keygen -t`.
    pub host_keys: Vec<&'static str>,
    /// More lines for its configuration. `%D` stands for its directory.
    pub config: String,
}

impl Default for SshdOptions {
    fn default() -> Self {
        Self { host_keys: vec!["ed25519"], config: String::new() }
    }
}

/// A server that runs.
pub struct Sshd {
    dir: TempDir,
    port: u16,
    user: String,
    sessions: Arc<Mutex<Vec<Child>>>,
    closing: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

impl Sshd {
    /// One with an ed25519 host key.
    pub fn start() -> Self {
        Self::with(SshdOptions::default())
    }

    /// One made to measure.
    pub fn with(options: SshdOptions) -> Self {
        let sshd = program();
        let dir = tempfile::Builder::new().prefix("sshd-").tempdir().unwrap();
        let path = dir.path();
        let user = output(Command::new("id").arg("-un"));
        if output(Command::new("id").arg("-u")) == "0" {
            // OpenSSH wants it when it runs as root; the service makes it where there is one.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        fs::create_dir(path.join("home")).unwrap();
        let mut config = format!(
            "AuthorizedKeysFile {dir}/authorized_keys\n\
             PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nPrintMotd no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             SetEnv HOME={dir}/home\n",
            dir = path.display()
        );
        for kind in &options.host_keys {
            keygen(path, &format!("host_{kind}"), kind, &[]);
            config.push_str(&format!("HostKey {}/host_{kind}\n", path.display()));
        }
        config.push_str(&options.config.replace("%D", &path.display().to_string()));
        keygen(path, "client", "ed25519", &[]);
        fs::copy(path.join("client.pub"), path.join("authorized_keys")).unwrap();
        fs::write(path.join("config"), config).unwrap();

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let sessions = Arc::new(Mutex::new(Vec::new()));
        let closing = Arc::new(AtomicBool::new(false));
        let listening = std::thread::spawn({
            let (sessions, closing) = (Arc::clone(&sessions), Arc::clone(&closing));
            let path = path.to_owned();
            move || serve(&listener, &sshd, &path, &sessions, &closing)
        });
        Self { dir, port, user, sessions, closing, listening: Some(listening) }
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Who may log in.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Its directory, with `home`, the home of whoever logs in.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The public key of its first host key.
    pub fn host_key(&self) -> String {
        let mut keys: Vec<_> = fs::read_dir(self.dir()).unwrap().map(|entry| entry.unwrap().path()).collect();
        keys.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with("host_") && path.extension().is_some());
        keys.sort();
        fs::read_to_string(&keys[0]).unwrap()
    }

    /// A private key that it lets in.
    pub fn client_key(&self) -> String {
        fs::read_to_string(self.dir().join("client")).unwrap()
    }

    /// Makes a key `name` in its directory that it lets in too, and gives the private half.
    pub fn authorise_new_key(&self, name: &str, kind: &str, args: &[&str]) -> String {
        let key = self.new_key(name, kind, args);
        let mut known = fs::read_to_string(self.dir().join("authorized_keys")).unwrap();
        known.push_str(&fs::read_to_string(self.dir().join(format!("{name}.pub"))).unwrap());
        fs::write(self.dir().join("authorized_keys"), known).unwrap();
        key
    }

    /// Makes a key `name` in its directory and gives the private half.
    pub fn new_key(&self, name: &str, kind: &str, args: &[&str]) -> String {
        keygen(self.dir(), name, kind, args);
        fs::read_to_string(self.dir().join(name)).unwrap()
    }

    /// The processes of the connections it serves.
    pub fn sessions(&self) -> Vec<u32> {
        let mut sessions = self.sessions.lock().unwrap();
        sessions.retain_mut(|child| child.try_wait().unwrap().is_none());
        sessions.iter().map(Child::id).collect()
    }

    /// Cuts every connection it serves.
    pub fn cut(&self) {
        for mut child in self.sessions.lock().unwrap().drain(..) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// What it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir().join("log")).unwrap_or_default()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
        for child in self.sessions.lock().unwrap().iter_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("the SSH server said:\n{}", self.log());
        }
    }
}

fn serve(listener: &TcpListener, sshd: &Path, dir: &Path, sessions: &Mutex<Vec<Child>>, closing: &AtomicBool) {
    while let Ok((stream, _)) = listener.accept() {
        if closing.load(Ordering::SeqCst) {
            return;
        }
        let output = stream.try_clone().unwrap();
        let child = Command::new(sshd)
            .arg("-i")
            .arg("-f")
            .arg(dir.join("config"))
            .arg("-E")
            .arg(dir.join("log"))
            .stdin(Stdio::from(OwnedFd::from(stream)))
            .stdout(Stdio::from(OwnedFd::from(output)))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        sessions.lock().unwrap().push(child);
    }
}

/// OpenSSH starts itself again by its path, which must be absolute.
fn program() -> PathBuf {
    ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd", "/usr/bin/sshd"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
        .expect("these tests talk to a real SSH server and found none: install openssh-server")
}

fn keygen(dir: &Path, name: &str, kind: &str, args: &[&str]) {
    let file = dir.join(name);
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", kind, "-C", name, "-f"]).arg(file);
    if !args.contains(&"-N") {
        command.args(["-N", ""]);
    }
    output(command.args(args));
}

/// Runs a program and gives what it printed.
pub fn output(command: &mut Command) -> String {
    let done = command.stdin(Stdio::null()).output().expect("these tests need openssh-client and coreutils: install them");
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}
