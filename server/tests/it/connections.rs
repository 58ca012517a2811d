//! Connections: https, what proxies say, and clients that take their time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::Client;
use reqwest::tls::TlsInfo;
use serde_json::json;

use crate::access::functions::{form, sign_in};
use crate::world::{PASSWORD, PROGRAM, Studio};

/// Puts a key and a certificate that it signed itself where the server reads them. Nothing but these tests trusts either.
pub fn certify(folder: &Path, name: &str) {
    let (certificate, key) = match name {
        "first" => (include_str!("certificates/first.cert.pem"), include_str!("certificates/first.key.pem")),
        _ => (include_str!("certificates/second.cert.pem"), include_str!("certificates/second.key.pem")),
    };
    std::fs::write(folder.join("cert.pem"), certificate).expect("written");
    std::fs::write(folder.join("key.pem"), key).expect("written");
}

/// The certificate that a new connection is shown, and the headers of its answer.
async fn shown(studio: &Studio) -> (Vec<u8>, reqwest::header::HeaderMap, reqwest::Version) {
    let client = Client::builder().no_proxy().danger_accept_invalid_certs(true).tls_info(true).build().expect("a client");
    let answer = client.get(format!("{}/healthz", studio.address())).send().await.expect("an answer");
    let info = answer.extensions().get::<TlsInfo>().expect("TLS");
    (info.peer_certificate().expect("a certificate").to_vec(), answer.headers().clone(), answer.version())
}

