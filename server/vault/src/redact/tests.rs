//! Tests of the redactor: examples first, then properties over random secrets, texts and cuts.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

fn redactor(secrets: &[&str]) -> Redactor {
    Redactor::new(secrets.iter().map(|secret| SecretString::from(*secret)))
}

#[track_caller]
fn check(secrets: &[&str], text: &str, expected: &str) {
    let redactor = redactor(secrets);
    assert_eq!(redactor.redact(text), expected);
    for size in 1..=text.len().max(1) {
        let mut stream = redactor.stream();
        let mut streamed = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            streamed.extend(stream.push(piece));
        }
        streamed.extend(stream.finish());
        assert_eq!(String::from_utf8(streamed).unwrap(), expected, "in pieces of {size}");
    }
}

fn push(stream: &mut RedactStream, text: &str) -> String {
    String::from_utf8(stream.push(text.as_bytes())).unwrap()
}

#[test]
fn a_secret_is_masked_wherever_it_stands() {
    check(&["hunter2"], "hunter2", "••••••");
    check(&["hunter2"], "psql -W hunter2 -h db", "psql -W •••••• -h db");
    check(&["hunter2"], "hunter1 hunter hunter2hunter2", "hunter1 hunter ••••••••••••");
}

#[test]
fn text_without_a_secret_is_borrowed() {
    let redacted = redactor(&["hunter2"]);
    assert!(matches!(redacted.redact("nothing here"), Cow::Borrowed("nothing here")));
}

#[test]
fn the_longer_of_two_secrets_is_masked_whole() {
    check(&["hunter", "hunter2hunter"], "a hunter2hunter b", "a •••••• b");
    check(&["hunter", "hunter2hunter"], "a hunter2hunte b", "a ••••••2hunte b");
}

#[test]
fn secrets_that_overlap_are_masked_as_one_and_show_no_end() {
    check(&["abcdef", "defghi"], "<abcdefghi>", "<••••••>");
    check(&["abab"], "<ababab>", "<••••••>");
    check(&["bcde", "abcdefgh", "ghij"], "<abcdefghij> <abcdefg>", "<••••••> <a••••••fg>");
}

#[test]
fn encoded_secrets_are_masked() {
    let secret = "it's \"5\" / é";
    let cases = [
        ("{}", secret.to_owned()),
        ("[{}]", BASE64_STANDARD.encode(secret)),
        ("[{}]", BASE64_URL_SAFE_NO_PAD.encode(secret)),
        ("[{}]", hex::encode(secret)),
        ("?p={}&q=1", "it%27s%20%225%22%20%2F%20%C3%A9".to_owned()),
        ("?p={}&q=1", "it%27s+%225%22+%2f+%c3%a9".to_owned()),
        ("{\"p\":\"{}\"}", "it's \\\"5\\\" / é".to_owned()),
        ("{\"p\":\"{}\"}", "it's \\\"5\\\" / \\u00e9".to_owned()),
        ("echo '{}'", "it'\"'\"'s \"5\" / é".to_owned()),
        ("echo '{}'", "it'\\''s \"5\" / é".to_owned()),
    ];
    for (frame, form) in cases {
        check(&[secret], &frame.replace("{}", &form), &frame.replace("{}", MASK));
    }
}

#[test]
fn a_key_is_masked_line_by_line() {
    let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n";
    check(&[key], key, "••••••\n");
    check(&[key], "  | MIIEvQIBADANBgkq\r\n  | hkiG9w0BAQEFAASC\r\n", "  | ••••••\r\n  | ••••••\r\n");
}

#[test]
fn short_secrets_are_left_alone() {
    check(&["abc", ""], "abc", "abc");
    assert!(redactor(&["abc", ""]).is_empty());
    assert!(Redactor::default().is_empty());
}

#[test]
fn a_prompt_is_not_held_back() {
    let mut stream = redactor(&[" hunter2\n"]).stream();
    assert_eq!(push(&mut stream, "Password: "), "Password: ");
    assert_eq!(push(&mut stream, "hunt"), "");
    assert_eq!(push(&mut stream, "ing? [y/N] "), "hunting? [y/N] ");
}

#[test]
fn only_the_tail_that_may_become_a_secret_is_held_back() {
    let mut stream = redactor(&["hunter2"]).stream();
    assert_eq!(push(&mut stream, "a hu hun"), "a hu ");
    assert_eq!(push(&mut stream, "thu"), "hunt");
    assert_eq!(stream.finish(), b"hu");
}

