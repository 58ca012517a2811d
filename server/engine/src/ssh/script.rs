//! The shell text that starts a step on a host.
//!
//! The command that SSH carries is `exec /bin/sh -s`: it goes through whatever login shell the user has, and none of them
//! finds anything in it to change. Everything else comes on standard input, as one compound command that a POSIX shell reads
//! to its last line before it does any of it: a connection that breaks in between starts nothing. Values stand in it between
//! single quotes, where the shell takes every byte but NUL as it is. So nothing of a value is ever seen in a list of
//! processes, and nothing depends on what a server lets through as environment.
//!
//! A marker with a nonce goes out on both streams right before the script starts; what was printed before is noise.
//!
//! Usually the interpreter takes the shell's place. Where private files are needed the shell stays, removes them when the
//! script ended, and ends with its exit code; it is then started with the step's marker in its own environment.

use std::os::unix::ffi::OsStrExt;

use runner::{EnvValue, MAX_SCRIPT_ARGUMENT_BYTES, STEP_VARIABLE};
use secrecy::ExposeSecret;

use super::{RemoteSpec, SshError};

/// Separates step and nonce in the name of a private directory; no step holds it.
const SEPARATOR: char = '@';

/// What the shell reports instead of beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    WorkingDir,
    Interpreter,
    PrivateFiles,
}

/// The line behind the nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Begin { group: Option<u32> },
    Failed(Failed),
}

impl Word {
    pub(super) fn read(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        match (words.next()?, words.next()) {
            ("begin", group) => {
                Some(Self::Begin { group: group.and_then(|group| group.parse().ok()).filter(|group| *group > 1) })
            }
            ("failed", Some("dir")) => Some(Self::Failed(Failed::WorkingDir)),
            ("failed", Some("interpreter")) => Some(Self::Failed(Failed::Interpreter)),
            ("failed", Some("files")) => Some(Self::Failed(Failed::PrivateFiles)),
            _ => None,
        }
    }
}

/// The command that goes through the login shell. Each program on the way costs a command about a millisecond.
pub(super) fn exec_line(spec: &RemoteSpec) -> String {
    if needs_private_files(spec) {
        format!("exec /usr/bin/env {STEP_VARIABLE}={} /bin/sh -s", spec.step)
    } else {
        "exec /bin/sh -s".to_owned()
    }
}

/// Patterns of the private directories a step may have left.
pub(super) fn private_dirs(step: &str) -> String {
    ["/dev/shm", "\"${XDG_RUNTIME_DIR:-/dev/shm}\"", "\"${TMPDIR:-/tmp}\""]
        .map(|place| format!("{place}/runbook-step-{step}{SEPARATOR}*"))
        .join(" ")
}

/// A step's marker stands unquoted in a command and in the name of a directory.
pub(super) fn check_step(step: &str) -> Result<(), SshError> {
    let fits = !step.is_empty() && step.len() <= 128 && step.chars().all(|c| c.is_ascii_alphanumeric() || "._:-".contains(c));
    if fits { Ok(()) } else { Err(SshError::InvalidCommand(format!("`{}` cannot mark a step", step.escape_debug()))) }
}

