//! A [`ProcessSpec`] as it crosses the socket, the one place where its secrets are written out.

use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt, OsStringExt},
};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use crate::{EnvValue, ProcessSpec, SecretFile};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireSpec {
    step: String,
    interpreter: String,
    args: Vec<String>,
    script: String,
    working_dir: Option<Text>,
    env: Vec<(String, Value)>,
    files: Vec<(String, Exposed)>,
    output_head: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Value {
    Plain(Text),
    Secret(Exposed),
}

/// Text that is nearly always UTF-8.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Text {
    Utf8(String),
    Bytes(Vec<u8>),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Exposed(#[serde(serialize_with = "expose")] SecretString);

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

impl From<OsString> for Text {
    fn from(text: OsString) -> Self {
        text.into_string().map_or_else(|text| Self::Bytes(text.as_bytes().to_vec()), Self::Utf8)
    }
}

impl From<Text> for OsString {
    fn from(text: Text) -> Self {
        match text {
            Text::Utf8(text) => text.into(),
            Text::Bytes(bytes) => Self::from_vec(bytes),
        }
    }
}

impl From<ProcessSpec> for WireSpec {
    fn from(spec: ProcessSpec) -> Self {
        let value = |value| match value {
            EnvValue::Plain(text) => Value::Plain(text.into()),
            EnvValue::Secret(secret) => Value::Secret(Exposed(secret)),
        };
        Self {
            step: spec.step,
            interpreter: spec.interpreter,
            args: spec.args,
            script: spec.script,
            working_dir: spec.working_dir.map(|dir| dir.into_os_string().into()),
            env: spec.env.into_iter().map(|(name, given)| (name, value(given))).collect(),
            files: spec.files.into_iter().map(|file| (file.env, Exposed(file.contents))).collect(),
            output_head: spec.output_head,
        }
    }
}

impl From<WireSpec> for ProcessSpec {
    fn from(spec: WireSpec) -> Self {
        let value = |value| match value {
            Value::Plain(text) => EnvValue::Plain(text.into()),
            Value::Secret(Exposed(secret)) => EnvValue::Secret(secret),
        };
        Self {
            step: spec.step,
            interpreter: spec.interpreter,
            args: spec.args,
            script: spec.script,
            working_dir: spec.working_dir.map(|dir| OsString::from(dir).into()),
            env: spec.env.into_iter().map(|(name, given)| (name, value(given))).collect(),
            files: spec.files.into_iter().map(|(env, Exposed(contents))| SecretFile { env, contents }).collect(),
            output_head: spec.output_head,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> ProcessSpec {
        let mut spec = ProcessSpec::new("step", "sh -e", "echo 'é'\n");
        spec.args = vec!["-x".into()];
        spec.working_dir = Some(OsString::from_vec(b"/tmp/\xff".to_vec()).into());
        spec.env = vec![
            ("PLAIN".into(), OsString::from_vec(b"\xff\xfe".to_vec()).into()),
            ("TOKEN".into(), SecretString::from("hunter2").into()),
        ];
        spec.files = vec![SecretFile { env: "KEY".into(), contents: "hunter3".into() }];
        spec.output_head = Some(7);
        spec
    }

    #[test]
    fn a_spec_crosses_whole() {
        let sent = serde_json::to_vec(&WireSpec::from(spec())).expect("written");
        let found: ProcessSpec = serde_json::from_slice::<WireSpec>(&sent).expect("read").into();
        assert_eq!(format!("{found:?}"), format!("{:?}", spec()));
        assert_eq!(found.env[1].1.as_bytes(), b"hunter2");
        assert_eq!(found.files[0].contents.expose_secret(), "hunter3");
    }

    #[test]
    fn debug_never_prints_a_secret() {
        let shown = format!("{:?}", crate::protocol::Request::Spawn(spec().into()));
        assert!(shown.contains("TOKEN") && !shown.contains("hunter"), "{shown}");
    }
}
