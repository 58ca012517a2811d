//! The identity file: the X25519 age keys that everything else in the store hangs on.
//!
//! One identity a line (`AGE-SECRET-KEY-1…`, what `age-keygen` writes), `#` comments and blank lines
//! between. The first encrypts, all decrypt, so a key is replaced in three steps: [`crate::Vault::add_identity`]
//! puts a new one first and marks the others as replaced, the secrets are sealed again,
//! [`crate::Vault::retire_identities`] drops those that are marked. The mark is a comment before the line of the
//! identity ([`REPLACED`]): a file with one is a rotation that is not finished. Several identities without a mark are
//! somebody's who keeps them by hand; nothing drops them but a rotation that they are asked for.
//!
//! The file is refused when group or others have any right to it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use age::x25519::Identity;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::VaultError;

/// What the comment before a replaced identity begins with.
const REPLACED: &str = "# replaced:";

/// An identity as the file holds it.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) identity: Identity,
    /// A rotation has put another before it, and drops it at its end.
    pub(crate) replaced: bool,
}

impl Kept {
    /// A new one.
    pub(crate) fn generate() -> Self {
        Self::from(Identity::generate())
    }
}

impl From<Identity> for Kept {
    fn from(identity: Identity) -> Self {
        Self { identity, replaced: false }
    }
}

