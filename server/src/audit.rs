//! `runbook-studio audit …`: one look at the audit trail, from the command line.

use std::fs;
use std::io::{Write, stdout};

use anyhow::{Context, bail};
use domain::AuditHead;
use store::Store;

use crate::bootstrap::database_url;
use crate::cli::AuditCommand;
use crate::config::Config;

/// Does it; false where the trail is broken.
///
/// # Errors
/// When the database cannot be opened or read, or the head is none.
pub async fn run(config: &Config, command: &AuditCommand) -> anyhow::Result<bool> {
    let kept = match command {
        AuditCommand::Verify { head: Some(head), .. } => Some(read_head(head)?),
        AuditCommand::Verify { head: None, .. } | AuditCommand::Head(_) => None,
    };
    let store = open(config).await?;
    let mut out = stdout().lock();
    if matches!(command, AuditCommand::Head(_)) {
        let head = store.audit_head().await.context("cannot read the audit trail")?;
        writeln!(out, "{head}")?;
        return Ok(true);
    }
    let verdict = store.verify_audit(kept.as_ref()).await.context("cannot read the audit trail")?;
    writeln!(out, "{}: {verdict}", if verdict.broken.is_none() { "verified" } else { "BROKEN" })?;
    writeln!(out, "head: {}", verdict.head)?;
    Ok(verdict.broken.is_none())
}

/// Opens the store as configured; it must be there.
async fn open(config: &Config) -> anyhow::Result<Store> {
    let url = database_url(config, &config.data_dir);
    if let Some(folder) = url.strip_prefix("surrealkv://") {
        let folder = folder.split_once('?').map_or(folder, |(folder, _)| folder);
        if !std::path::Path::new(folder).is_dir() {
            bail!("there is no database in {folder}");
        }
    }
    Store::connect(&url, config.db_login.clone()).await.with_context(|| {
        format!("cannot open the database {url} (a running server holds its embedded one: ask it by GET /api/v1/audit/verify)")
    })
}

/// A head as SEQ:HASH, or a file that begins with one.
fn read_head(given: &str) -> anyhow::Result<AuditHead> {
    if let Ok(head) = given.parse() {
        return Ok(head);
    }
    let text = fs::read_to_string(given).with_context(|| format!("{given} is neither SEQ:HASH nor a file that can be read"))?;
    let word = text.split_whitespace().next().unwrap_or_default();
    word.parse().with_context(|| format!("{given} does not begin with a head"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_given_as_itself_or_in_a_file() {
        let head = AuditHead { seq: 12, hash: "0f".repeat(32) };
        assert_eq!(read_head(&head.to_string()).expect("a head"), head);
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), format!("{head}\n")).expect("a file");
        assert_eq!(read_head(&file.path().display().to_string()).expect("a head"), head);
        fs::write(file.path(), "nothing").expect("a file");
        assert!(read_head(&file.path().display().to_string()).is_err());
        assert!(read_head("12:34").is_err());
    }
}
