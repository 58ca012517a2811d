//! Requests that no library sends: bytes over a connection, and the status that comes back.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::studio::Studio;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// `127.0.0.1:PORT`
pub fn host(studio: &Studio) -> &str {
    studio.address().trim_start_matches("http://")
}

/// A connection.
pub fn connect(studio: &Studio) -> Result<TcpStream> {
    let stream = TcpStream::connect(host(studio)).context("connecting")?;
    stream.set_read_timeout(Some(PATIENCE)).context("a time-out")?;
    stream.set_write_timeout(Some(PATIENCE)).context("a time-out")?;
    Ok(stream)
}

/// Sends a request line, headers and a body; the head of the answer. An answer may come before all is sent.
pub fn ask(studio: &Studio, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<String> {
    let mut stream = connect(studio)?;
    let mut head =
        format!("{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n", host(studio), body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while !answer.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&piece[..read]),
            Err(error) if answer.is_empty() => {
                sent.with_context(|| format!("sending {}", line.chars().take(60).collect::<String>()))?;
                return Err(error).context("reading the answer");
            }
            Err(_) => break,
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The status of [`ask`].
pub fn status(studio: &Studio, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<u16> {
    let head = ask(studio, line, headers, body)?;
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).with_context(|| format!("no status in {head:?}"))
}
