//! The settings: defaults, then a TOML file, then `STUDIO_*`, then flags, each overriding the one before.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::{Permission, Role, Seconds, SetValue};
use engine::Egress;
use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use ipnet::IpNet;
use secrecy::SecretString;
use serde::Deserialize;
use service::{Fixed, Retention, Settings, Signup};

use crate::cli::Options;
use crate::http::tls::TlsFiles;

/// The settings file that is read from the data folder where there is one.
const FILE_NAME: &str = "runbook-studio.toml";

/// Everything that can be set, read and checked.
#[derive(Debug)]
pub struct Config {
    /// Where to listen.
    pub addr: SocketAddr,
    /// Whether others than this machine reach the server: by its address, through a proxy or by a name of its own.
    pub is_public: bool,
    /// The folder that holds everything that must be kept.
    pub data_dir: PathBuf,
    /// The settings file that `--config` or `STUDIO_CONFIG` names.
    pub file: Option<PathBuf>,
    /// The database; `None` for the embedded one in the data folder.
    pub db: Option<String>,
    /// Root user and password of a database server.
    pub db_login: Option<(String, SecretString)>,
    /// The file with the keys to the stored secrets; `None` for the one in the data folder.
    pub age_identity_file: Option<PathBuf>,
    /// Who may make an account.
    pub signup: Signup,
    /// The user that local commands run as; `None` for the server's own.
    pub run_as: Option<String>,
    /// The certificate to speak https with.
    pub tls: Option<TlsFiles>,
    /// The networks of proxies that are believed about who the client is.
    pub trusted_proxies: Vec<IpNet>,
    /// The names that the server is asked by, beside addresses and `localhost`; empty where nothing is said.
    pub hosts: Vec<String>,
    /// Which addresses API calls may go to.
    pub egress: Egress,
    /// The folder of the runner; `None` for one in the data folder.
    pub runner_dir: Option<PathBuf>,
    /// How long old data is kept.
    pub retention: Retention,
    /// What sets that, where it is not the default.
    pub fixed: Fixed,
    /// How much output of one step is kept, in bytes.
    pub output_cap: u64,
    /// How long a browser stays signed in while nobody uses it.
    pub session_idle: Duration,
    /// How long it stays signed in at most.
    pub session_absolute: Duration,
    /// What administrators are shown: names, values and where they came from.
    pub shown: Vec<SetValue>,
    /// How logs look.
    pub log_format: LogFormat,
    /// What is logged, in the language of `RUST_LOG`.
    pub log: Option<String>,
}

/// How logs look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people on a terminal, JSON otherwise.
    Auto,
    /// Lines for people.
    Human,
    /// One JSON object a line.
    Json,
}

/// A setting that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value that means nothing, or an unknown key.
    #[error("{setting} is “{value}” ({origin}): {hint}")]
    Value {
        /// Which setting.
        setting: &'static str,
        /// What it was given.
        value: String,
        /// Where that came from.
        origin: String,
        /// What would be right.
        hint: String,
    },
    /// The settings could not be read.
    #[error(transparent)]
    Read(#[from] Box<figment::Error>),
    /// `--config` names a file that is not there.
    #[error("config is “{}” ({origin}): there is no such file", path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
        /// Where the name came from.
        origin: &'static str,
    },
}

/// How much output of a step is kept where nobody says, and what may be said, in mebibytes.
const DEFAULT_OUTPUT_MIB: u32 = 64;
const OUTPUT_MIB: RangeInclusive<u32> = 1..=4096;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    addr: String,
    data_dir: PathBuf,
    db: Option<String>,
    db_user: Option<String>,
    db_password: Option<SecretString>,
    age_identity_file: Option<PathBuf>,
    signup: Option<String>,
    run_as: Option<String>,
    runner_dir: Option<PathBuf>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    trusted_proxies: Option<String>,
    hosts: Option<String>,
    egress_private: Option<String>,
    egress_allow: Option<String>,
    audit_days: Option<Whole>,
    output_days: Option<Whole>,
    output_mib: Option<Whole>,
    session_idle: Option<Span>,
    session_absolute: Option<Span>,
    log_format: Option<String>,
    log: Option<String>,
}

