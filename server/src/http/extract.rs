//! Reading addresses: ids in the path, filters in the query, lists with a link to their next page.

use axum::extract::FromRequestParts;
use domain::{Faults, Page, Problem};
use http::header::LINK;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Uri};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::problem::ApiError;

/// How many items a page has where nothing is said.
const PAGE: u32 = 50;
/// How many it has at most.
pub const LARGEST_PAGE: u32 = 200;

/// Ids in the path. One that cannot be an id is the id of nothing: 404.
#[derive(Debug)]
pub struct Path<T>(pub T);

/// The query, strictly read.
#[derive(Debug)]
pub struct Filter<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(ids)) => Ok(Self(ids)),
            Err(_) => Err(Problem::new(404, "not_found", "there is nothing with this id").into()),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Filter<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(Faults::one("?", "a text must not hold the NUL character").into());
        }
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => {
                let text = rejection.body_text();
                let message = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
                Err(Faults::one("?", message).into())
            }
        }
    }
}

/// The size of a page that was asked for.
///
/// # Errors
/// 422 outside 1 to 200.
pub fn page_size(limit: Option<u32>) -> Result<u32, ApiError> {
    let limit = limit.unwrap_or(PAGE);
    if (1..=LARGEST_PAGE).contains(&limit) {
        Ok(limit)
    } else {
        Err(Faults::one("?limit", format!("a page has 1 to {LARGEST_PAGE} items")).into())
    }
}

/// A page as an answer: its items, and the address of the next ones in a `Link` header (RFC 8288).
pub fn page<T, U: Serialize + From<T>>(uri: &Uri, page: Page<T>) -> (HeaderMap, axum::Json<Vec<U>>) {
    let mut headers = HeaderMap::new();
    if let Some(cursor) = &page.next
        && let Ok(link) = HeaderValue::try_from(format!("<{}>; rel=\"next\"", next_address(uri, cursor)))
    {
        headers.insert(LINK, link);
    }
    (headers, axum::Json(page.items.into_iter().map(U::from).collect()))
}

/// The same address with another cursor.
fn next_address(uri: &Uri, cursor: &str) -> String {
    let others = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let cursor: String = cursor
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    let query: Vec<String> = others.map(str::to_owned).chain([format!("cursor={cursor}")]).collect();
    format!("{}?{}", uri.path(), query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_address_keeps_the_filter() {
        let uri = Uri::from_static("/api/v1/runbooks?q=a%20b&cursor=old&limit=2");
        assert_eq!(next_address(&uri, "x/=1"), "/api/v1/runbooks?q=a%20b&limit=2&cursor=x%2F%3D1");
    }
}