#[test]
fn the_mask_comes_with_the_last_byte_of_the_secret() {
    let mut stream = redactor(&["hunter2"]).stream();
    assert_eq!(push(&mut stream, "a hunter"), "a ");
    assert_eq!(push(&mut stream, "2"), "••••••");
    assert_eq!(push(&mut stream, "\n"), "\n");
}

#[test]
fn a_mask_goes_out_once_though_the_secret_grows() {
    let mut stream = redactor(&["hunter", "hunter2hunter"]).stream();
    assert_eq!(push(&mut stream, "hunter"), "••••••");
    assert_eq!(push(&mut stream, "2hunter"), "");
    assert_eq!(push(&mut stream, "!"), "!");
}

#[test]
fn a_stream_can_be_used_again_after_its_end() {
    let mut stream = redactor(&["hunter2"]).stream();
    assert_eq!(push(&mut stream, "hunter2"), "••••••");
    assert!(stream.finish().is_empty());
    assert_eq!(push(&mut stream, "abc hunter"), "abc ");
    assert_eq!(stream.finish(), b"hunter");
    assert_eq!(push(&mut stream, "2"), "2");
}

#[test]
fn without_secrets_bytes_pass_as_they_are() {
    let mut stream = redactor(&[]).stream();
    assert_eq!(stream.push(b"\xff\x00abc"), b"\xff\x00abc");
    assert!(stream.finish().is_empty());
}

#[test]
fn bytes_that_are_no_utf_8_do_not_hide_a_secret() {
    let mut stream = redactor(&["hunter2"]).stream();
    let mut output = stream.push(b"\xff\xfehunter2\xff");
    output.extend(stream.finish());
    assert_eq!(output, [b"\xff\xfe", MASK.as_bytes(), b"\xff"].concat());
}

/// What tools put between characters: colours of every kind, movements, titles, links, character sets, two in a row.
const SEQUENCES: &[&str] = &[
    "\x1b[31m",
    "\x1b[m",
    "\x1b[1;38;2;255;0;10m",
    "\x1b[38:5:196m",
    "\x1b[0m\x1b[K",
    "\x1b[?25l",
    "\x1b[2 q",
    "\x1b(B\x1b[m",
    "\x1b7\x1b8",
    "\x1b=",
    "\x1b]0;a title\x07",
    "\x1b]8;;https://example.org/é\x1b\\",
    "\x1bP1$r0m\x1b\\",
];

#[test]
fn a_secret_with_escape_sequences_between_its_characters_is_masked() {
    for sequence in SEQUENCES {
        let everywhere: String = "hunter2".chars().map(|character| format!("{character}{sequence}")).collect();
        let masked = format!("a {sequence}{MASK}{sequence} b");
        check(&["hunter2"], &format!("a {sequence}{everywhere} b"), &masked);
        check(&["hunter2", "horse"], &format!("hun{sequence}ter2 ho{sequence}rse"), &format!("{MASK} {MASK}"));
        check(&["hunter2"], &format!("hun{sequence}ter3"), &format!("hun{sequence}ter3"));
        let encoded = BASE64_STANDARD.encode("hunter2!");
        check(&["hunter2!"], &format!("{}{sequence}{}", &encoded[..5], &encoded[5..]), MASK);
    }
}

#[test]
fn a_secret_in_a_title_or_beside_a_colour_is_masked() {
    check(&["hunter2"], "\x1b]0;hunter2\x07", "\x1b]0;••••••\x07");
    check(&["mhunter2"], "\x1b[mhunter2", "\x1b[••••••");
    check(&["31mx"], "\x1b[31mx 31\x1b[0mmx", "\x1b[•••••• ••••••");
    // The sequence's own last letter is the first of the secret too.
    check(&["mmmb"], "mm\x1b[mmb", "••••••");
    check(&["hunter2"], "hun\x1b[31", "hun\x1b[31");
}

#[test]
fn what_is_no_escape_sequence_is_text() {
    for text in ["hun\x1b[\nter2", "hun\x1bé ter2", "hun\x1b]0;never ended ter2"] {
        check(&["hunter2"], text, text);
    }
    let long = format!("hun\x1b]0;{}\x07ter2", "x".repeat(300));
    check(&["hunter2"], &long, &long);
    check(&["hunter2"], &format!("{long} hunter2"), &format!("{long} ••••••"));
    let many = format!("hun{}ter2", "\x1b[31m".repeat(1000));
    let redactor = redactor(&["hunter2"]);
    let mut stream = redactor.stream();
    let mut out = stream.push(many.as_bytes());
    assert!(stream.held.len() <= MAX_GAPS + 256, "held {}", stream.held.len());
    out.extend(stream.finish());
    assert_eq!(out, many.as_bytes());
}