/// A whole number: a number in the file, a text elsewhere.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Whole {
    Number(u32),
    Text(String),
}

impl Whole {
    fn read(number: Option<Self>, default: u32) -> Result<u32, String> {
        match number {
            None => Ok(default),
            Some(Self::Number(number)) => Ok(number),
            Some(Self::Text(text)) => text.trim().parse().map_err(|_| text),
        }
    }
}

/// A length of time: seconds as a number, or a text such as `12h`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Span {
    Number(u32),
    Text(String),
}

impl Span {
    /// The length where it lies within the bounds, else what was given.
    fn read(span: Option<Self>, default: Duration, bounds: RangeInclusive<Duration>) -> Result<Duration, String> {
        let text = match span {
            None => return Ok(default),
            Some(Self::Number(seconds)) => seconds.to_string(),
            Some(Self::Text(text)) => text,
        };
        Seconds::parse(&text).map(Seconds::to_std).filter(|span| bounds.contains(span)).ok_or(text)
    }
}

impl Config {
    /// Reads the settings from everywhere.
    ///
    /// # Errors
    /// The first wrong one: its name, its value and where it was set.
    pub fn load(flags: &Options) -> Result<Self, ConfigError> {
        let environment = std::env::vars().filter_map(|(name, value)| {
            let key = name.strip_prefix("STUDIO_")?.to_ascii_lowercase();
            (!["config", "api_key"].contains(&key.as_str())).then_some((key, value))
        });
        let named = match (&flags.config, std::env::var_os("STUDIO_CONFIG")) {
            (Some(path), _) => Some((path.clone(), "flag --config")),
            (None, Some(path)) => Some((path.into(), "environment variable STUDIO_CONFIG")),
            (None, None) => None,
        };
        Self::from_layers(flags, environment.collect(), named)
    }