/// Standard input of the shell that [`exec_line`] starts.
pub(super) fn shell_text(spec: &RemoteSpec, nonce: &str) -> Result<Vec<u8>, SshError> {
    check_step(&spec.step)?;
    validate(spec)?;
    let words: Vec<&str> = spec.interpreter.split_whitespace().collect();
    let Some(interpreter) = words.first() else {
        return Err(SshError::InvalidCommand("no interpreter was named".to_owned()));
    };
    let script_is_file = script_needs_file(&words, &spec.script);
    let private = needs_private_files(spec);

    let mut text = Text(Vec::with_capacity(1024 + spec.script.len()));
    text.line("{");
    text.line(&format!("_runbook_fail() {{ echo; echo \"{nonce} failed $1\"; exit 1; }}"));
    text.line(OWN_GROUP);
    if let Some(dir) = spec.working_dir.as_deref().filter(|dir| !dir.is_empty()) {
        // `-` alone would mean the directory before, and a bare name is looked for in CDPATH.
        let dir = if dir.starts_with('/') { dir.to_owned() } else { format!("./{dir}") };
        text.add("cd -- ").quoted(dir.as_bytes()).line(" 2>/dev/null || _runbook_fail dir");
    }
    if private {
        private_files(&mut text, spec, nonce, script_is_file);
        text.line("(");
    }
    text.add("set --");
    for word in &words {
        text.add(" ").quoted(word.as_bytes());
    }
    if script_is_file {
        text.line(" \"$_runbook_dir/script\"");
    } else {
        text.add(" -c ").quoted(spec.script.as_bytes()).line("");
    }
    text.line("[ -z \"$_runbook_setsid\" ] || set -- setsid \"$@\"");
    text.line(&format!("export {STEP_VARIABLE}={}", spec.step));
    for (name, value) in spec.env.iter().filter(|(name, _)| name != STEP_VARIABLE) {
        text.add(&format!("export {name}=")).quoted(bytes_of(value)).line("");
    }
    for (index, file) in spec.files.iter().enumerate() {
        text.line(&format!("export {}=\"$_runbook_dir/secret-{index}\"", file.env));
    }
    let interpreter = interpreter.as_bytes();
    if interpreter.contains(&b'/') {
        text.add("[ -f ").quoted(interpreter).add(" ] && [ -x ").quoted(interpreter).line(" ] || _runbook_fail interpreter");
    } else {
        text.add("command -v ").quoted(interpreter).line(" >/dev/null 2>&1 || _runbook_fail interpreter");
    }
    text.line(&format!("echo; echo \"{nonce} begin $_runbook_group\"; echo >&2; echo \"{nonce} begin\" >&2"));
    text.line("exec \"$@\" </dev/null");
    if private {
        text.line(") 2>&4 4>&-");
        text.line("_runbook_exit=$?");
        text.line("rm -rf -- \"$_runbook_dir\"");
        text.line("exit $_runbook_exit");
    }
    text.line("}");
    Ok(text.0)
}

/// Finds out whether the shell leads a group of its own, as OpenSSH has it; otherwise what it starts will, where there is
/// a `setsid`.
const OWN_GROUP: &str = r"_runbook_group=$$ _runbook_setsid=
if [ -r /proc/$$/stat ]; then
  read -r _runbook_a _runbook_b _runbook_c _runbook_d _runbook_pgrp _runbook_e </proc/$$/stat
  if [ $_runbook_pgrp != $$ ]; then
    _runbook_group=
    if command -v setsid >/dev/null 2>&1; then _runbook_setsid=1; fi
  fi
fi";

/// Writes the secrets, and the script where it must be a file, into a directory that only this user can enter: in memory
/// where there is a place. The shell waits for the script outside its signals, to remove the directory afterwards.
fn private_files(text: &mut Text, spec: &RemoteSpec, nonce: &str, script_is_file: bool) {
    // `printf` is part of the shell nearly everywhere; where it is not, its arguments would be seen in a list of processes.
    text.line("if [ -n \"${KSH_VERSION-}\" ]; then _runbook_out() { print -rn -- \"$1\"; }");
    text.line("else _runbook_out() { printf %s \"$1\"; }; fi");
    let mut writes = String::new();
    for (index, file) in spec.files.iter().enumerate() {
        text.add(&format!("_runbook_{index}=")).quoted(file.contents.expose_secret().as_bytes()).line("");
        writes.push_str(&format!(" && _runbook_out \"$_runbook_{index}\" >\"$_runbook_dir/secret-{index}\""));
    }
    if script_is_file {
        text.add("_runbook_script=").quoted(spec.script.as_bytes()).line("");
        writes.push_str(" && _runbook_out \"$_runbook_script\" >\"$_runbook_dir/script\"");
    }
    text.line("exec 4>&2 2>/dev/null");
    text.line("trap : HUP INT TERM");
    text.line("for _runbook_place in /dev/shm \"${XDG_RUNTIME_DIR-}\" \"${TMPDIR:-/tmp}\"; do");
    text.line("  case $_runbook_place in /*) ;; *) continue ;; esac");
    text.line(&format!("  _runbook_dir=$_runbook_place/runbook-step-{}{SEPARATOR}{nonce}", spec.step));
    text.line(&format!("  if (umask 077 && mkdir -- \"$_runbook_dir\"{writes}); then break; fi"));
    text.line("  rm -rf -- \"$_runbook_dir\"");
    text.line("  _runbook_dir=");
    text.line("done");
    text.line("[ -n \"$_runbook_dir\" ] || _runbook_fail files");
}

