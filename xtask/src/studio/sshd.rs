//! OpenSSH's server on a free port of loopback, with keys made for it: a host to run on, and to cut off.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::Client;
use super::client::text_of;
use super::process::{Process, children};
use crate::shell;

/// Where it is where it is not on the search path of an ordinary user.
const SSHD: &str = "/usr/sbin/sshd";
/// OpenSSH will not start as root without this folder, which its service makes.
const PRIVILEGE_FOLDER: &str = "/run/sshd";

/// A running sshd; ended when dropped.
pub struct Sshd {
    child: Child,
    pub port: u16,
    pub user: String,
    folder: PathBuf,
}

impl Sshd {
    /// Why there can be none here; nothing where there can.
    pub fn missing() -> Option<String> {
        if !Path::new(SSHD).is_file() {
            return Some(format!("there is no {SSHD} (Debian: openssh-server)"));
        }
        shell::output(Command::new("sh").args(["-c", "command -v ssh-keygen"]))
            .is_none()
            .then(|| "there is no ssh-keygen (Debian: openssh-client)".to_owned())
    }

    /// Makes keys in the folder and starts it there.
    pub fn start(folder: &Path) -> Result<Self> {
        for name in ["host_key", "user_key"] {
            let mut keygen = Command::new("ssh-keygen");
            shell::run_quietly(keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(folder.join(name)))?;
        }
        fs::copy(folder.join("user_key.pub"), folder.join("authorized_keys")).context("allowing the key")?;
        let user = shell::output(Command::new("id").arg("-un")).context("who we are")?;
        if user == "root" && !Path::new(PRIVILEGE_FOLDER).is_dir() {
            fs::create_dir_all(PRIVILEGE_FOLDER).with_context(|| format!("creating {PRIVILEGE_FOLDER}"))?;
        }
        let port = free_port()?;
        let config = folder.join("sshd_config");
        fs::write(&config, options(folder, port)).context("writing sshd's options")?;
        let log = File::create(folder.join("sshd.log")).context("making sshd's log")?;
        let child = Command::new(SSHD)
            .args(["-D", "-e", "-f"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("starting sshd")?;
        let mut sshd = Self { child, port, user, folder: folder.to_owned() };
        sshd.wait_until_it_listens()?;
        Ok(sshd)
    }

    /// `ssh-ed25519 AAAA…`, for pinning.
    pub fn host_key(&self) -> Result<String> {
        let text = fs::read_to_string(self.folder.join("host_key.pub")).context("reading the host's key")?;
        Ok(text.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
    }

    /// The private key that is let in.
    pub fn user_key(&self) -> Result<String> {
        fs::read_to_string(self.folder.join("user_key")).context("reading the user's key")
    }

    /// Makes it a host of the server that the client speaks to, with its key as the credential; the server's words where it
    /// refuses.
    pub fn introduce(&self, client: &Client, name: &str) -> Result<Result<(), String>> {
        let credential = json!({ "name": format!("{name}-key"), "type": "ssh", "secret": self.user_key()? });
        let answer = client.call("POST", "/credentials", Some(&credential))?;
        if answer.status != 201 {
            return Ok(Err(format!("the server refuses the credential: {}", answer.refusal())));
        }
        let host = json!({
            "name": name,
            "address": "127.0.0.1",
            "port": self.port,
            "user": self.user,
            "credential": text_of(&answer.json()?, "id")?,
            "host_key": self.host_key()?,
        });
        let answer = client.call("POST", "/hosts", Some(&host))?;
        if answer.status != 201 {
            return Ok(Err(format!("the server refuses hosts: POST /api/v1/hosts answers {}", answer.refusal())));
        }
        Ok(Ok(()))
    }

    /// The processes that serve its connections, each with a login of its own, or on the way to one.
    pub fn connections(&self) -> Vec<Process> {
        children(self.child.id()).into_iter().filter_map(Process::find).filter(|process| process.lives()).collect()
    }

    /// OpenSSH's own client, one connection for one command.
    pub fn client(&self, command: &str) -> Result<Command> {
        self.client_with(&[], command)
    }

    /// OpenSSH's own client over one connection that stays open between commands; `-O exit` in place of one ends it.
    pub fn client_over_one_connection(&self, command: &str) -> Result<Command> {
        let path = format!("ControlPath={}", self.folder.join("control").display());
        match command {
            "-O exit" => self.client_with(&["-o", &path, "-O", "exit"], ""),
            _ => self.client_with(&["-o", "ControlMaster=auto", "-o", &path, "-o", "ControlPersist=60"], command),
        }
    }

    fn client_with(&self, options: &[&str], command: &str) -> Result<Command> {
        let known = self.folder.join("known_hosts");
        fs::write(&known, format!("[127.0.0.1]:{} {}\n", self.port, self.host_key()?)).context("pinning the host's key")?;
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes"]);
        ssh.arg("-o").arg(format!("UserKnownHostsFile={}", known.display()));
        ssh.arg("-i").arg(self.folder.join("user_key"));
        ssh.args(options).args(["-p", &self.port.to_string(), &format!("{}@127.0.0.1", self.user)]);
        ssh.args(Some(command).filter(|command| !command.is_empty()));
        ssh.stdin(Stdio::null()).stdout(Stdio::null());
        Ok(ssh)
    }

    fn wait_until_it_listens(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            let ended = self.child.try_wait().context("looking at sshd")?;
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(self.folder.join("sshd.log")).unwrap_or_default();
                bail!("sshd does not listen: {}", log.trim());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Another HOME, because bash reads `~/.bashrc` whenever sshd starts it: what stands there is a matter of the account.
fn options(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host_key\nPidFile none\n\
         AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nLogLevel ERROR\nPrintMotd no\n\
         MaxStartups 500\nMaxSessions 500\nSetEnv HOME={folder}\n"
    )
}

/// Free a moment ago, which is as much as can be known: sshd cannot be told to take any.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("looking for a free port")?;
    Ok(listener.local_addr().context("looking for a free port")?.port())
}
