//! A machine to connect to, and names that must not be.

use super::{HostKey, Login, SshError};

/// A machine to connect to, as whom, and by which key it proves itself. `Debug` never prints a secret.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The name people gave it; what messages call it.
    pub(crate) name: String,
    /// A name or an IP address.
    pub(crate) address: String,
    /// Usually 22.
    pub(crate) port: u16,
    /// The user to log in as.
    pub(crate) user: String,
    /// How to log in.
    pub(crate) login: Login,
    /// The pinned key. Without one only [`scan`](super::scan) and [`check`](super::check) talk to the host.
    pub(crate) host_key: Option<HostKey>,
}

impl Target {
    /// Refuses what some tool could take for an option or for two lines.
    pub(super) fn validate(&self) -> Result<(), SshError> {
        let refused = |what| move |why| SshError::InvalidTarget { host: self.name.clone(), what, why };
        check_name(&self.address).map_err(refused("address"))?;
        check_name(&self.user).map_err(refused("user"))
    }

    /// Whether a connection to `other` serves this one too.
    pub(super) fn is_same_place(&self, other: &Self) -> bool {
        (&self.address, self.port, &self.user, &self.host_key) == (&other.address, other.port, &other.user, &other.host_key)
    }
}

/// What is wrong with an address or a user, if anything.
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("is empty");
    }
    if name.len() > 255 {
        return Err("is too long");
    }
    if name.starts_with('-') {
        return Err("begins with a dash");
    }
    if name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("holds a space, a line break or a control character");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_refused() {
        for (name, expected) in [
            ("web-1.example.org", Ok(())),
            ("::1", Ok(())),
            ("deploy", Ok(())),
            ("DOMAIN\\user", Ok(())),
            ("", Err("is empty")),
            ("-oProxyCommand=id", Err("begins with a dash")),
            ("web\0", Err("holds a space, a line break or a control character")),
            ("web\nother", Err("holds a space, a line break or a control character")),
            ("web other", Err("holds a space, a line break or a control character")),
            ("web\u{2028}", Err("holds a space, a line break or a control character")),
        ] {
            assert_eq!(check_name(name), expected, "{name:?}");
        }
        assert_eq!(check_name(&"a".repeat(256)), Err("is too long"));
    }
}
