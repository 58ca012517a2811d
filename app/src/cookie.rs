//! Cookies: the browser's session, and what a page without JavaScript shows once. The one place that knows their names.

use http::{HeaderMap, HeaderValue, header};

/// The session's cookie over http, which only a machine of one's own should see.
const SESSION: &str = "studio_session";
/// The same over https: a browser takes this name only with `Secure`, for this host alone and all of its paths (RFC 6265bis), so that
/// neither a neighbour under the same domain nor somebody on the wire can put another session in its place.
const SECURE_SESSION: &str = "__Host-studio_session";
/// What is shown once after a form without JavaScript.
const ONCE: &str = "studio_once";
/// How long that is kept, in seconds: as long as the browser takes to follow the redirect.
const ONCE_SECONDS: u32 = 60;

/// The token in the session's cookie.
#[must_use]
pub fn session_token(headers: &HeaderMap) -> Option<String> {
    find(headers, SECURE_SESSION).or_else(|| if is_https(headers) { None } else { find(headers, SESSION) })
}

/// Begins a session in the browser. It ends with the browser at the latest; the server ends it by its own clock before that.
#[must_use]
pub fn begin_session(headers: &HeaderMap, token: &str) -> Option<HeaderValue> {
    let cookie = if is_https(headers) {
        format!("{SECURE_SESSION}={token}; HttpOnly; SameSite=Lax; Path=/; Secure")
    } else {
        format!("{SESSION}={token}; HttpOnly; SameSite=Lax; Path=/")
    };
    HeaderValue::try_from(cookie).ok()
}

/// Ends it, under whichever name it goes.
#[must_use]
pub fn end_session() -> [HeaderValue; 2] {
    [
        HeaderValue::from_static("studio_session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"),
        HeaderValue::from_static("__Host-studio_session=; HttpOnly; SameSite=Lax; Path=/; Secure; Max-Age=0"),
    ]
}

/// What is to be shown once.
#[must_use]
pub fn shown_once(headers: &HeaderMap) -> Option<String> {
    find(headers, ONCE)
}

/// Keeps it for the page that follows; `text` must be of characters that a cookie takes.
#[must_use]
pub fn show_once(headers: &HeaderMap, text: &str) -> Option<HeaderValue> {
    let secure = if is_https(headers) { "; Secure" } else { "" };
    HeaderValue::try_from(format!("{ONCE}={text}; HttpOnly; SameSite=Strict; Path=/; Max-Age={ONCE_SECONDS}{secure}")).ok()
}

/// Forgets it: it was shown.
#[must_use]
pub fn forget_shown_once() -> HeaderValue {
    HeaderValue::from_static("studio_once=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0")
}

/// Whether the browser speaks https, be it to a proxy in front. Anybody can say so, to get a stricter cookie.
#[must_use]
pub fn is_https(headers: &HeaderMap) -> bool {
    let begins = |name: header::HeaderName, word: &str| {
        headers
            .get(name)
            .and_then(|value| value.as_bytes().get(..word.len()))
            .is_some_and(|begin| begin.eq_ignore_ascii_case(word.as_bytes()))
    };
    begins(header::HeaderName::from_static("x-forwarded-proto"), "https") || begins(header::ORIGIN, "https://")
}

fn find(headers: &HeaderMap, wanted: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == wanted && !value.is_empty())
        .map(|(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_session_is_found_under_the_name_that_fits_the_connection() {
        let https = ("x-forwarded-proto", "https");
        for (given, token) in [
            (&[("cookie", "theme=dark; studio_session=abc")][..], Some("abc")),
            (&[("cookie", "studio_session=abc; __Host-studio_session=def")], Some("def")),
            (&[("cookie", "__Host-studio_session=def"), https], Some("def")),
            (&[("cookie", "studio_session=abc"), https], None),
            (&[("cookie", "studio_session=")], None),
            (&[("cookie", "xstudio_session=abc")], None),
            (&[], None),
        ] {
            assert_eq!(session_token(&headers(given)).as_deref(), token, "{given:?}");
        }
    }

    #[test]
    fn over_https_the_cookie_is_secure_and_bound_to_the_host() {
        let plain = begin_session(&headers(&[("origin", "http://127.0.0.1:3000")]), "abc").expect("a cookie");
        assert_eq!(plain, "studio_session=abc; HttpOnly; SameSite=Lax; Path=/");
        for https in [("origin", "https://studio.example"), ("x-forwarded-proto", "https")] {
            let secure = begin_session(&headers(&[https]), "abc").expect("a cookie");
            assert_eq!(secure, "__Host-studio_session=abc; HttpOnly; SameSite=Lax; Path=/; Secure");
        }
        assert_eq!(begin_session(&HeaderMap::new(), "a\r\nb"), None);
    }
}