fn needs_private_files(spec: &RemoteSpec) -> bool {
    let words: Vec<&str> = spec.interpreter.split_whitespace().collect();
    !spec.files.is_empty() || script_needs_file(&words, &spec.script)
}

/// Whether the script must be a file: the same rule as for local commands.
fn script_needs_file(words: &[&str], script: &str) -> bool {
    !is_shell(words) || script.len() > MAX_SCRIPT_ARGUMENT_BYTES || script.starts_with(['-', '+'])
}

/// Whether the interpreter takes a script as `-c SCRIPT` the way a POSIX shell does.
fn is_shell(words: &[&str]) -> bool {
    const SHELLS: [&str; 6] = ["sh", "bash", "dash", "zsh", "ksh", "ash"];
    let base_name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let Some((first, rest)) = words.split_first() else { return false };
    let name = match base_name(first).as_str() {
        // `env` starts the first word that is neither an option nor an assignment.
        "env" => {
            rest.iter().find(|word| !word.starts_with('-') && !word.contains('=')).map_or(String::new(), |word| base_name(word))
        }
        name => name.to_owned(),
    };
    SHELLS.contains(&name.as_str())
}

fn validate(spec: &RemoteSpec) -> Result<(), SshError> {
    refuse_nul(spec.interpreter.as_bytes(), || "the interpreter".to_owned())?;
    refuse_nul(spec.script.as_bytes(), || "the script".to_owned())?;
    refuse_nul(spec.working_dir.as_deref().unwrap_or_default().as_bytes(), || "the working directory".to_owned())?;
    for (name, value) in &spec.env {
        validate_env_name(name)?;
        refuse_nul(bytes_of(value), || format!("environment variable `{name}`"))?;
    }
    for file in &spec.files {
        validate_env_name(&file.env)?;
        refuse_nul(file.contents.expose_secret().as_bytes(), || format!("the file for `{}`", file.env))?;
    }
    Ok(())
}

fn refuse_nul(bytes: &[u8], what: impl FnOnce() -> String) -> Result<(), SshError> {
    if bytes.contains(&0) {
        return Err(SshError::InvalidCommand(format!("{} contains a NUL byte", what())));
    }
    Ok(())
}

/// Only what a shell can export crosses over.
fn validate_env_name(name: &str) -> Result<(), SshError> {
    let fits = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with("_runbook_");
    if fits {
        return Ok(());
    }
    Err(SshError::InvalidCommand(format!("`{}` cannot be the name of an environment variable on a host", name.escape_debug())))
}

fn bytes_of(value: &EnvValue) -> &[u8] {
    match value {
        EnvValue::Plain(value) => value.as_bytes(),
        EnvValue::Secret(value) => value.expose_secret().as_bytes(),
    }
}

/// Shell text that is being written.
struct Text(Vec<u8>);

impl Text {
    fn add(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn line(&mut self, text: &str) {
        self.add(text).0.push(b'\n');
    }

    /// One word that stands for exactly these bytes.
    fn quoted(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.push(b'\'');
        for part in bytes.split_inclusive(|byte| *byte == b'\'') {
            match part.strip_suffix(b"'") {
                Some(before) => {
                    self.0.extend_from_slice(before);
                    self.0.extend_from_slice(br"'\''");
                }
                None => self.0.extend_from_slice(part),
            }
        }
        self.0.push(b'\'');
        self
    }
}

#[cfg(test)]
mod tests {
    use runner::SecretFile;