#[tokio::test(flavor = "multi_thread")]
async fn https_is_spoken_with_a_certificate_that_is_read_again_on_a_hangup() {
    let (folder, files) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    certify(files.path(), "first");
    let file = |name: &str| files.path().join(name).display().to_string();
    let arguments = ["--tls-cert", &file("cert.pem"), "--tls-key", &file("key.pem")];
    let studio = Studio::of(folder, Path::new(PROGRAM), &arguments).await;
    assert!(studio.address().starts_with("https://"));
    let (first, headers, version) = shown(&studio).await;
    assert_eq!(headers["strict-transport-security"], "max-age=63072000");
    assert_eq!(version, reqwest::Version::HTTP_2);

    let hang_up = || assert!(Command::new("kill").args(["-HUP", &studio.pid().to_string()]).status().expect("kill").success());
    // A file that is no key leaves the old pair in use.
    std::fs::write(file("key.pem"), "nonsense").expect("written");
    hang_up();
    certify(files.path(), "second");
    assert_eq!(shown(&studio).await.0, first);
    hang_up();
    let deadline = Instant::now() + Duration::from_secs(20);
    while shown(&studio).await.0 == first {
        assert!(Instant::now() < deadline, "still the old certificate");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_believed_where_it_is_trusted_and_nobody_else() {
    let claims = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "runbooks.example")];
    for (arguments, believed) in [(&["--trusted-proxies", "127.0.0.0/8"][..], true), (&[], false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let studio = Studio::of(folder, Path::new(PROGRAM), arguments).await;
        let answer = studio.exchange("GET", "/healthz", &claims, None).await;
        assert_eq!(answer.headers.contains_key("strict-transport-security"), believed, "{arguments:?}");
        // A page of the host that the proxy is known by may ask; the log says for whom.
        let origin = [claims.as_slice(), &[("origin", "http://runbooks.example"), ("cookie", "studio_session=x")]].concat();
        let body = json!({ "username": "ann", "password": PASSWORD, "setup_token": studio.setup_token() });
        let body = body.to_string().into_bytes();
        let answer = studio.exchange("POST", "/api/v1/users/signup", &origin, Some(("application/json", body))).await;
        assert_eq!(answer.status.as_u16(), if believed { 201 } else { 403 }, "{arguments:?}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_never_finish_a_request_are_let_go_and_keep_nobody_waiting() {
    let studio = Studio::new().await;
    let address = studio.address().trim_start_matches("http://").to_owned();
    let mut slow: Vec<TcpStream> = (0..600)
        .map(|count| {
            let mut stream = TcpStream::connect(&address).expect("a connection");
            // Some say nothing, some begin.
            if count % 2 == 0 {
                stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ").expect("written");
            }
            stream
        })
        .collect();
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(studio.status(None, "GET", "/healthz", None).await, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(5), "others waited {:?}", began.elapsed());
    let mut begun = slow.swap_remove(0);
    begun.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
    let mut rest = Vec::new();
    begun.read_to_end(&mut rest).expect("the end of the connection");
    assert!(began.elapsed() < Duration::from_secs(40), "let go after {:?}", began.elapsed());
}

/// A call whose body is begun and not ended, by way of a proxy that names this client.
fn begun(address: &str, client: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    let head = format!(
        "POST /api/v1/users/login HTTP/1.1\r\nHost: {address}\r\nX-Forwarded-For: {client}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).expect("written");
    stream
}

/// Asks for a sign of life on behalf of a client until it is answered with this status; the answer.
async fn answered(studio: &Studio, client: &Client, who: &str, status: u16) -> reqwest::Response {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let request = client.get(format!("{}/healthz", studio.address())).header("x-forwarded-for", who);
        let answer = request.send().await.expect("an answer");
        if answer.status() == status {
            return answer;
        }
        assert!(Instant::now() < deadline, "{who} is still answered {}, not {status}", answer.status());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_all_places_taken_a_call_is_told_to_come_again_and_places_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let studio = Studio::of(folder, Path::new(PROGRAM), &["--trusted-proxies", "127.0.0.0/8"]).await;
    let address = studio.address().trim_start_matches("http://").to_owned();
    let client = Client::builder().no_proxy().build().expect("a client");
    let refused = async |who: &str, sentence: &str| {
        let answer = answered(&studio, &client, who, 503).await;
        let seconds = answer.headers()["retry-after"].to_str().expect("a number").parse::<u64>();
        assert!(seconds.as_ref().is_ok_and(|seconds| *seconds > 0), "{seconds:?}");
        let problem = answer.text().await.expect("a text");
        assert!(problem.contains(sentence), "{problem}");
    };
    // One client takes all places that one may have; the next has its own.
    // A few more than fit: those are refused, and fill what a look at how it stands may have taken for a moment.
    let mut first: Vec<TcpStream> = (0..266).map(|_| begun(&address, "203.0.113.7")).collect();
    refused("203.0.113.7", "from your address").await;
    answered(&studio, &client, "203.0.113.8", 200).await;
    // Two of them take all there are.
    let second: Vec<TcpStream> = (0..266).map(|_| begun(&address, "203.0.113.8")).collect();
    refused("203.0.113.9", "too many requests at once;").await;
    // Who was let in is answered, and who goes leaves a place.
    let ended = first.drain(..20).filter_map(|mut stream| {
        // Where it was refused, it may be closed.
        let _ = stream.write_all(&[b' '; 99]);
        let mut head = [0; 10];
        stream.read_exact(&mut head).ok().map(|()| String::from_utf8_lossy(&head).into_owned())
    });
    let ended: Vec<String> = ended.collect();
    assert!(ended.iter().filter(|head| *head == "HTTP/1.1 4").count() >= 10, "{ended:?}");
    answered(&studio, &client, "203.0.113.9", 200).await;
    drop((first, second));
    answered(&studio, &client, "203.0.113.7", 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_view_too_many_is_told_to_come_again_and_nothing_else_suffers() {
    const STREAMS: usize = 1_000;
    let studio = Studio::new().await;
    let key = studio.sign_up(None, "ann", None).await;
    let runbook = studio.runbook(&key, json!([{ "type": "timer", "config": { "duration": "1h" } }])).await;
    let events = format!("{}/api/v1/executions/{}/events", studio.address(), studio.execute(&key, &runbook).await);
    // Many over each connection, so that the limit is that of streams and not that of open files.
    let client = || Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client");
    let clients: Vec<Client> = (0..STREAMS / 100).map(|_| client()).collect();
    let one_more = client();
    let open = |client: &Client| client.get(&events).header("x-api-key", &key).send();
    let mut streams = Vec::new();
    for client in &clients {
        for opened in futures::future::join_all((0..100).map(|_| open(client))).await {
            streams.push(opened.expect("an answer"));
        }
    }
    assert!(streams.iter().all(|stream| stream.status() == 200));
    let refused = open(&one_more).await.expect("an answer");
    assert_eq!(refused.status(), 503);
    assert!(refused.headers()["retry-after"].to_str().is_ok_and(|seconds| seconds.parse::<u64>().is_ok_and(|s| s > 0)));
    assert!(refused.text().await.expect("a text").contains("too many event streams"));
    assert_eq!(studio.status(Some(&key), "GET", "/api/v1/users/me", None).await, 200);
    // Who goes leaves a place.
    streams.truncate(STREAMS - 1);
    let deadline = Instant::now() + Duration::from_secs(20);
    while open(&one_more).await.expect("an answer").status() != 200 {
        assert!(Instant::now() < deadline, "the place is not given back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_refused_while_its_body_is_still_sent_is_answered_and_the_connection_goes_on() {
    let studio = Studio::new().await;
    let address = studio.address().trim_start_matches("http://").to_owned();
    let body = vec![b' '; 1_500_000];
    // Nobody is signed in; to an address of nothing; more than a call may send.
    for (path, sent, status) in
        [("/api/v1/runbooks", 700, "401"), ("/api/v1/nothing", 700, "404"), ("/api/v1/users/login", body.len(), "413")]
    {
        let mut stream = TcpStream::connect(&address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {sent}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("written");
        // Long enough for a server that would not wait for the body.
        tokio::time::sleep(Duration::from_millis(100)).await;
        stream.write_all(&body[..sent]).expect("the whole body is taken");
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("written");
        let mut answers = String::new();
        stream.read_to_string(&mut answers).expect("both answers");
        assert!(answers.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answers}");
        assert!(answers.contains("HTTP/1.1 200 OK"), "{path}: {answers}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_visitor_of_a_server_that_others_reach_needs_the_token_of_its_log() {
    let address = ["--addr", "0.0.0.0:0"];
    for arguments in [&address[..], &["--trusted-proxies", "127.0.0.0/8"], &["--hosts", "runbooks.example"]] {
        let studio = Studio::of(tempfile::tempdir().expect("a folder"), Path::new(PROGRAM), arguments).await;
        let token = studio.setup_token().expect("a token in the log");
        let sign_up = async |name: &str, token: Option<&str>| {
            let body = json!({ "username": name, "password": PASSWORD, "setup_token": token });
            studio.call(None, "POST", "/api/v1/users/signup", Some(body)).await.status.as_u16()
        };
        for wrong in [None, Some(""), Some("a guess"), Some(&token[1..])] {
            assert_eq!(sign_up("eve", wrong).await, 403, "{arguments:?}: {wrong:?}");
        }
        assert_eq!(studio.function(None, "needs_setup", form([])).await.text, "true", "{arguments:?}");
        assert_eq!(sign_up("ann", Some(&token)).await, 201, "{arguments:?}");
        assert_eq!(sign_up("eve", Some(&token)).await, 403, "{arguments:?}: once, and nobody else is let in");
    }
    assert_eq!(Studio::new().await.setup_token(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_say_that_they_came_without_encryption_where_others_can_read_them() {
    // The last of an option counts: `Studio` itself listens for its own machine alone.
    for (arguments, expected) in [
        (&[][..], false),
        (&["--addr", "0.0.0.0:0", "--signup", "open"], true),
        (&["--addr", "0.0.0.0:0", "--signup", "open", "--trusted-proxies", "192.0.2.0/24"], false),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let studio = Studio::of(folder, Path::new(PROGRAM), arguments).await;
        let mut body = json!({ "username": "ann", "password": PASSWORD });
        if let Some(token) = studio.setup_token() {
            body["setup_token"] = token.into();
        }
        assert_eq!(studio.call(None, "POST", "/api/v1/users/signup", Some(body)).await.status, 201);
        let cookie = sign_in(&studio, "ann").await;
        let me = studio.function(Some(&cookie), "me", form([])).await.json();
        assert_eq!(me["is_unencrypted"], json!(expected), "{arguments:?}: {me}");
        let page = studio.exchange("GET", "/profile", &[("cookie", &cookie)], None).await.text;
        assert_eq!(page.contains("came without encryption"), expected, "{arguments:?}");
    }
}
