//! Reading JSON bodies, strictly: what is wrong is said, with its place.

use axum::extract::{FromRequest, Request};
use domain::parse::integer;
use domain::{Faults, Problem};
use futures::StreamExt;
use http::header::CONTENT_TYPE;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

use super::MAX_BODY;
use super::problem::ApiError;

/// How much of a body that is too large is read and dropped.
const DRAINED: usize = 32 * 1024 * 1024;

/// A body that must be JSON of this shape.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// The same, where no body at all, or `null`, means the default.
#[derive(Debug)]
pub struct PerhapsJson<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        if !is_json(&request) {
            return Err(Problem::new(415, "unsupported_media_type", "send JSON, with Content-Type: application/json").into());
        }
        Ok(Self(read(&body(request, MAX_BODY).await?)?))
    }
}

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for PerhapsJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let is_json = is_json(&request);
        let body = body(request, MAX_BODY).await?;
        if body.is_empty() {
            Ok(Self(T::default()))
        } else if is_json {
            Ok(Self(read::<Option<T>>(&body)?.unwrap_or_default()))
        } else {
            Err(Problem::new(415, "unsupported_media_type", "send JSON, with Content-Type: application/json, or nothing").into())
        }
    }
}

/// The whole body, of at most `limit` bytes.
///
/// # Errors
/// 413 when it is longer; 400 when it breaks off.
pub async fn body(request: Request, limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut stream = request.into_body().into_data_stream();
    let mut bytes = Vec::new();
    let mut length = 0_usize;
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|_| Problem::new(400, "malformed", "the body broke off"))?;
        length = length.saturating_add(piece.len());
        if length <= limit {
            bytes.extend_from_slice(&piece);
        } else if length > DRAINED {
            break;
        }
        // What is too long is read on and dropped, for a while: who still sends does not see an answer.
    }
    if length > limit {
        let detail = format!("the body is larger than the {} KiB that this call takes", limit / 1024);
        return Err(Problem::new(413, "too_large", detail).into());
    }
    Ok(bytes)
}

/// Reads JSON of a shape.
///
/// # Errors
/// 400 for what is not JSON, with line and column; 422 for another shape, with the JSON path.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or_default();
        let detail = format!("this is not JSON: {what}, in line {}, column {}", error.line(), error.column());
        Problem::new(400, "malformed", detail)
    })?;
    let mut faults = Faults::default();
    refuse_nul(&value, "$", &mut faults);
    faults.into_result(())?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => "$".to_owned(),
            path => format!("$.{path}"),
        };
        Faults::one(path, error.inner().to_string()).into()
    })
}

/// A whole number that may be absent, for fields of bodies: to JSON `3.0` is the same number as `3`.
///
/// # Errors
/// For what is no whole number, or too large.
pub fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(deserializer)? else { return Ok(None) };
    let whole = integer(&Value::Number(number), &(0..=u32::MAX.into())).and_then(|whole| u32::try_from(whole).ok());
    whole.map(Some).ok_or_else(|| D::Error::custom("expected a whole number"))
}

/// The keys that a call asks for although the domain has a default for them: leaving one out must not undo what is there.
pub fn missing(body: &Value, required: &[&str]) -> Faults {
    let mut faults = Faults::default();
    if let Value::Object(map) = body {
        for key in required.iter().filter(|key| map.get(**key).is_none_or(Value::is_null)) {
            faults.push(format!("$.{key}"), format!("“{key}” is missing"));
        }
    }
    faults
}

/// The NUL character ends texts early in every C program behind us; nothing needs it.
fn refuse_nul(value: &Value, path: &str, faults: &mut Faults) {
    match value {
        Value::String(text) if text.contains('\0') => faults.push(path, "a text must not hold the NUL character"),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                refuse_nul(item, &format!("{path}[{index}]"), faults);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                if key.contains('\0') {
                    faults.push(path, "a key must not hold the NUL character");
                }
                refuse_nul(item, &format!("{path}.{key}"), faults);
            }
        }
        _ => {}
    }
}

/// `application/json` or `application/anything+json`, whatever parameters follow.
pub fn is_json(request: &Request) -> bool {
    media_type(request)
        .is_some_and(|kind| kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json")))
}

/// The media type of the body, in lower case, without parameters.
pub fn media_type(request: &Request) -> Option<String> {
    let header = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    Some(header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shape {
        #[expect(dead_code, reason = "only read")]
        name: String,
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        #[derive(Debug, PartialEq, serde::Deserialize)]
        struct Numbered {
            #[serde(default, deserialize_with = "whole")]
            number: Option<u32>,
        }
        for (body, number) in
            [("{}", None), ("{\"number\": null}", None), ("{\"number\": 7}", Some(7)), ("{\"number\": 7.0}", Some(7))]
        {
            assert_eq!(read::<Numbered>(body.as_bytes()).expect(body), Numbered { number });
        }
        for body in ["{\"number\": 7.5}", "{\"number\": -1}", "{\"number\": \"7\"}", "{\"number\": 4294967296}"] {
            assert_eq!(read::<Numbered>(body.as_bytes()).expect_err(body).0.status, 422, "{body}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (body, status, part) in [
            ("{\"name\":\n }", 400, "line 2"),
            ("", 400, "line 1"),
            ("[[[", 400, "not JSON"),
            ("{\"name\": 3}", 422, "$.name"),
            ("{\"name\": \"a\", \"nick\": 1}", 422, "nick"),
            ("{}", 422, "name"),
            ("[]", 422, "$"),
            ("{\"name\": \"a\\u0000b\"}", 422, "NUL"),
        ] {
            let ApiError(problem) = read::<Shape>(body.as_bytes()).expect_err(body);
            assert_eq!(problem.status, status, "{body}");
            assert!(problem.detail.contains(part), "{part} is not in {}", problem.detail);
        }
        let deep = "[".repeat(100_000);
        assert_eq!(read::<Value>(deep.as_bytes()).expect_err("too deep").0.status, 400);
    }
}
