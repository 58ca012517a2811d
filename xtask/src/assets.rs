//! What a browser loads, made ready to be served: named after what it holds, and compressed once instead of at every request.
//!
//! The server serves both (`server/src/http/files.rs`). cargo-leptos could put hashes into the names of files, too (`hash-files`),
//! but `cargo leptos watch` does so at its start alone and serves old ones afterwards.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// Letters of a name that say what the files hold: 64 bits of their SHA-256.
const LETTERS: usize = 16;
/// The highest quality of brotli, which takes about a second for each 100 KB.
const QUALITY: i32 = 11;
/// What becomes smaller when it is compressed.
const COMPRESSED: [&str; 6] = ["css", "html", "js", "json", "svg", "wasm"];

/// Moves the files of the application into a folder in their own, named after what all of them hold: `pkg/<hash>/app.js`. What one of
/// them says of another's place stays true. Answers the name of the folder.
pub fn name_after_content(pkg: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    let found = files(pkg)?;
    for file in &found {
        let content = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        // With their lengths, so that no letter can change its file unseen.
        hash.update(file.strip_prefix(pkg).unwrap_or(file).as_os_str().as_encoded_bytes());
        hash.update([0_u8]);
        hash.update(content.len().to_le_bytes());
        hash.update(content);
    }
    let mut name: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    name.truncate(LETTERS);

    let new = pkg.with_extension("new");
    fs::rename(pkg, &new).with_context(|| format!("moving {}", pkg.display()))?;
    fs::create_dir_all(pkg).with_context(|| format!("creating {}", pkg.display()))?;
    let named = pkg.join(&name);
    fs::rename(&new, &named).with_context(|| format!("moving it to {}", named.display()))?;
    // Types for those who write TypeScript against it: nobody does.
    for file in files(&named)?.iter().filter(|file| file.to_string_lossy().ends_with(".d.ts")) {
        fs::remove_file(file).with_context(|| format!("removing {}", file.display()))?;
    }
    Ok(name)
}

/// Puts `name.br` and `name.gz` beside every file of the site that becomes smaller by it. Answers the bytes before, and as brotli.
pub fn compress(site: &Path) -> Result<(usize, usize)> {
    let mut sizes = (0, 0);
    for file in files(site)? {
        if !file.extension().is_some_and(|extension| COMPRESSED.iter().any(|one| *one == extension)) {
            continue;
        }
        let content = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        let small = brotli(&content)?;
        write_beside(&file, "br", &small)?;
        write_beside(&file, "gz", &gzip(&content)?)?;
        sizes = (sizes.0 + content.len(), sizes.1 + small.len());
    }
    Ok(sizes)
}

/// Every file in a folder and below.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry.with_context(|| format!("reading {}", folder.display()))?.path();
        if path.is_dir() {
            found.append(&mut files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    // 2^24 bytes is the largest window that browsers read (RFC 7932).
    let params = BrotliEncoderParams { quality: QUALITY, lgwin: 24, size_hint: content.len(), ..Default::default() };
    let mut small = Vec::new();
    brotli::BrotliCompress(&mut &content[..], &mut small, &params).context("compressing with brotli")?;
    Ok(small)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).context("compressing with gzip")?;
    encoder.finish().context("compressing with gzip")
}

fn write_beside(file: &Path, extension: &str, content: &[u8]) -> Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    let path = PathBuf::from(name);
    let mut beside = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    beside.write_all(content).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn site(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            fs::write(folder.path().join(name), text).expect("writing");
        }
        folder
    }

    fn names(folder: &Path) -> Vec<String> {
        let name = |file: &PathBuf| file.file_name().expect("a name").to_string_lossy().into_owned();
        files(folder).expect("reading").iter().map(name).collect()
    }

    #[test]
    fn the_folder_is_named_after_what_is_in_it() {
        let named = |files: &[(&str, &str)]| {
            let folder = site(&[]);
            let pkg = folder.path().join("pkg");
            fs::create_dir(&pkg).expect("a folder");
            for (name, text) in files {
                fs::write(pkg.join(name), text).expect("writing");
            }
            let name = name_after_content(&pkg).expect("named");
            assert_eq!(fs::read_dir(&pkg).expect("reading").count(), 1);
            (name.clone(), names(&pkg.join(name)))
        };
        let (first, files) = named(&[("app.js", "a"), ("app.css", "b"), ("app.d.ts", "c")]);
        assert_eq!(files, ["app.css", "app.js"]);
        assert_eq!(first.len(), LETTERS);
        assert_eq!(named(&[("app.css", "b"), ("app.js", "a"), ("app.d.ts", "c")]).0, first);
        for other in [&[("app.js", "a2"), ("app.css", "b")][..], &[("app.js", "ab"), ("app.css", "")], &[("app.js", "a")]] {
            assert_ne!(named(other).0, first, "{other:?}");
        }
    }

    #[test]
    fn compressed_files_hold_the_same() {
        let text = "every step is durable before the next begins\n".repeat(100);
        let folder = site(&[("a.js", &text), ("a.png", &text)]);
        let (before, after) = compress(folder.path()).expect("compressed");
        assert!(after * 10 < before, "{before} became {after}");
        assert_eq!(names(folder.path()), ["a.js", "a.js.br", "a.js.gz", "a.png"]);

        let read = |name: &str| fs::read(folder.path().join(name)).expect("reading");
        let (mut br, mut gz) = (Vec::new(), String::new());
        brotli::BrotliDecompress(&mut &read("a.js.br")[..], &mut br).expect("brotli");
        flate2::read::GzDecoder::new(&read("a.js.gz")[..]).read_to_string(&mut gz).expect("gzip");
        assert_eq!((String::from_utf8(br).expect("a text"), gz), (text.clone(), text));
    }
}
