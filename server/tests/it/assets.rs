//! The files of the site as a package has them: in a folder named after what they hold, compressed beforehand, kept by browsers.

use std::fs;
use std::path::Path;

use crate::world::{PROGRAM, Studio};

const JS: &str = "export default async function () {} // as it was written";
const BR: &str = "stands for brotli";
const GZ: &str = "stands for gzip";

/// A package with small files in place of the real ones: what is sent shows which file it was.
async fn packaged(package: &Path) -> Studio {
    let write = |name: &str, text: &str| fs::write(package.join(name), text).expect("written");
    fs::create_dir_all(package.join("site/pkg/c0ffee")).expect("a folder");
    let program = package.join("runbook-studio");
    // The program looks beside itself; a copy of its 250 MB is not needed where a second name will do.
    if fs::hard_link(PROGRAM, &program).is_err() {
        fs::copy(PROGRAM, &program).expect("a copy");
    }
    write(
        "Leptos.toml",
        "[package.metadata.leptos]\noutput-name = \"runbook-studio\"\nsite-root = \"site\"\nsite-pkg-dir = \"pkg/c0ffee\"\n\
         site-addr = \"127.0.0.1:3000\"\nreload-port = 3001\nhash-files = false\n",
    );
    write("site/favicon.svg", "<svg/>");
    write("site/pkg/c0ffee/runbook-studio.css", "body {}");
    write("site/pkg/c0ffee/runbook-studio.wasm", "\0asm");
    for (name, text) in [("", JS), (".br", BR), (".gz", GZ)] {
        write(&format!("site/pkg/c0ffee/runbook-studio.js{name}"), text);
    }
    Studio::of(tempfile::tempdir().expect("a folder"), &program, &[]).await
}

const SCRIPT: &str = "/pkg/c0ffee/runbook-studio.js";

#[tokio::test(flavor = "multi_thread")]
async fn browsers_keep_what_is_named_after_its_content_and_ask_for_the_rest_again() {
    let package = tempfile::tempdir().expect("a folder");
    let studio = packaged(package.path()).await;

    let page = studio.exchange("GET", "/sign-up", &[("accept", "text/html")], None).await;
    for name in ["css", "js", "wasm"] {
        assert!(
            page.text.contains(&format!("/pkg/c0ffee/runbook-studio.{name}")),
            "the page does not name its {name}: {}",
            page.text
        );
    }
    assert_eq!(page.headers["cache-control"], "private, no-cache");

    for (accepts, encoding, text) in [
        ("gzip, deflate, br", Some("br"), BR),
        ("gzip", Some("gzip"), GZ),
        ("br;q=0.5, gzip;q=0.9", Some("gzip"), GZ),
        ("identity", None, JS),
        ("br;q=0", None, JS),
    ] {
        let script = studio.exchange("GET", SCRIPT, &[("accept-encoding", accepts)], None).await;
        assert_eq!(script.status, 200, "{accepts}");
        assert_eq!(script.text, text, "{accepts}");
        assert_eq!(script.headers.get("content-encoding").map(|value| value.to_str().expect("a text")), encoding, "{accepts}");
        assert_eq!(script.headers["vary"], "accept-encoding", "{accepts}");
        assert_eq!(script.headers["content-type"], "text/javascript", "{accepts}");
        assert_eq!(script.headers["cache-control"], "public, max-age=31536000, immutable", "{accepts}");
    }
    let wasm = studio.exchange("HEAD", "/pkg/c0ffee/runbook-studio.wasm", &[], None).await;
    assert_eq!((wasm.status.as_u16(), &wasm.headers["content-type"]), (200, &"application/wasm".parse().expect("a value")));

    let icon = studio.exchange("GET", "/favicon.svg", &[], None).await;
    assert_eq!(icon.headers["cache-control"], "no-cache");
    let tag = icon.headers["etag"].to_str().expect("a tag").to_owned();
    let again = studio.exchange("GET", "/favicon.svg", &[("if-none-match", &tag)], None).await;
    assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));
    assert_eq!((&again.headers["etag"], &again.headers["vary"]), (&icon.headers["etag"], &icon.headers["vary"]));
    fs::write(package.path().join("site/favicon.svg"), "<svg>changed</svg>").expect("written");
    let changed = studio.exchange("GET", "/favicon.svg", &[("if-none-match", &tag)], None).await;
    assert_eq!((changed.status.as_u16(), changed.text.as_str()), (200, "<svg>changed</svg>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_file_of_the_site_is_not_found_and_not_kept() {
    let package = tempfile::tempdir().expect("a folder");
    let studio = packaged(package.path()).await;
    for path in ["/pkg/0ld/runbook-studio.js", "/pkg/c0ffee/", "/pkg/", "/pkg/..%2f..%2fLeptos.toml", "/pkg/a%00b"] {
        let answer = studio.exchange("GET", path, &[], None).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
        assert!(!answer.headers.contains_key("etag"), "{path}");
    }
    let page = studio.exchange("GET", "/no-such-page", &[], None).await;
    assert_eq!(page.status, 404);
    assert_eq!(page.headers["cache-control"], "private, no-cache");
    assert_eq!(studio.exchange("POST", SCRIPT, &[], None).await.status, 404);
}
