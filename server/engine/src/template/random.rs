//! Texts that nobody would write: none may end the server, none may keep it busy, and what is wrong is told with its place.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::json;

use super::{Context, MAX_RENDERED, Syntax, holds, names, names_of_expression, render, render_json};

const SYNTAXES: [Syntax; 5] = [Syntax::Shell, Syntax::Code, Syntax::Url, Syntax::Json, Syntax::Plain];
/// How long one text may take: what the work that a template may do takes on a slow machine, many times over.
const SOON: Duration = Duration::from_secs(20);

/// What templates are made of, and what is nearly that.
const PIECES: [&str; 64] = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{{{",
    "}}}",
    "{",
    "}",
    "{{-",
    "-}}",
    "{%-",
    "-%}",
    "${#x}",
    "{{.Names}}",
    "params.x",
    "params.nope",
    "params",
    "params.big",
    "steps.x.stdout",
    "run.id",
    "env['A']",
    "x",
    "1",
    "-1",
    "99999999999999999999",
    " | upper",
    " | raw",
    " | tojson",
    " | safe",
    " | indent(99999999)",
    " | replace('x', params.big)",
    " | join(params.big)",
    " | nofilter",
    " | default('a')",
    " | length",
    " | list",
    "|",
    "(",
    ")",
    "[",
    "]",
    ",",
    ".",
    "..",
    "'",
    "\"",
    "\\",
    " ~ ",
    " * ",
    " not ",
    " in ",
    " if 1 else 2 ",
    "\n",
    " for i in range(9999) ",
    " endfor ",
    " if params.n ",
    " endif ",
    " set x = x ~ x ",
    " macro m() ",
    " endmacro ",
    " raw ",
    " endraw ",
];

/// Pieces in any order, with anything between them: what our own marks are made of, too.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => proptest::sample::select(&PIECES[..]).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[\u{E000}\u{E001}\u{E002}{}#%0-9]{0,6}",
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Templates as they should be, one within another.
fn nested() -> impl Strategy<Value = String> {
    let leaf =
        prop_oneof!["[a-z $'\"#\n]{0,12}", Just("{{ params.x | upper }}".to_owned()), Just("{{ params.n * 2 }}".to_owned())];
    leaf.prop_recursive(8, 64, 3, |inner| {
        let (one, two, both) = (inner.clone(), inner.clone(), inner.clone());
        prop_oneof![
            one.prop_map(|body| format!("{{% for i in range(3) %}}{body}{{% endfor %}}")),
            two.prop_map(|body| format!("{{% set y %}}{body}{{% endset %}}{{{{ y | lower }}}}")),
            (both, inner).prop_map(|(one, two)| format!("{{% if params.n > 2 %}}{one}{{% else %}}{two}{{% endif %}}")),
        ]
    })
}

fn context() -> Context {
    let mut context = Context::default();
    let answers = json!({ "x": "a b; $(id)", "n": 3, "big": "x".repeat(10_000) });
    context.set_parameters(answers.as_object().expect("an object"), &["token".to_owned()]);
    context
}

/// What is asked of every text, whatever it holds.
fn try_all(source: &str) -> Result<(), TestCaseError> {
    let context = context();
    for syntax in SYNTAXES {
        let began = Instant::now();
        match render(source, syntax, &context) {
            Ok(text) => prop_assert!(text.len() <= MAX_RENDERED.max(source.len()), "{} bytes", text.len()),
            Err(said) => prop_assert!(!said.trim().is_empty() && said.chars().count() < 1_000, "{said}"),
        }
        prop_assert!(began.elapsed() < SOON, "{syntax:?} took {:?}", began.elapsed());
    }
    let body = json!({ "a": [source, { "b": source }] });
    let others: [(&str, &dyn Fn()); 4] = [
        ("names", &|| drop(names(source))),
        ("names_of_expression", &|| drop(names_of_expression(source))),
        ("holds", &|| drop(holds(source, &context))),
        ("render_json", &|| drop(render_json(&body, &context))),
    ];
    for (what, call) in others {
        let began = Instant::now();
        call();
        prop_assert!(began.elapsed() < SOON, "{what} took {:?}", began.elapsed());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_text_ends_the_server_or_keeps_it_busy(source in text()) {
        try_all(&source)?;
    }

    #[test]
    fn templates_within_templates_are_filled_in_whatever_they_stand_in(source in nested()) {
        try_all(&source)?;
        let filled = render(&source, Syntax::Plain, &context());
        prop_assert!(filled.is_ok(), "{filled:?}");
    }

    #[test]
    fn a_text_without_templates_stays_as_it_is(source in "[^{]*") {
        for syntax in SYNTAXES {
            prop_assert_eq!(render(&source, syntax, &context()), Ok(source.clone()));
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line(
        before in proptest::collection::vec("[a-z $'\"]{0,12}(\\{\\{ params\\.n \\}\\})?", 1..20),
        after in proptest::collection::vec("[a-z ]{0,12}", 0..5),
        fault in proptest::sample::select(&[
            "{{ params.nope }}",
            "{{ params.x.y.z }}",
            "{{ 1 + }}",
            "{{ 'a' | nofilter }}",
            "{{ params.x | safe }}",
            "{{ 1 / 0 }}",
            "{% if %}",
            "{% endif %}",
            "{% nothing %}",
            "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
            "{% for a in range(999) %}{{ params.big }}{% endfor %}",
        ][..]),
    ) {
        let source = [&before[..], &[fault.to_owned()], &after[..]].concat().join("\n");
        let said = render(&source, Syntax::Plain, &context());
        let place = format!("(line {})", before.len() + 1);
        prop_assert!(said.as_ref().is_err_and(|said| said.contains(&place)), "{place} is not in {said:?}");
    }
}

/// Many times deeper than anybody writes, or than the stack would bear if it were followed.
const DEEP: usize = 5_000;

#[test]
fn however_deep_it_is_nested_it_is_refused_and_not_followed_down() {
    let deep = |open: &str, inner: &str, close: &str| {
        let (open, close) = (open.repeat(DEEP), close.repeat(DEEP));
        format!("{{{{ {open}{inner}{close} }}}}")
    };
    let texts = [
        deep("(", "1", ")"),
        deep("[", "1", "]"),
        deep("{'a': ", "1", "}"),
        deep("params[", "1", "]"),
        deep("not ", "1", ""),
        deep("-", "1", ""),
        deep("m(", "1", ")"),
        deep("1 if 1 else ", "1", ""),
        deep("", "1", " | upper"),
        deep("", "'a'", " ~ 'a'"),
        deep("", "2", " ** 2"),
        deep("", "params", ".x"),
        deep("(", "1", ""),
        "{% if 1 %}".repeat(DEEP),
        format!("{}{}", "{% if 1 %}".repeat(DEEP), "{% endif %}".repeat(DEEP)),
        format!("{}{}", "{% for i in [1] %}".repeat(DEEP), "{% endfor %}".repeat(DEEP)),
        "{{".repeat(DEEP),
        "{#".repeat(DEEP),
        "{{.".repeat(DEEP),
    ];
    for text in texts {
        let shown: String = text.chars().take(40).collect();
        // What a worker of the server has.
        let outcome =
            std::thread::Builder::new().stack_size(10 << 20).spawn(move || try_all(&text)).map(std::thread::JoinHandle::join);
        assert!(matches!(outcome, Ok(Ok(Ok(())))), "{shown}…: {outcome:?}");
    }
}
