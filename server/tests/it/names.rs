//! Requests that were sent to a name which is not the server's: pages of other sites whose DNS name leads here.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use reqwest::{Client, StatusCode, Version};
use serde_json::{Value, json};

use crate::access::functions::form;
use crate::connections::certify;
use crate::world::{PASSWORD, PROGRAM, Studio};

const FOREIGN: &str = "evil.example";

async fn with(arguments: &[&str]) -> Studio {
    Studio::of(tempfile::tempdir().expect("a folder"), Path::new(PROGRAM), arguments).await
}

async fn status(studio: &Studio, host: &str) -> u16 {
    studio.exchange("GET", "/api/v1/openapi.json", &[("host", host)], None).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_name_leads_to_this_machine_is_answered_nothing() {
    let studio = Studio::new().await;
    let account = json!({ "username": "eve", "password": PASSWORD }).to_string().into_bytes();
    let fields = format!("username=eve&password={PASSWORD}").replace(' ', "+").into_bytes();
    let port = studio.address().rsplit_once(':').expect("a port").1;
    // What a browser sends for such a page: of one origin, it believes.
    let host = format!("{FOREIGN}:{port}");
    let origin = format!("http://{host}");
    let headers = [("host", host.as_str()), ("origin", origin.as_str()), ("sec-fetch-site", "same-origin")];
    for (method, path, body) in [
        ("GET", "/", None),
        ("GET", "/metrics", None),
        ("GET", "/no-such-page", None),
        ("GET", "/api/v1/openapi.json", None),
        ("POST", "/api/v1/users/signup", Some(("application/json", account))),
        ("POST", "/rpc/sign_up", Some(("application/x-www-form-urlencoded", fields))),
    ] {
        let answer = studio.exchange(method, path, &headers, body).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{method} {path}: {}", answer.text);
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{method} {path}");
        let problem = answer.json();
        let detail = problem["detail"].as_str().expect("a detail");
        assert!([host.as_str(), "localhost", "STUDIO_HOSTS"].iter().all(|part| detail.contains(part)), "{detail}");
        assert_eq!((&problem["status"], &problem["code"]), (&json!(421), &json!("misdirected")));
    }
    assert_eq!(studio.exchange("GET", "/healthz", &headers, None).await.status, 200);
    let anybody = studio.function(None, "needs_setup", form([])).await;
    assert_eq!(anybody.json(), Value::Bool(true), "nobody has signed up");
    for host in ["127.0.0.1", "localhost", "studio.localhost:8080", "[::1]:3000"] {
        assert_eq!(status(&studio, host).await, 200, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_counts_that_the_request_itself_has() {
    let studio = Studio::new().await;
    let address = studio.address().trim_start_matches("http://").to_owned();
    for (head, expected) in [
        (format!("GET http://{FOREIGN}/readyz HTTP/1.1\r\nHost: localhost\r\n"), "421"),
        (format!("GET http://localhost/readyz HTTP/1.1\r\nHost: {FOREIGN}\r\n"), "200"),
        (format!("GET /readyz HTTP/1.1\r\nHost: localhost\r\nHost: {FOREIGN}\r\n"), "421"),
        (format!("GET /readyz HTTP/1.1\r\nHost: {FOREIGN}\r\nX-Forwarded-Host: localhost\r\n"), "421"),
        ("GET /readyz HTTP/1.0\r\n".to_owned(), "421"),
        ("GET /healthz HTTP/1.0\r\n".to_owned(), "200"),
    ] {
        let mut stream = TcpStream::connect(&address).expect("a connection");
        stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert_eq!(answer.split(' ').nth(1), Some(expected), "{head}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_2_the_authority_is_the_name() {
    let files = tempfile::tempdir().expect("a folder");
    certify(files.path(), "first");
    let file = |name: &str| files.path().join(name).display().to_string();
    let studio = with(&["--tls-cert", &file("cert.pem"), "--tls-key", &file("key.pem")]).await;
    let address = studio.address().trim_start_matches("https://").parse().expect("an address");
    let client = Client::builder().no_proxy().danger_accept_invalid_certs(true).resolve(FOREIGN, address);
    let client = client.resolve("localhost", address).build().expect("a client");
    for (name, expected) in [(FOREIGN, 421), ("localhost", 200)] {
        let asked = client.get(format!("https://{name}:{}/api/v1/openapi.json", address.port()));
        let answer = asked.send().await.expect("an answer");
        assert_eq!((answer.version(), answer.status().as_u16()), (Version::HTTP_2, expected), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_set_are_the_only_ones_wherever_the_server_listens() {
    let set = ["--hosts", "Runbooks.Example, studio.lan"];
    for (place, foreign) in [(&["--addr", "127.0.0.1:0"][..], 421), (&["--addr", "0.0.0.0:0"], 200)] {
        let studio = with(place).await;
        assert_eq!(status(&studio, FOREIGN).await, foreign, "{place:?}");
        let studio = with(&[place, &set].concat()).await;
        for (host, expected) in
            [("runbooks.example:8443", 200), ("STUDIO.lan", 200), ("localhost", 200), ("127.0.0.1", 200), (FOREIGN, 421)]
        {
            assert_eq!(status(&studio, host).await, expected, "{place:?}: {host}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_the_name_is_the_one_that_the_proxy_was_asked_by() {
    let proxied = ["--trusted-proxies", "127.0.0.0/8"];
    let studio = with(&proxied).await;
    assert_eq!(status(&studio, "runbooks.example").await, 200, "its name is nowhere said");
    let studio = with(&[&proxied[..], &["--hosts", "runbooks.example"]].concat()).await;
    for (forwarded, expected) in [("runbooks.example", 200), (FOREIGN, 421)] {
        let headers = [("host", "127.0.0.1:3000"), ("x-forwarded-host", forwarded)];
        let answer = studio.exchange("GET", "/api/v1/openapi.json", &headers, None).await;
        assert_eq!(answer.status.as_u16(), expected, "{forwarded}");
    }
}