    use super::*;

    fn refusal(change: impl FnOnce(&mut RemoteSpec)) -> String {
        let mut spec = RemoteSpec::new("step", "sh", "true");
        change(&mut spec);
        shell_text(&spec, "n").expect_err("it must be refused").to_string()
    }

    #[test]
    fn what_cannot_cross_is_refused_and_named() {
        assert_eq!(refusal(|s| s.script = "a\0b".into()), "the script contains a NUL byte");
        assert_eq!(refusal(|s| s.interpreter = "s\0h".into()), "the interpreter contains a NUL byte");
        assert_eq!(refusal(|s| s.interpreter = "  ".into()), "no interpreter was named");
        assert_eq!(refusal(|s| s.working_dir = Some("/tmp\0".into())), "the working directory contains a NUL byte");
        assert_eq!(refusal(|s| s.env = vec![("A".into(), "\0".into())]), "environment variable `A` contains a NUL byte");
        assert_eq!(
            refusal(|s| s.files = vec![SecretFile { env: "KEY".into(), contents: "\0".into() }]),
            "the file for `KEY` contains a NUL byte"
        );
        for name in ["", "A=B", "A B", "A\nB", "1A", "A.B", "A-B", "$(id)", "é", "_runbook_dir"] {
            let expected = format!("`{}` cannot be the name of an environment variable on a host", name.escape_debug());
            assert_eq!(refusal(|s| s.env = vec![(name.into(), "x".into())]), expected);
        }
        for step in ["", "a b", "a;b", "$(id)", "a/b", "a@b", "a\nb", "ü"] {
            assert_eq!(refusal(|s| s.step = step.into()), format!("`{}` cannot mark a step", step.escape_debug()));
        }
    }

    #[test]
    fn a_word_stands_for_exactly_its_bytes() {
        for (bytes, expected) in [
            (&b""[..], "''"),
            (b"a b", "'a b'"),
            (b"it's", r"'it'\''s'"),
            (b"'", r"''\'''"),
            (b"''", r"''\'''\'''"),
            (b"$(id)\n`id`\\", "'$(id)\n`id`\\'"),
        ] {
            let mut text = Text(Vec::new());
            text.quoted(bytes);
            assert_eq!(String::from_utf8_lossy(&text.0), expected);
        }
    }

    #[test]
    fn a_script_is_an_argument_of_shells_only() {
        for (interpreter, script, expected) in [
            ("/bin/sh", "true", false),
            ("bash -eu", "true", false),
            ("/usr/bin/env A=b zsh -x", "true", false),
            ("/usr/bin/env python3", "pass", true),
            ("python3", "pass", true),
            ("env", "true", true),
            ("/bin/sh", "-x", true),
            ("/bin/sh", "+x", true),
        ] {
            let words: Vec<_> = interpreter.split_whitespace().collect();
            assert_eq!(script_needs_file(&words, script), expected, "{interpreter}");
        }
        assert!(script_needs_file(&["sh"], &"#".repeat(MAX_SCRIPT_ARGUMENT_BYTES + 1)));
    }

    #[test]
    fn the_words_of_the_shell_are_understood() {
        for (line, expected) in [
            ("begin 77", Some(Word::Begin { group: Some(77) })),
            ("begin", Some(Word::Begin { group: None })),
            ("begin 1", Some(Word::Begin { group: None })),
            ("failed dir", Some(Word::Failed(Failed::WorkingDir))),
            ("failed interpreter", Some(Word::Failed(Failed::Interpreter))),
            ("failed files", Some(Word::Failed(Failed::PrivateFiles))),
            ("failed", None),
            ("", None),
        ] {
            assert_eq!(Word::read(line), expected, "{line}");
        }
    }
}