    fn from_layers(
        flags: &Options,
        environment: Vec<(String, String)>,
        named: Option<(PathBuf, &'static str)>,
    ) -> Result<Self, ConfigError> {
        let defaults = layer("default", [("addr", "127.0.0.1:3000"), ("data_dir", "./data")].map(own));
        let environment = Layer { origin: Origin::Environment, values: environment };
        let flags = layer_of(flags);

        let named_file = named.as_ref().map(|(path, _)| path.clone());
        let file = if let Some((path, origin)) = named {
            if !path.is_file() {
                return Err(ConfigError::NoFile { path, origin });
            }
            path
        } else {
            let data_dir = Figment::from(&defaults).merge(&environment).merge(&flags).extract_inner::<PathBuf>("data_dir");
            data_dir.map_err(Box::new)?.join(FILE_NAME)
        };
        let mut figment = Figment::from(&defaults);
        if file.is_file() {
            figment = figment.merge(Toml::file_exact(file));
        }
        let figment = figment.merge(&environment).merge(&flags);
        let raw: Raw = figment.extract().map_err(Box::new)?;
        Ok(Self { file: named_file, ..Self::check(raw, &figment)? })
    }

    fn check(raw: Raw, figment: &Figment) -> Result<Self, ConfigError> {
        let wrong = |setting: &'static str, value: &str, hint: &str| ConfigError::Value {
            setting,
            value: value.to_owned(),
            origin: origin(figment, setting),
            hint: hint.to_owned(),
        };
        let addr = raw
            .addr
            .to_socket_addrs()
            .ok()
            .and_then(|mut found| found.next())
            .ok_or_else(|| wrong("addr", &raw.addr, "an address is HOST:PORT, such as 127.0.0.1:3000 or [::1]:3000"))?;
        let private_from = match raw.egress_private.as_deref() {
            None => Egress::default().private_from,
            Some("nobody") => None,
            Some(text) => Some(
                (text.parse::<Role>().ok().filter(|role| role.may(Permission::Execute)))
                    .ok_or_else(|| wrong("egress_private", text, "it is developer, sre, admin or nobody"))?,
            ),
        };
        let networks = |setting: &'static str, texts: &Option<String>| -> Result<Vec<IpNet>, ConfigError> {
            let texts = texts.iter().flat_map(|text| text.split([',', ' '])).filter(|text| !text.is_empty());
            // An address alone is a network of one.
            let network = |text: &str| text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            let hint = "it lists networks with commas between them, such as 10.1.0.0/16, 192.168.7.5";
            texts.map(|text| network(text).map_err(|_| wrong(setting, text, hint))).collect()
        };
        let allowed = networks("egress_allow", &raw.egress_allow)?;
        let trusted_proxies = networks("trusted_proxies", &raw.trusted_proxies)?;
        let hosts = raw.hosts.iter().flat_map(|text| text.split([',', ' '])).filter(|text| !text.is_empty()).map(|text| {
            let hint = "it lists names without scheme and port, with commas between them, such as runbooks.example, studio.lan";
            host_name(text).ok_or_else(|| wrong("hosts", text, hint))
        });
        let hosts = hosts.collect::<Result<Vec<_>, _>>()?;
        // Whoever sets a proxy or a name up has others come, though the server itself listens for its own machine alone.
        let is_public = !addr.ip().to_canonical().is_loopback() || !trusted_proxies.is_empty() || !hosts.is_empty();
        let signup = match raw.signup.as_deref() {
            None if !is_public => Signup::Open,
            Some("open") => Signup::Open,
            None | Some("closed") => Signup::Closed,
            Some(other) => return Err(wrong("signup", other, "it is open or closed")),
        };
        let tls = match (raw.tls_cert, raw.tls_key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (Some(path), None) => {
                return Err(wrong("tls_cert", &path.display().to_string(), "a certificate needs its key: set tls_key too"));
            }
            (None, Some(path)) => {
                return Err(wrong("tls_key", &path.display().to_string(), "a key needs its certificate: set tls_cert too"));
            }
        };
        let days = "it is a number of days, 0 for ever";
        let kept = Retention::default();
        let retention = Retention {
            audit_days: Whole::read(raw.audit_days, kept.audit_days).map_err(|text| wrong("audit_days", &text, days))?,
            output_days: Whole::read(raw.output_days, kept.output_days).map_err(|text| wrong("output_days", &text, days))?,
        };
        let output_cap = Whole::read(raw.output_mib, DEFAULT_OUTPUT_MIB)
            .and_then(|mib| if OUTPUT_MIB.contains(&mib) { Ok(u64::from(mib) << 20) } else { Err(mib.to_string()) })
            .map_err(|text| wrong("output_mib", &text, "it is a whole number of mebibytes from 1 to 4096, such as 64"))?;
        let usual = Settings::default();
        let longest = Duration::from_secs(30 * 24 * 60 * 60);
        let session_idle = Span::read(raw.session_idle, usual.session_idle, Duration::from_secs(300)..=longest)
            .map_err(|text| wrong("session_idle", &text, "it is a length of time from 5m to 30d, such as 12h"))?;
        let session_absolute = Span::read(raw.session_absolute, usual.session_lifetime, Duration::from_secs(900)..=longest)
            .map_err(|text| wrong("session_absolute", &text, "it is a length of time from 15m to 30d, such as 7d"))?;
        if session_absolute < session_idle {
            let hint = "nobody stays signed in for longer than session_absolute: make that longer, or this shorter";
            return Err(wrong("session_idle", &spoken(session_idle), hint));
        }
        let set_by = |setting: &str| Some(origin(figment, setting)).filter(|origin| origin != "default");
        let fixed = Fixed { audit_days: set_by("audit_days"), output_days: set_by("output_days") };
        let listed = |networks: &[IpNet]| networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let path = |path: Option<&PathBuf>| path.map_or_else(|| "none".to_owned(), |path| path.display().to_string());
        let shown = [
            ("addr", addr.to_string()),
            ("data_dir", raw.data_dir.display().to_string()),
            (
                "signup",
                match signup {
                    Signup::Open => "open",
                    Signup::Closed => "closed",
                }
                .to_owned(),
            ),
            ("output_mib", (output_cap >> 20).to_string()),
            ("session_idle", spoken(session_idle)),
            ("session_absolute", spoken(session_absolute)),
            ("egress_private", private_from.map_or_else(|| "nobody".to_owned(), |role| format!("{role} and above"))),
            ("egress_allow", listed(&allowed)),
            ("tls_cert", path(tls.as_ref().map(|tls| &tls.certificate))),
            ("tls_key", path(tls.as_ref().map(|tls| &tls.key))),
            ("trusted_proxies", listed(&trusted_proxies)),
            ("hosts", hosts.join(", ")),
            (
                "age_identity_file",
                raw.age_identity_file
                    .as_ref()
                    .map_or_else(|| "identity.age in the data folder".to_owned(), |file| file.display().to_string()),
            ),
            ("run_as", raw.run_as.clone().unwrap_or_else(|| "the server's own user".to_owned())),
        ];
        let shown = shown.map(|(name, value)| SetValue {
            name: name.to_owned(),
            value: if value.is_empty() { "none".to_owned() } else { value },
            set_by: origin(figment, name),
        });
        let log_format = match raw.log_format.as_deref() {
            None | Some("auto") => LogFormat::Auto,
            Some("human") => LogFormat::Human,
            Some("json") => LogFormat::Json,
            Some(other) => return Err(wrong("log_format", other, "it is auto, human or json")),
        };
        if let Some(db) = &raw.db
            && !["mem://", "surrealkv://", "ws://", "wss://"].iter().any(|scheme| db.starts_with(scheme))
        {
            return Err(wrong("db", db, "a database is surrealkv://FOLDER, ws://HOST:PORT, wss://HOST:PORT or mem://"));
        }
        if raw.data_dir.as_os_str().is_empty() {
            return Err(wrong("data_dir", "", "it names a folder"));
        }
        Ok(Self {
            addr,
            is_public,
            data_dir: raw.data_dir,
            file: None,
            db: raw.db,
            db_login: raw.db_user.zip(raw.db_password),
            age_identity_file: raw.age_identity_file,
            signup,
            run_as: raw.run_as,
            tls,
            trusted_proxies,
            hosts,
            egress: Egress { private_from, allowed },
            runner_dir: raw.runner_dir,
            retention,
            fixed,
            output_cap,
            session_idle,
            session_absolute,
            shown: shown.into(),
            log_format,
            log: raw.log,
        })
    }
}

