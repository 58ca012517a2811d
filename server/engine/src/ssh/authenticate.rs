//! Logs in on an open connection.

use std::sync::Arc;

use russh::{
    MethodKind, SendError, Signer,
    client::{AuthResult, Handle, KeyboardInteractiveAuthResponse},
    keys::{
        Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg,
        agent::AgentIdentity,
        signature::Signer as _,
        ssh_encoding::Encode,
        ssh_key::{self, Signature, private::KeypairData},
    },
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    Login, SshError, Target,
    client::Verifier,
    login::{OpenedKey, unhurried},
};

/// How many questions of a dialogue are answered with the password before it counts as refused.
const MAX_QUESTIONS: usize = 3;

/// Logs in, or says why not.
pub(super) async fn log_in(session: &mut Handle<Verifier>, target: &Target) -> Result<(), SshError> {
    let host = || target.name.clone();
    let protocol = |source| SshError::Protocol { host: host(), source };
    let login = target.login.clone();
    let opened = unhurried(move || login.open_key()).await.map_err(|source| SshError::Login { host: host(), source })?;
    let result = match (opened, &target.login) {
        (Some(opened), _) => by_key(session, target, opened).await?,
        (None, Login::Password(password)) => by_password(session, &target.user, password).await.map_err(protocol)?,
        (None, Login::Key { .. }) => unreachable!("a key is opened or refused"),
    };
    match result {
        AuthResult::Success => Ok(()),
        AuthResult::Failure { remaining_methods, partial_success } => {
            let methods: Vec<&str> = remaining_methods.iter().map(Into::into).collect();
            let detail = match (partial_success, methods.is_empty()) {
                (true, _) => format!(", asking for a second proof ({})", methods.join(", ")),
                (false, true) => String::new(),
                (false, false) => format!("; it takes {}", methods.join(", ")),
            };
            Err(refused(target, detail))
        }
    }
}

fn refused(target: &Target, detail: impl Into<String>) -> SshError {
    SshError::LoginRefused { host: target.name.clone(), user: target.user.clone(), detail: detail.into() }
}

async fn by_key(session: &mut Handle<Verifier>, target: &Target, opened: OpenedKey) -> Result<AuthResult, SshError> {
    let protocol = |source| SshError::Protocol { host: target.name.clone(), source };
    let OpenedKey { key, certificate } = opened;
    let hash = if key.algorithm().is_rsa() {
        // What the server does not tell it may still take: any of the last ten years does.
        match session.best_supported_rsa_hash().await.map_err(protocol)? {
            Some(None) => return Err(refused(target, ": for an RSA key it offers SHA-1 only, which is not safe")),
            Some(hash) => hash,
            None => Some(HashAlg::Sha512),
        }
    } else {
        None
    };
    match certificate {
        None => {
            let key = PrivateKeyWithHashAlg::new(key, hash);
            session.authenticate_publickey(&target.user, key).await.map_err(protocol)
        }
        Some(certificate) => {
            let mut signer = KeySigner(key);
            let result = session.authenticate_certificate_with(&target.user, certificate, hash, &mut signer).await;
            result.map_err(|SigningFailed(source)| protocol(source))
        }
    }
}

async fn by_password(session: &mut Handle<Verifier>, user: &str, password: &SecretString) -> Result<AuthResult, russh::Error> {
    let result = session.authenticate_password(user, password.expose_secret()).await?;
    match &result {
        AuthResult::Failure { remaining_methods, partial_success: false }
            if remaining_methods.contains(&MethodKind::KeyboardInteractive) =>
        {
            by_dialogue(session, user, password).await
        }
        _ => Ok(result),
    }
}

/// Many servers ask for the password by dialogue alone (PAM). Only a question whose answer is hidden gets it.
async fn by_dialogue(session: &mut Handle<Verifier>, user: &str, password: &SecretString) -> Result<AuthResult, russh::Error> {
    let mut asked = 0;
    let mut answer = session.authenticate_keyboard_interactive_start(user, None::<String>).await?;
    loop {
        match answer {
            KeyboardInteractiveAuthResponse::Success => return Ok(AuthResult::Success),
            KeyboardInteractiveAuthResponse::Failure { remaining_methods, partial_success } => {
                return Ok(AuthResult::Failure { remaining_methods, partial_success });
            }
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => {
                asked += prompts.len();
                if asked > MAX_QUESTIONS || prompts.iter().any(|prompt| prompt.echo) {
                    return Ok(AuthResult::Failure {
                        remaining_methods: [MethodKind::KeyboardInteractive].as_slice().into(),
                        partial_success: false,
                    });
                }
                let answers = prompts.iter().map(|_| password.expose_secret().to_owned()).collect();
                answer = session.authenticate_keyboard_interactive_respond(answers).await?;
            }
        }
    }
}

/// Signs for a certificate. The library would sign for one of an RSA key with SHA-1.
struct KeySigner(Arc<PrivateKey>);

/// The key could not sign, or the connection is gone.
struct SigningFailed(russh::Error);

impl From<SendError> for SigningFailed {
    fn from(_: SendError) -> Self {
        Self(russh::Error::SendError)
    }
}

impl Signer for KeySigner {
    type Error = SigningFailed;

    /// Gives what was to be signed with the signature behind it.
    async fn auth_sign(&mut self, _: &AgentIdentity, hash: Option<HashAlg>, to_sign: Vec<u8>) -> Result<Vec<u8>, SigningFailed> {
        let sign = || -> Result<Vec<u8>, ssh_key::Error> {
            let signature: Signature = match self.0.key_data() {
                KeypairData::Rsa(key) => (key, hash).try_sign(&to_sign)?,
                _ => self.0.try_sign(&to_sign)?,
            };
            debug_assert_ne!(signature.algorithm(), Algorithm::Rsa { hash: None });
            let mut blob = Vec::new();
            signature.encode(&mut blob)?;
            let mut signed = to_sign.clone();
            blob.encode(&mut signed)?;
            Ok(signed)
        };
        sign().map_err(|error| SigningFailed(error.into()))
    }
}
