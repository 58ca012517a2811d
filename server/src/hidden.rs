//! What of the server's own no command on it may see, where bubblewrap hides it.

use std::path::{self, Path, PathBuf};

use anyhow::Context;

use crate::config::Config;

/// Folders that commands need, or that hold much else: none of them is hidden, nor one that they lie in.
const COMMON: [&str; 18] = [
    "/bin",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr/bin",
    "/usr/local/bin",
    "/var/lib",
    "/var/tmp",
];

/// Folders and files to hide, by absolute paths.
#[derive(Debug, PartialEq, Eq)]
pub struct Hidden {
    /// All of them.
    pub paths: Vec<PathBuf>,
    /// The folder of the database where that cannot be hidden.
    pub in_the_open: Option<PathBuf>,
}

impl Hidden {
    /// The data folder, the folders of the database and of the key file where they lie elsewhere, and the files with secrets.
    ///
    /// # Errors
    /// When a path cannot be made absolute: the working folder is gone.
    pub fn of(config: &Config, data_dir: &Path, identity_file: &Path, database: &str) -> anyhow::Result<Self> {
        let absolute = |path: &Path| path::absolute(path).with_context(|| format!("cannot find {}", path.display()));
        let mut hidden = Self { paths: vec![data_dir.to_owned()], in_the_open: None };
        if let Some(folder) = database.strip_prefix("surrealkv://") {
            let folder = absolute(Path::new(folder.split('?').next().unwrap_or(folder)))?;
            if is_common(&folder) { hidden.in_the_open = Some(folder) } else { hidden.paths.push(folder) }
        }
        // Its folder, for a new key is a new file there; the file alone where the folder is not its own.
        let identity_file = absolute(identity_file)?;
        let folder = identity_file.canonicalize().ok().and_then(|file| file.parent().map(Path::to_owned));
        hidden.paths.push(folder.filter(|folder| !is_common(folder)).unwrap_or(identity_file));
        for file in config.tls.iter().map(|tls| &tls.key).chain(&config.file) {
            hidden.paths.push(absolute(file)?);
        }
        let (first, rest) = (data_dir.to_owned(), hidden.paths.split_off(1));
        hidden.paths.extend(rest.into_iter().filter(|path| !path.starts_with(&first)));
        Ok(hidden)
    }
}

/// Whether a folder is one of those that stay as they are, or one around them.
fn is_common(folder: &Path) -> bool {
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let own = [std::env::home_dir(), std::env::current_exe().ok(), std::env::current_dir().ok()];
    COMMON.iter().map(PathBuf::from).chain(own.into_iter().flatten()).any(|common| common.starts_with(&real))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cli::Options;

    /// What is hidden with these flags, with the names of the folder that all lies in cut off.
    fn hidden(folder: &Path, flags: Options) -> (Vec<String>, Option<PathBuf>) {
        let data = folder.join("data");
        let config = Config::load(&Options { data_dir: Some(data.clone()), ..flags }).expect("good settings");
        let database = crate::bootstrap::database_url(&config, &data);
        let identities = crate::bootstrap::identity_file(&config, &data);
        let Hidden { paths, in_the_open } = Hidden::of(&config, &data, &identities, &database).expect("paths");
        let short = |path: PathBuf| path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        (paths.into_iter().map(short).collect(), in_the_open)
    }

    #[test]
    fn what_lies_outside_the_data_folder_is_hidden_too_and_nothing_that_commands_need() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().canonicalize().expect("a path");
        for name in ["data", "keys"] {
            fs::create_dir(folder.join(name)).expect("made");
        }
        for file in ["data/identity.age", "keys/identity.age"] {
            fs::write(folder.join(file), "").expect("written");
        }
        fs::write(folder.join("settings.toml"), "db_user = \"root\"\ndb_password = \"secret\"").expect("written");
        let at = |name: &str| Some(folder.join(name));
        assert_eq!(hidden(&folder, Options::default()), (vec!["data".to_owned()], None));

        let elsewhere = Options {
            db: Some(format!("surrealkv://{}/db?sync=never", folder.display())),
            age_identity_file: at("keys/identity.age"),
            tls_cert: at("cert.pem"),
            tls_key: at("key.pem"),
            config: at("settings.toml"),
            ..Options::default()
        };
        let all = ["data", "db", "keys", "key.pem", "settings.toml"].map(str::to_owned);
        assert_eq!(hidden(&folder, elsewhere), (all.into(), None));

        // Neither folder can go; the key file can.
        let system = Options {
            db: Some("surrealkv:///etc".to_owned()),
            age_identity_file: Some("/etc/passwd".into()),
            ..Options::default()
        };
        let expected = (vec!["data".to_owned(), "/etc/passwd".to_owned()], Some("/etc".into()));
        assert_eq!(hidden(&folder, system), expected);
        assert!(["/", "/usr", "/var", "/etc/../etc"].iter().all(|path| is_common(Path::new(path))));
    }
}