/// A name of a host as it is compared: in small letters, without the dot that ends a full name.
fn host_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    name.split('.').all(is_label).then_some(name)
}

/// A length of time as settings write it: `12h`.
fn spoken(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let unit = units.into_iter().find(|(length, _)| seconds.is_multiple_of(*length) && seconds > 0);
    unit.map_or_else(|| format!("{seconds}s"), |(length, unit)| format!("{}{unit}", seconds / length))
}

/// Where a setting was set, for people.
fn origin(figment: &Figment, setting: &str) -> String {
    let Some(metadata) = figment.find_metadata(setting) else { return "default".to_owned() };
    match metadata.name.as_ref() {
        "environment" => format!("environment variable STUDIO_{}", setting.to_uppercase()),
        "command line" => format!("flag --{}", setting.replace('_', "-")),
        "default" => "default".to_owned(),
        _ => metadata.source.as_ref().map_or_else(|| metadata.name.to_string(), |source| format!("file {source}")),
    }
}

enum Origin {
    Default,
    Environment,
    CommandLine,
}

/// A source whose values are all texts: a password of digits stays a text.
struct Layer {
    origin: Origin,
    values: Vec<(String, String)>,
}

fn own((key, value): (&str, &str)) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

fn layer<const N: usize>(_: &str, values: [(String, String); N]) -> Layer {
    Layer { origin: Origin::Default, values: values.into() }
}