#[test]
fn a_secret_with_an_escape_of_its_own_is_masked() {
    check(&["ab\x1b[31mcd"], "x ab\x1b[31mcd", "x ••••••");
}

#[test]
fn a_colour_holds_nothing_back() {
    let mut stream = redactor(&["hunter2"]).stream();
    assert_eq!(push(&mut stream, "\x1b[32m$ \x1b[0m"), "\x1b[32m$ \x1b[0m");
    assert_eq!(push(&mut stream, "h\x1b[1m"), "");
    assert_eq!(push(&mut stream, "i"), "h\x1b[1mi");
}

/// What the search for escape sequences costs. Run it optimised:
/// `cargo test --release -p vault -- --ignored --nocapture a_million_lines`.
#[test]
#[ignore = "measures; of use only where it is optimised"]
fn a_million_lines_cost_little_more() {
    let plain = "2026-11-23T10:00:00Z web-1 nginx: GET /index.html 200 512 bytes in 12 ms\n";
    let coloured = "\x1b[32m2026-11-23T10:00:00Z\x1b[0m \x1b[1mweb-1\x1b[0m nginx: GET /index.html \x1b[36m200\x1b[0m in 12 ms\n";
    let secrets = ["hunter2-hunter2", "correct horse battery staple", "tk-9f31c0a7-8b1e"];
    for (name, line) in [("plain", plain), ("coloured", coloured)] {
        let chunk = line.repeat(1000);
        let measure = |skips: bool| {
            let mut matcher = Matcher::new(&Forms::of(secrets.map(SecretString::from)));
            matcher.skips = skips;
            matcher.begins_form[usize::from(ansi::ESC)] = skips;
            let mut stream = Redactor { matcher: Some(Arc::new(matcher)) }.stream();
            let begun = std::time::Instant::now();
            let length: usize = (0..1000).map(|_| stream.push(chunk.as_bytes()).len()).sum();
            assert_eq!(length + stream.finish().len(), chunk.len() * 1000);
            begun.elapsed()
        };
        // The best of a few, in turn: the machine does other things, too.
        let rounds: Vec<_> = (0..5).map(|_| (measure(false), measure(true))).collect();
        let without = rounds.iter().map(|round| round.0).min().unwrap();
        let with = rounds.iter().map(|round| round.1).min().unwrap();
        let more = (with.as_secs_f64() / without.as_secs_f64() - 1.0) * 100.0;
        println!("a million {name} lines: {without:?} without, {with:?} with the search for escape sequences: {more:+.1} %");
    }
}

#[test]
fn debug_shows_no_secret() {
    let redactor = redactor(&["hunter2"]);
    let mut stream = redactor.stream();
    let _ = stream.push(b"hunter");
    let shown = format!("{redactor:?} {stream:?}");
    assert!(!shown.contains("hunter"), "{shown}");
}

/// Few letters, so that secrets overlap, repeat and begin alike; and all that gets escaped.
const SECRET: &str = "[ab]{4,9}|[abc'\"/+&%é\\\\ \n<?]{4,24}|[ -~]{4,100}";

/// A piece of text: noise, or a form of a secret, or the beginning of one.
#[derive(Clone, Debug)]
enum Piece {
    Noise(String),
    Form(Index),
    Beginning(Index, Index),
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        "[ab' \n%\\\\•é]{0,6}|[ -~]{0,20}".prop_map(Piece::Noise),
        any::<Index>().prop_map(Piece::Form),
        any::<(Index, Index)>().prop_map(|(form, length)| Piece::Beginning(form, length)),
    ]
}

fn text(pieces: &[Piece], forms: &[String]) -> String {
    let mut text = String::new();
    // All secrets may be too short.
    let pieces = pieces.iter().filter(|piece| matches!(piece, Piece::Noise(_)) || !forms.is_empty());
    for piece in pieces {
        match piece {
            Piece::Noise(noise) => text.push_str(noise),
            Piece::Form(form) => text.push_str(&forms[form.index(forms.len())]),
            Piece::Beginning(form, length) => {
                let form: Vec<char> = forms[form.index(forms.len())].chars().collect();
                text.extend(&form[..length.index(form.len())]);
            }
        }
    }
    text
}

fn in_pieces(redactor: &Redactor, text: &[u8], cuts: &[Index]) -> Vec<u8> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    let mut stream = redactor.stream();
    let mut output = Vec::new();
    for cut in cuts.windows(2) {
        output.extend(stream.push(&text[cut[0]..cut[1]]));
    }
    output.extend(stream.finish());
    output
}

