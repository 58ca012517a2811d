//! API call: one HTTP request.

use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::Value;

use super::{Capture, CaptureFrom, captures, check_length};
use crate::parse::{Object, clip, integer};
use crate::{CredentialId, Faults};

/// The header that carries a credential where none is named.
pub const DEFAULT_AUTH_HEADER: &str = "Authorization";

/// The longest address, in bytes.
pub const MAX_URL: usize = 8_192;

/// One HTTP request and what counts as success.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ApiBlock {
    /// The method.
    pub method: Method,
    /// The address; http or https.
    pub url: String,
    /// Extra headers.
    pub headers: Vec<(String, String)>,
    /// The body: a text as it is, anything else as JSON.
    pub body: Option<Value>,
    /// The stored credential that is sent along.
    pub credential_id: Option<CredentialId>,
    /// How it is sent.
    pub auth: ApiAuth,
    /// The header for it; `Authorization` where none is named.
    pub auth_header_name: Option<String>,
    /// Status codes that count as success; any 2xx where there are none.
    pub expected_status: Vec<u16>,
    /// Values to take from the answer.
    pub capture: Vec<Capture>,
}

/// An HTTP method (RFC 9110, RFC 5789).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// GET
    #[default]
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
    /// OPTIONS
    Options,
}

/// How a credential is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ApiAuth {
    /// `Bearer <secret>`
    #[default]
    Bearer,
    /// `Basic <base64>` of a secret `user:password`
    Basic,
    /// The bare secret
    Header,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 7] = [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::Options];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }
}

impl ApiBlock {
    pub(super) fn parse(config: &mut Object<'_>, faults: &mut Faults) -> Self {
        let method = method(config, faults);
        let url = url(config, "url", faults);
        let headers = config.texts("headers", faults);
        for (name, value) in &headers {
            check_header(config.at("headers"), name, value, faults);
        }
        let body = config.value("body").cloned();
        if let Some(body) = &body {
            check_length(config.at("body"), &body.to_string(), faults);
        }
        let credential_id = config.text("credential_id", faults).filter(|id| !id.is_empty()).and_then(|text| {
            text.parse().map_err(|error: crate::ids::InvalidId| faults.push(config.at("credential_id"), error.to_string())).ok()
        });
        let words = [("bearer", ApiAuth::Bearer), ("basic", ApiAuth::Basic), ("header", ApiAuth::Header)];
        let auth = config.word("auth", &words, faults).unwrap_or_default();
        let auth_header_name = config.text("auth_header_name", faults).filter(|name| !name.is_empty());
        if let Some(name) = &auth_header_name {
            check_header(config.at("auth_header_name"), name, "", faults);
        }
        let expected_status = statuses(config, faults);
        let places = [("body", CaptureFrom::Body), ("status", CaptureFrom::Status), ("header", CaptureFrom::Header)];
        let capture = captures(config, &places, faults);
        Self { method, url, headers, body, credential_id, auth, auth_header_name, expected_status, capture }
    }

    /// Whether a status code counts as success.
    #[must_use]
    pub fn expects(&self, status: u16) -> bool {
        if self.expected_status.is_empty() { (200..300).contains(&status) } else { self.expected_status.contains(&status) }
    }
}

impl Serialize for ApiBlock {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("method", self.method.as_str())?;
        map.serialize_entry("url", &self.url)?;
        if !self.headers.is_empty() {
            map.serialize_entry("headers", &pairs(&self.headers))?;
        }
        if let Some(body) = &self.body {
            map.serialize_entry("body", body)?;
        }
        if let Some(id) = &self.credential_id {
            map.serialize_entry("credential_id", id)?;
            map.serialize_entry("auth", &self.auth)?;
        }
        if let Some(name) = &self.auth_header_name {
            map.serialize_entry("auth_header_name", name)?;
        }
        if !self.expected_status.is_empty() {
            map.serialize_entry("expected_status", &self.expected_status)?;
        }
        if !self.capture.is_empty() {
            map.serialize_entry("capture", &self.capture)?;
        }
        map.end()
    }
}

/// Pairs as a JSON object that keeps their order.
pub(super) fn pairs(pairs: &[(String, String)]) -> serde_json::Map<String, Value> {
    pairs.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
}

/// Reads an address. One that holds a template is checked when it is rendered.
pub(super) fn url(config: &mut Object<'_>, key: &'static str, faults: &mut Faults) -> String {
    let url = config.required_text(key, faults);
    let has_scheme = url.starts_with("http://") || url.starts_with("https://") || url.starts_with("{{");
    if !url.is_empty() && (!has_scheme || url.chars().any(|c| c.is_control() || c == ' ' && !url.contains("{{"))) {
        faults.push(config.at(key), "an address begins with http:// or https:// and holds no spaces");
    }
    if url.len() > MAX_URL {
        faults.push(config.at(key), format!("an address has at most {MAX_URL} bytes"));
    }
    url
}

fn method(config: &mut Object<'_>, faults: &mut Faults) -> Method {
    let Some(text) = config.required("method", faults).and_then(Value::as_str) else {
        if let Some(other) = config.value("method") {
            faults.push(config.at("method"), format!("expected a text, found {}", crate::parse::kind_of(other)));
        }
        return Method::Get;
    };
    Method::ALL.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(text)).unwrap_or_else(|| {
        let known = Method::ALL.map(Method::as_str).join(", ");
        faults.push(config.at("method"), format!("“{}” is none of {known}", clip(text)));
        Method::Get
    })
}

fn statuses(config: &mut Object<'_>, faults: &mut Faults) -> Vec<u16> {
    let message = "a status is a whole number from 100 to 599";
    let one = config.value("expected_status").filter(|value| value.is_number());
    if let Some(value) = one {
        return status(value).map_or_else(
            || {
                faults.push(config.at("expected_status"), message);
                Vec::new()
            },
            |code| vec![code],
        );
    }
    let mut codes = Vec::new();
    for (path, value) in config.items("expected_status", faults) {
        match status(value) {
            Some(code) => codes.push(code),
            None => faults.push(path, message),
        }
    }
    codes
}

/// A status code (RFC 9110, section 15).
pub(super) fn status(value: &Value) -> Option<u16> {
    integer(value, &(100..=599)).and_then(|code| u16::try_from(code).ok())
}

fn check_header(path: String, name: &str, value: &str, faults: &mut Faults) {
    // RFC 9110: a name is a token, a value has no line ends.
    let token = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c));
    if !token {
        faults.push(&path, format!("“{}” is not the name of a header", clip(name)));
    }
    if value.chars().any(|c| c.is_control() && c != '\t') {
        faults.push(&path, format!("the value of “{}” holds a line end or control character", clip(name)));
    }
}
