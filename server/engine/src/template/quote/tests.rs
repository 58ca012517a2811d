//! Values in every context, and what is refused.

use std::process::Command;

use serde_json::json;

use super::*;

/// What attackers and names of real files bring along.
fn hostile() -> Vec<String> {
    let mut values: Vec<String> = [
        "$(touch pwned)",
        "`touch pwned`",
        "; touch pwned",
        "| touch pwned",
        "& touch pwned",
        "\n touch pwned\n",
        "'",
        "\"",
        "'; touch pwned; '",
        "\"; touch pwned; \"",
        "'\"'\"'",
        "$HOME",
        "${HOME}",
        "\\",
        "\\'",
        "\\\"",
        "*",
        "~",
        "!!",
        "#",
        "",
        " ",
        "a b",
        "-rf",
        "--",
        "\t",
        "\r",
        "ünï ☃ 𝄞",
        "$((1+1))",
        ")",
        "(",
        "<",
        ">",
        "<<EOF",
        "{}",
        "%s%n",
        "\\n",
        "a'b\"c$d`e\\f",
        "\u{E000}0\u{E001}",
        "${IFS}",
        "$'\\n'",
        "||true",
        "&&false",
        "EOF",
        "{{ 1 }}",
        "{% raw %}",
        "\u{7f}",
        "\u{1b}[0m",
    ]
    .map(str::to_owned)
    .into();
    for (left, right) in [("'", "'"), ("\"", "\""), ("$(", ")"), ("\\", ""), ("\n", "\n")] {
        for index in 0..44 {
            values.push(format!("{left}{}{right}", values[index]));
        }
    }
    values
}

fn render(template: &str, value: &str, syntax: Syntax) -> Result<String, String> {
    let text = template.replace("{}", "\u{E000}0\u{E001}");
    fill(&text, &[json!(value)], syntax)
}

