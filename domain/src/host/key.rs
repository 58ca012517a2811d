//! The line of a public key as OpenSSH writes it: `type base64 [comment]`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The longest line, in bytes; RSA with 16,384 bits fits.
const MAX_LINE: usize = 16 * 1024;

/// The line with one space between its words; `None` where it is no public key.
///
/// The key is a row of fields, each after its length in four bytes, and the first is its type again (RFC 4253, 6.6): a key that
/// was cut off or put together from two is noticed.
pub(super) fn normal(text: &str) -> Option<String> {
    let line = text.trim();
    if line.len() > MAX_LINE || line.chars().any(|c| c.is_control() && c != '\t') {
        return None;
    }
    let mut words = line.split_whitespace();
    let (kind, key) = (words.next()?, words.next()?);
    let bytes = STANDARD.decode(key).ok()?;
    let (first, mut rest) = field(&bytes)?;
    if first != kind.as_bytes() || rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        (_, rest) = field(rest)?;
    }
    Some([kind, key].into_iter().chain(words).collect::<Vec<_>>().join(" "))
}

/// The first field and what follows it.
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}