/// What the redactor should do, without an automaton: mark every byte of every occurrence, then
/// replace the stretches that occurrences overlap to.
fn naive(text: &str, forms: &[String]) -> String {
    let mut found = Vec::new();
    for form in forms {
        for start in 0..text.len() {
            if text.as_bytes()[start..].starts_with(form.as_bytes()) {
                found.push(start..start + form.len());
            }
        }
    }
    found.sort_by_key(|region| (region.start, region.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for region in found {
        match merged.last_mut() {
            Some(last) if region.start < last.end => last.end = last.end.max(region.end),
            _ => merged.push(region),
        }
    }
    let mut redacted = text.to_owned();
    for region in merged.into_iter().rev() {
        redacted.replace_range(region, MASK);
    }
    redacted
}

proptest! {
    #[test]
    fn however_the_text_is_cut_the_output_is_the_same_and_holds_no_secret(
        secrets in prop::collection::vec(SECRET, 1..4),
        pieces in prop::collection::vec(piece(), 0..8),
        cuts in prop::collection::vec(any::<Index>(), 0..12),
    ) {
        let secrets: Vec<SecretString> = secrets.into_iter().map(SecretString::from).collect();
        let forms: Vec<String> = Forms::of(secrets.clone()).iter().map(str::to_owned).collect();
        let redactor = Redactor::new(secrets);
        let text = text(&pieces, &forms);
        let whole = redactor.redact(&text);
        prop_assert_eq!(&*whole, naive(&text, &forms));
        for form in &forms {
            prop_assert!(!whole.contains(form.as_str()), "{:?} is in {:?}", form, whole);
        }
        let streamed = in_pieces(&redactor, text.as_bytes(), &cuts);
        prop_assert_eq!(String::from_utf8(streamed).unwrap(), &*whole);
    }

    #[test]
    fn nothing_is_held_back_but_the_longest_tail_that_begins_a_form(
        secret in SECRET,
        pieces in prop::collection::vec(piece(), 0..4),
    ) {
        let secret = SecretString::from(secret);
        let forms: Vec<String> = Forms::of([secret.clone()]).iter().map(str::to_owned).collect();
        let text = text(&pieces, &forms);
        let mut stream = Redactor::new([secret]).stream();
        let _ = stream.push(text.as_bytes());
        let longest = (0..=text.len())
            .map(|start| &text.as_bytes()[start..])
            .find(|tail| forms.iter().any(|form| form.as_bytes().starts_with(tail)));
        prop_assert_eq!(stream.held.as_slice(), longest.unwrap_or_default());
    }

    #[test]
    fn of_base64_around_a_secret_only_what_surrounds_it_is_left(
        secret in "[!-~]{8,40}",
        before in prop::collection::vec(any::<u8>(), 0..9),
        after in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        let redactor = redactor(&[secret.as_str()]);
        let encoded = BASE64_STANDARD.encode([&before, secret.as_bytes(), &after].concat());
        let redacted = redactor.redact(&encoded);
        let (head, tail) = redacted.split_once(MASK).unwrap();
        prop_assert!(head.len() <= (before.len() * 8).div_ceil(6), "{}", redacted);
        let tail = tail.rsplit(MASK).next().unwrap();
        prop_assert!(tail.len() <= (after.len() * 8).div_ceil(6) + 3, "{}", redacted);
    }

    #[test]
    fn escape_sequences_hide_no_secret_however_the_text_is_cut(
        secret in "[ab]{4,9}|[abm1]{4,12}|[!-~]{4,40}",
        before in "[abm1 ]{0,8}",
        after in "[abm1 ]{0,8}",
        sequences in prop::collection::vec(0..SEQUENCES.len() * 2, 0..60),
        cuts in prop::collection::vec(any::<Index>(), 0..12),
    ) {
        let redactor = redactor(&[secret.as_str()]);
        let shown = format!("{before}{secret}{after}");
        let mut text = String::new();
        for (place, character) in shown.chars().enumerate() {
            text.push(character);
            text.push_str(sequences.get(place).and_then(|number| SEQUENCES.get(*number)).copied().unwrap_or_default());
        }
        let whole = redactor.redact(&text);
        let left = SEQUENCES.iter().fold(whole.clone().into_owned(), |left, sequence| left.replace(sequence, ""));
        prop_assert!(whole.contains(MASK) && !left.contains(&secret), "{:?}", whole);
        let streamed = in_pieces(&redactor, text.as_bytes(), &cuts);
        prop_assert_eq!(String::from_utf8(streamed).unwrap(), &*whole);
    }
}