#[test]
fn no_value_becomes_shell_code_in_any_quotes() {
    let templates = [
        "printf %s {}",
        "printf %s \"{}\"",
        "printf %s '{}'",
        "printf %s \"$(printf '%s_' {})\"",
        "printf %s x{}y",
        "x={}; printf %s \"$x\"",
        "printf %s \"$(printf '%s_' \"{}\")\"",
        "printf %s \"it's {}\" # isn't it",
    ];
    let around = [("", ""), ("", ""), ("", ""), ("", "_"), ("x", "y"), ("", ""), ("", "_"), ("it's ", "")];
    // One process for all values of a template: each call in a subshell, its output ended by a mark.
    for (template, (before, after)) in templates.iter().zip(around) {
        let values: Vec<String> = hostile();
        let script: String =
            values.iter().map(|v| format!("( {}\n); printf '\\001'\n", render(template, v, Syntax::Shell).unwrap())).collect();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("script");
        std::fs::write(&file, script).unwrap();
        let work = tempfile::tempdir().unwrap();
        let output = Command::new("/bin/sh").arg(&file).current_dir(work.path()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let got: Vec<&str> = text.split('\u{1}').collect();
        for (value, got) in values.iter().zip(got) {
            assert_eq!(got, format!("{before}{value}{after}"), "{template} with {value:?}");
        }
        assert_eq!(std::fs::read_dir(work.path()).unwrap().count(), 0, "{template}");
    }
}

#[test]
fn where_no_quoting_is_safe_the_value_is_refused() {
    for template in [
        "cat <<EOF\n{}\nEOF",
        "echo ${x:-{}}",
        "echo \"${x:-{}}\"",
        "echo `echo {}`",
        "echo \"$(case x in x) echo {};; esac)\"",
        "echo $(( {} ))",
        "echo $'{}'",
        "(( {} ))",
        "echo \\{}",
    ] {
        assert!(render(template, "$(x)", Syntax::Shell).is_err(), "{template}");
        assert!(render(template, "42", Syntax::Shell).is_ok(), "{template}");
    }
    assert_eq!(render("# {}\ntrue", "a\nrm", Syntax::Shell).unwrap(), "# a rm\ntrue");
    // No argument can hold NUL.
    assert!(render("printf %s {}", "a\0b", Syntax::Shell).unwrap_err().contains("NUL"));
}

#[test]
fn no_value_becomes_code_of_another_interpreter() {
    for value in hostile() {
        let literal = render("print({})", &value, Syntax::Code).unwrap();
        let inner = &literal["print(".len()..literal.len() - 1];
        assert_eq!(serde_json::from_str::<String>(inner).unwrap(), value);
    }
    for template in [
        "print(\"{}\")",
        "print('{}')",
        "x = \"\"\"\n{}\n\"\"\"",
        "`\n{}`",
        "print(\"\\\\\" + \" {}\")",
        "print \"of\n{}\n\"",
        "print 'of\n# it\n{}\n'",
    ] {
        assert!(render(template, "+exit()+", Syntax::Code).is_err(), "{template}");
    }
    for template in [
        "print(\"it's\")\nprint({})",
        "# don't\nprint({})",
        "x = 1  # don't\nprint({})",
        "\"\"\"A \"word\" of it's\"\"\"\nprint({})",
        "print(\"\\\\\", {})",
        "print('', \"\", {})",
    ] {
        assert!(render(template, "+exit()+", Syntax::Code).is_ok(), "{template}");
    }
    // What stands in one value says nothing about the next.
    let two = fill("f(\u{E000}0\u{E001}, \u{E000}1\u{E001})", &[json!("it's `"), json!("b")], Syntax::Code);
    assert_eq!(two.unwrap(), "f(\"it's `\", \"b\")");
}

#[test]
fn addresses_and_json_keep_their_shape() {
    for value in hostile() {
        let url = render("http://h/p/{}?q={}", &value, Syntax::Url).unwrap();
        let url = reqwest::Url::parse(&url).unwrap();
        assert_eq!((url.host_str(), url.query_pairs().count()), (Some("h"), 1));
        assert_eq!(url.query_pairs().next().unwrap().1, value);
        let body = render(r#"{"a": {}, "b": "x{}y"}"#.replace("{}", "\u{E000}0\u{E001}").as_str(), &value, Syntax::Json).unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body, json!({"a": value, "b": format!("x{value}y")}));
    }
    assert_eq!(fill("[\u{E000}0\u{E001}]", &[json!(5)], Syntax::Json).unwrap(), "[5]");
    for dots in [".", ".."] {
        assert!(render("http://h/users/{}/keys", dots, Syntax::Url).is_err(), "{dots}");
        assert_eq!(render("http://h/?q={}", dots, Syntax::Url).unwrap(), format!("http://h/?q={dots}"));
    }
}

/// What a page would show of a text: its structure without the words, and the words without line breaks.
fn read_markdown(text: &str) -> (Vec<String>, String) {
    use pulldown_cmark::{Event, Parser};
    let (mut structure, mut words) = (Vec::new(), String::new());
    for event in Parser::new_ext(text, markdown::options()) {
        match event {
            Event::Text(text) => words.push_str(&text),
            Event::Code(code) => {
                structure.push("code".to_owned());
                words.push_str(&code);
            }
            Event::SoftBreak | Event::HardBreak => words.push(' '),
            other => structure.push(format!("{other:?}")),
        }
    }
    (structure, words.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Values that mean something in Markdown.
fn markdown_values() -> Vec<String> {
    let mut values: Vec<String> = [
        "[x](http://evil)",
        "![x](http://evil/p.png)",
        "(http://evil)",
        ": http://evil",
        "[a]: http://evil",
        "<http://evil>",
        "http://evil",
        "<img src=x onerror=alert(1)>",
        "b>",
        "href=http://evil>x</a>",
        "&lt;b&gt; &#60;",
        "# heading",
        "heading #",
        "Title\n===",
        "Title\n---",
        "- item",
        "+ item\n- item",
        "1. one\n2) two",
        "1.",
        "> quote",
        "**bold** _em_ ~~gone~~ `code` ``two``",
        "a | b\n--|--\nc | d",
        ":--",
        "```\n# out\n```",
        "~~~\nout",
        "    code",
        "one\n\n    two\n\n# three",
        "a\r\nb\rc\n",
        "***",
        "my_host_name.example.com",
        "10.0.0.1",
        "end\\",
        "!",
        "`",
        "``",
    ]
    .map(str::to_owned)
    .into();
    values.extend(hostile());
    values
}

#[test]
fn no_value_becomes_markdown() {
    let templates = [
        "Look at {} now",
        "{}",
        "<{}>",
        "</{}> and <a {}>x</a>",
        "[here]{}",
        "[here]({} {})",
        "!{}",
        "1{}",
        "# About {}",
        "Title\n{}\n",
        "* one {}\n* {} two",
        "> quoted {}\n> more",
        "**{}**",
        "run `{}` now",
        "``run {} ` `` and `{}`",
        "[say {}](http://good/)",
        "| a | b |\n|---|---|\n| {} | `{}` |",
        "```\n{}\n```\nafter",
        "1. Do\n\n   ```sh\n   echo {}\n   ```\n\n   then {}",
        "> ~~~\n> {}\n> ~~~",
        "x\n\n    {}\n\ny",
    ];
    for template in templates {
        for value in markdown_values() {
            if value.contains('\0') || value.trim().is_empty() {
                continue;
            }
            let text = render(template, &value, Syntax::Markdown).unwrap();
            // What is as harmless as can be says what the shape is, and where the words go.
            let (shape, words) = read_markdown(&render(template, "XYZ", Syntax::Markdown).unwrap());
            let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
            // A blank that a value begins with keeps the text from meaning what it would: that changes no more than how it looks.
            let looks = |shape: &[String]| shape.iter().filter(|part| !part.contains("Strong")).cloned().collect::<Vec<_>>();
            let (got, shown) = read_markdown(&text);
            assert_eq!(looks(&got), looks(&shape), "{template:?} with {value:?}: {text:?}");
            if got == shape {
                let without = |text: &str| text.split_whitespace().collect::<String>();
                assert_eq!(without(&shown), without(&words.replace("XYZ", &value)), "{template:?}: {text:?}");
            }
        }
    }
}

#[test]
fn what_people_read_in_markdown_is_escaped_no_more_than_it_must_be() {
    for (template, value, expected) in [
        ("On {}", "web-1.example.com", "On web-1.example.com"),
        ("On {}", "my_host at 10.0.0.1, port 80 (TCP): $5 + tax!?", "On my_host at 10.0.0.1, port 80 (TCP): $5 + tax!?"),
        ("`{}`", "rm *_[x]", "`rm *_[x]`"),
        ("`{}`", "a`b", "`` a`b ``"),
        ("```\n{}\n```", "a\n# b\n```\n", "```\na\n# b\n    ```\n```"),
        ("- x\n  ```\n  {}\n  ```", "a\nb", "- x\n  ```\n  a\n  b\n  ```"),
        ("See {}", "[x](http://evil)", "See \\[x\\](http://evil)"),
        ("{}", "one\n- two\n", "one\\\n\\- two"),
        ("[go](http://h/{})", "a b", "[go](http://h/a%20b)"),
        ("<b title=\"{}\">x</b>", "a\"b", "<b title=\"a&#34;b\">x</b>"),
    ] {
        assert_eq!(render(template, value, Syntax::Markdown).unwrap(), expected, "{template} with {value:?}");
    }
}

#[test]
fn interpreters_are_known_by_name() {
    for (text, syntax) in [
        ("/bin/sh", Syntax::Shell),
        ("bash -eu", Syntax::Shell),
        ("/usr/bin/env -S A=b zsh", Syntax::Shell),
        ("/usr/bin/env python3", Syntax::Code),
        ("node", Syntax::Code),
        ("/opt/sh/perl", Syntax::Code),
    ] {
        assert_eq!(Syntax::of_interpreter(text), syntax, "{text}");
    }
}