fn layer_of(flags: &Options) -> Layer {
    let path = |path: &Option<PathBuf>| path.as_deref().map(Path::to_string_lossy).map(String::from);
    let values = [
        ("addr", flags.addr.clone()),
        ("data_dir", path(&flags.data_dir)),
        ("db", flags.db.clone()),
        ("age_identity_file", path(&flags.age_identity_file)),
        ("signup", flags.signup.clone()),
        ("run_as", flags.run_as.clone()),
        ("runner_dir", path(&flags.runner_dir)),
        ("tls_cert", path(&flags.tls_cert)),
        ("tls_key", path(&flags.tls_key)),
        ("trusted_proxies", flags.trusted_proxies.clone()),
        ("hosts", flags.hosts.clone()),
        ("egress_private", flags.egress_private.clone()),
        ("egress_allow", flags.egress_allow.clone()),
        ("audit_days", flags.audit_days.clone()),
        ("output_days", flags.output_days.clone()),
        ("output_mib", flags.output_mib.clone()),
        ("session_idle", flags.session_idle.clone()),
        ("session_absolute", flags.session_absolute.clone()),
        ("log_format", flags.log_format.clone()),
        ("log", flags.log.clone()),
    ];
    let values = values.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    Layer { origin: Origin::CommandLine, values }
}