/// The identities of the file, which is made with one new identity when there is none.
pub(crate) fn load_or_create(path: &Path) -> Result<Vec<Kept>, VaultError> {
    match create(path) {
        Err(VaultError::CreateIdentity { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => load(path),
        outcome => outcome,
    }
}

fn create(path: &Path) -> Result<Vec<Kept>, VaultError> {
    let identities = vec![Kept::generate()];
    write_new(path, &identities).map_err(|source| VaultError::CreateIdentity { path: path.to_owned(), source })?;
    tracing::info!(
        path = %path.display(),
        recipient = %identities[0].identity.to_public(),
        "identity file created; without a copy of it a backup of the store cannot be read"
    );
    Ok(identities)
}

/// The identities of the file, which must be there.
pub(crate) fn load(path: &Path) -> Result<Vec<Kept>, VaultError> {
    let unreadable = |source| VaultError::ReadIdentity { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    // Of the open file, not of the path: nobody can put another file there in between.
    let metadata = file.metadata().map_err(unreadable)?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(VaultError::ExposedIdentity { path: path.to_owned(), mode });
    }
    let capacity = usize::try_from(metadata.len()).unwrap_or(0).saturating_add(1);
    let mut text = Zeroizing::new(String::with_capacity(capacity));
    file.read_to_string(&mut text).map_err(unreadable)?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Vec<Kept>, VaultError> {
    let mut identities = Vec::new();
    let mut marked = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            marked |= line.starts_with(REPLACED);
            continue;
        }
        let identity =
            line.parse().map_err(|reason| VaultError::ParseIdentity { path: path.to_owned(), line: index + 1, reason })?;
        // The first encrypts: nothing has replaced it, whatever somebody wrote before it.
        let replaced = std::mem::take(&mut marked) && !identities.is_empty();
        identities.push(Kept { identity, replaced });
    }
    if identities.is_empty() {
        return Err(VaultError::NoIdentity { path: path.to_owned() });
    }
    Ok(identities)
}

/// Replaces the file in one step: a new file beside it, then a rename over it.
pub(crate) fn replace(path: &Path, identities: &[Kept]) -> Result<(), VaultError> {
    let beside = beside(path);
    let replaced = remove_if_there(&beside)
        .and_then(|()| write_new(&beside, identities))
        .and_then(|()| fs::rename(&beside, path))
        .and_then(|()| sync_directory(path));
    replaced.map_err(|source| {
        let _ = fs::remove_file(&beside);
        VaultError::ReplaceIdentity { path: path.to_owned(), source }
    })
}

/// Where a replacement is written first; what a crash left there is removed by the next attempt.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// Writes a file that is not there yet, mode 0600, and waits until it and its name are on disk.
fn write_new(path: &Path, identities: &[Kept]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = file
        .write_all(render(identities).expose_secret().as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| sync_directory(path));
    if written.is_err() {
        // Half a file would pass for a damaged one at the next start.
        let _ = fs::remove_file(path);
    }
    written
}

fn render(identities: &[Kept]) -> SecretString {
    let mut text = String::with_capacity(256 * (identities.len() + 1));
    text.push_str("# Runbook Studio: the keys to the stored secrets. Keep a copy apart from the data.\n");
    for Kept { identity, replaced } in identities {
        if *replaced {
            text.push_str(REPLACED);
            text.push_str(" dropped once every secret is encrypted for the first key of this file\n");
        }
        text.push_str("# public key: ");
        text.push_str(&identity.to_public().to_string());
        text.push('\n');
        text.push_str(identity.to_string().expose_secret());
        text.push('\n');
    }
    SecretString::from(text)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;
    use crate::Vault;

    fn key_file() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("identity.txt");
        (directory, path)
    }

    fn write_with_mode(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_new_file_is_readable_by_its_owner_only() {
        let (_directory, path) = key_file();
        Vault::open(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
    }

    #[test]
    fn opening_again_keeps_the_identity() {
        let (_directory, path) = key_file();
        let sealed = Vault::open(&path).unwrap().seal("c:1", 1, &SecretString::from("s3cret")).unwrap();
        let opened = Vault::open(&path).unwrap().open_sealed("c:1", 1, &sealed);
        assert_eq!(opened.unwrap().expose_secret(), "s3cret");
    }

    #[test]
    fn a_file_open_to_others_is_refused_and_the_message_says_how_to_mend_it() {
        for mode in [0o640, 0o604, 0o620, 0o660, 0o644] {
            let (_directory, path) = key_file();
            Vault::open(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = Vault::open(&path).unwrap_err();
            let path = path.display();
            assert_eq!(
                error.to_string(),
                format!("the identity file {path} has mode {mode:04o}, open to group or others; run: chmod 600 {path}")
            );
        }
    }

    #[test]
    fn the_first_identity_encrypts_and_all_decrypt() {
        let (_directory, path) = key_file();
        let (first, second) = (Identity::generate(), Identity::generate());
        let text =
            format!("# two keys\n\n  {}  \n# old\n{}\n", first.to_string().expose_secret(), second.to_string().expose_secret());
        write_with_mode(&path, &text, 0o600);
        let both = Vault::open(&path).unwrap();
        let secret = SecretString::from("s3cret");

        let by_second = Vault::with_identities(vec![second.clone()]).seal("c:1", 1, &secret);
        assert!(both.open_sealed("c:1", 1, &by_second.unwrap()).is_ok());

        let by_both = both.seal("c:1", 1, &secret).unwrap();
        assert!(Vault::with_identities(vec![first]).open_sealed("c:1", 1, &by_both).is_ok());
        assert!(Vault::with_identities(vec![second]).open_sealed("c:1", 1, &by_both).is_err());
    }

    #[test]
    fn a_bad_line_is_named_by_its_number_and_not_shown() {
        let (_directory, path) = key_file();
        write_with_mode(&path, "# note\nAGE-SECRET-KEY-1NONSENSE\n", 0o600);
        let error = Vault::open(&path).unwrap_err();
        assert!(error.to_string().starts_with("line 2 of the identity file"));
        assert!(!format!("{error} {error:?}").contains("NONSENSE"));
    }

    #[test]
    fn a_file_without_an_identity_is_refused_and_left_alone() {
        let (_directory, path) = key_file();
        write_with_mode(&path, "# nothing here\n", 0o600);
        assert!(matches!(Vault::open(&path), Err(VaultError::NoIdentity { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "# nothing here\n");
    }

    #[test]
    fn a_missing_directory_is_an_error_with_its_cause() {
        let (directory, _path) = key_file();
        let error = Vault::open(&directory.path().join("no/such/identity.txt")).unwrap_err();
        assert!(matches!(error, VaultError::CreateIdentity { .. }));
        assert!(error.source().is_some());
    }

    #[test]
    fn rotation_never_leaves_a_secret_unreadable() {
        let (_directory, path) = key_file();
        let old = Vault::open(&path).unwrap();
        let sealed = old.seal("c:1", 1, &SecretString::from("s3cret")).unwrap();
        assert!(!old.needs_resealing(&sealed));

        let handle = old.clone();
        old.add_identity().unwrap();
        assert_eq!((handle.identities(), Vault::open(&path).unwrap().identities()), (2, 2), "handles share their keys");
        assert!(handle.needs_resealing(&sealed));
        let resealed = handle.reseal("c:1", 1, &sealed).unwrap().expect("another identity");
        assert!(handle.reseal("c:1", 1, &resealed).unwrap().is_none());
        assert!(matches!(handle.reseal("c:2", 1, &sealed), Err(VaultError::Swapped { .. })));

        handle.retire_identities().unwrap();
        assert!(old.open_sealed("c:1", 1, &sealed).is_ok(), "who has read it just before still opens it");
        let new = Vault::open(&path).unwrap();
        assert!(new.open_sealed("c:1", 1, &resealed).is_ok());
        let lost = new.open_sealed("c:1", 1, &sealed).unwrap_err();
        assert!(lost.is_for_another_key(), "{lost}");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        assert!(!beside(&path).exists());
    }

    #[test]
    fn several_that_somebody_keeps_are_no_rotation_and_one_that_was_begun_is_known_again() {
        let (_directory, path) = key_file();
        let (first, second) = (Identity::generate(), Identity::generate());
        let text = format!("{}\n{}\n", first.to_string().expose_secret(), second.to_string().expose_secret());
        write_with_mode(&path, &text, 0o600);
        let vault = Vault::open(&path).unwrap();
        assert_eq!((vault.identities(), vault.is_rotating()), (2, false));
        vault.retire_identities().unwrap();
        assert_eq!(Vault::open(&path).unwrap().identities(), 2, "nothing has replaced them");

        vault.add_identity().unwrap();
        let crashed = Vault::open(&path).unwrap();
        assert_eq!((crashed.identities(), crashed.is_rotating()), (3, true));
        // Somebody adds one by hand meanwhile: it is nobody's to drop.
        let theirs = Identity::generate();
        let text = fs::read_to_string(&path).unwrap() + theirs.to_string().expose_secret() + "\n";
        write_with_mode(&path, &text, 0o600);
        let resumed = Vault::open(&path).unwrap();
        resumed.retire_identities().unwrap();
        let ended = Vault::open(&path).unwrap();
        assert_eq!((ended.identities(), ended.is_rotating()), (2, false));
        assert_eq!(ended.recipient(), crashed.recipient());
    }

    #[test]
    fn a_half_written_replacement_does_not_block_the_next_rotation() {
        let (_directory, path) = key_file();
        let vault = Vault::open(&path).unwrap();
        fs::write(beside(&path), "half").unwrap();
        assert!(vault.add_identity().is_ok());
    }

    #[test]
    fn a_rotation_keeps_what_somebody_wrote_into_the_file_meanwhile() {
        let (_directory, path) = key_file();
        let vault = Vault::open(&path).unwrap();
        let theirs = Identity::generate();
        let text = fs::read_to_string(&path).unwrap() + theirs.to_string().expose_secret();
        write_with_mode(&path, &text, 0o600);
        vault.add_identity().unwrap();
        let sealed = Vault::with_identities(vec![theirs]).seal("c:1", 1, &SecretString::from("s3cret")).unwrap();
        assert!(vault.open_sealed("c:1", 1, &sealed).is_ok());
    }

    #[tokio::test]
    async fn a_rotation_waits_for_what_is_being_stored() {
        let vault = Vault::ephemeral();
        let storing = vault.storing().await;
        let settled = tokio::spawn({
            let vault = vault.clone();
            async move { vault.settled().await }
        });
        tokio::task::yield_now().await;
        assert!(!settled.is_finished());
        drop(storing);
        settled.await.unwrap();
    }
}