impl Provider for &Layer {
    fn metadata(&self) -> Metadata {
        match self.origin {
            Origin::Default => Metadata::named("default"),
            Origin::Environment => {
                Metadata::named("environment").interpolater(|_, keys| format!("STUDIO_{}", keys.join("_").to_uppercase()))
            }
            Origin::CommandLine => {
                Metadata::named("command line").interpolater(|_, keys| format!("--{}", keys.join("-").replace('_', "-")))
            }
        }
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        let values = self.values.iter().map(|(key, value)| (key.clone(), Value::from(value.clone())));
        Ok(Map::from([(Profile::Default, values.collect())]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(flags: &Options, environment: &[(&str, &str)], file: Option<&str>) -> Result<Config, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("settings.toml");
        let named = file.map(|text| {
            std::fs::write(&path, text).expect("a file");
            (path.clone(), "flag --config")
        });
        Config::from_layers(flags, environment.iter().copied().map(own).collect(), named).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let flags = Options { addr: Some("127.0.0.1:3".to_owned()), ..Options::default() };
        let file = Some("addr = \"127.0.0.1:1\"\nsignup = \"closed\"\ndb = \"mem://\"");
        let config = load(&flags, &[("addr", "127.0.0.1:2"), ("signup", "open")], file).expect("good settings");
        assert_eq!((config.addr.port(), config.signup), (3, Signup::Open));
        assert_eq!(config.db.as_deref(), Some("mem://"));
    }

    #[test]
    fn old_data_is_kept_as_long_as_is_said() {
        let days = |config: Config| (config.retention.audit_days, config.retention.output_days);
        assert_eq!(days(load(&Options::default(), &[], None).expect("the defaults")), (365, 90));
        let flags = Options { output_days: Some("0".to_owned()), ..Options::default() };
        let config = load(&flags, &[("audit_days", "30")], Some("audit_days = 1\noutput_days = 7"));
        assert_eq!(days(config.expect("good settings")), (30, 0));
    }

    #[test]
    fn sessions_last_as_long_as_is_said_within_bounds() {
        let spans = |config: Config| (spoken(config.session_idle), spoken(config.session_absolute));
        assert_eq!(spans(load(&Options::default(), &[], None).expect("the defaults")), ("12h".to_owned(), "7d".to_owned()));
        let said = load(&Options::default(), &[("session_idle", "30m")], Some("session_absolute = 3600"));
        assert_eq!(spans(said.expect("good settings")), ("30m".to_owned(), "1h".to_owned()));
    }

    #[test]
    fn what_is_shown_says_where_it_came_from() {
        let config = load(&Options::default(), &[("audit_days", "30"), ("session_idle", "1h")], None).expect("good settings");
        assert_eq!(config.fixed.audit_days.as_deref(), Some("environment variable STUDIO_AUDIT_DAYS"));
        assert_eq!(config.fixed.output_days, None);
        let shown =
            |name: &str| config.shown.iter().find(|set| set.name == name).map(|set| (set.value.as_str(), set.set_by.as_str()));
        assert_eq!(shown("session_idle"), Some(("1h", "environment variable STUDIO_SESSION_IDLE")));
        assert_eq!(shown("tls_cert"), Some(("none", "default")));
    }

    #[test]
    fn signup_is_closed_where_others_reach_the_server() {
        for (environment, is_public) in [
            (&[][..], false),
            (&[("addr", "[::1]:3000")], false),
            (&[("addr", "0.0.0.0:3000")], true),
            (&[("trusted_proxies", "127.0.0.1")], true),
            (&[("hosts", "runbooks.example")], true),
        ] {
            let config = load(&Options::default(), environment, None).expect("good settings");
            let expected = if is_public { Signup::Closed } else { Signup::Open };
            assert_eq!((config.is_public, config.signup), (is_public, expected), "{environment:?}");
        }
        let said = load(&Options::default(), &[("trusted_proxies", "127.0.0.1"), ("signup", "open")], None);
        assert_eq!(said.expect("good settings").signup, Signup::Open);
    }

    #[test]
    fn names_of_the_server_are_compared_in_small_letters() {
        let config = load(&Options::default(), &[], Some("hosts = \"Runbooks.Example., studio.lan\"")).expect("good settings");
        assert_eq!(config.hosts, ["runbooks.example", "studio.lan"]);
    }

    #[test]
    fn private_networks_are_an_sres_unless_it_is_said_otherwise() {
        let egress = |environment: &[(&str, &str)]| load(&Options::default(), environment, None).expect("good settings").egress;
        assert_eq!(egress(&[]), Egress::default());
        let said = egress(&[("egress_private", "nobody"), ("egress_allow", "10.1.0.0/16, fd00::/8,192.168.7.5")]);
        assert_eq!((said.private_from, said.allowed.len()), (None, 3));
        assert_eq!(said.allowed[2].to_string(), "192.168.7.5/32");
    }

    #[test]
    fn a_wrong_setting_is_named_with_value_and_source() {
        for (environment, file, parts) in [
            (&[("addr", "nonsense")][..], None, &["addr", "nonsense", "STUDIO_ADDR"][..]),
            (&[("signup", "maybe")], None, &["signup", "maybe", "STUDIO_SIGNUP"]),
            (&[("egress_private", "viewer")], None, &["egress_private", "viewer", "STUDIO_EGRESS_PRIVATE"]),
            (&[("egress_allow", "10.0.0.0/8, 10.0.0.0/33")], None, &["egress_allow", "10.0.0.0/33", "STUDIO_EGRESS_ALLOW"]),
            (&[("tls_key", "key.pem")], None, &["tls_key", "key.pem", "STUDIO_TLS_KEY", "tls_cert"]),
            (&[("trusted_proxies", "proxy")], None, &["trusted_proxies", "proxy", "STUDIO_TRUSTED_PROXIES"]),
            (&[("hosts", "studio.lan, https://runbooks.example")], None, &["hosts", "https://runbooks.example", "STUDIO_HOSTS"]),
            (&[("hosts", "studio.lan:3000")], None, &["hosts", "studio.lan:3000", "port"]),
            (&[("audit_days", "a year")], None, &["audit_days", "a year", "STUDIO_AUDIT_DAYS"]),
            (&[("output_mib", "0")], None, &["output_mib", "0", "STUDIO_OUTPUT_MIB", "1 to 4096"]),
            (&[("session_idle", "1m")], None, &["session_idle", "1m", "STUDIO_SESSION_IDLE"]),
            (&[("session_absolute", "31d")], None, &["session_absolute", "31d", "STUDIO_SESSION_ABSOLUTE"]),
            (&[("session_idle", "2h"), ("session_absolute", "1h")], None, &["session_idle", "2h", "session_absolute"]),
            (&[], Some("output_days = -1"), &["output_days", "settings.toml"]),
            (&[("adress", "x")], None, &["adress", "environment"]),
            (&[], Some("log_format = \"xml\""), &["log_format", "xml", "settings.toml"]),
            (&[], Some("colour = 1"), &["colour", "settings.toml"]),
            (&[], Some("addr = 3000"), &["addr", "3000", "settings.toml"]),
        ] {
            let message = load(&Options::default(), environment, file).expect_err("a wrong setting");
            for part in parts {
                assert!(message.contains(part), "{part:?} is not in {message:?}");
            }
        }
    }

    #[test]
    fn a_password_of_digits_is_a_text() {
        let config = load(&Options::default(), &[("db_user", "root"), ("db_password", "12345")], None);
        assert!(config.expect("good settings").db_login.is_some());
    }
}
