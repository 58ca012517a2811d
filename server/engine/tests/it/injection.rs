//! No value becomes code, or changes the shape of what it is put into: each is really run, and arrives as it was.
//!
//! All values go through one run of each interpreter. A script writes what it was given, with NUL between, to a file; its working
//! directory holds nothing, and must hold nothing afterwards: there a value that became code would leave a file.

use std::ops::Range;
use std::path::Path;
use std::process::Command;

use domain::block::{ApiBlock, BlockKind, CommandBlock, InstructionBlock, Method, OnFailure};
use domain::parameter::ParameterKind;
use domain::{Block, Parameter, RunId, RunState, Step, StepState};
use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::hostile;
use crate::hosts::add_host;
use crate::sshd::Sshd;
use crate::world::{Start, World};

/// How a shell's script holds a value, and what the value has around it when it arrives.
const SHELL: [(&str, &str, &str); 9] = [
    ("show {}", "", ""),
    ("show \"{}\"", "", ""),
    ("show '{}'", "", ""),
    ("show x{}y", "x", "y"),
    ("show \"it's {}\" # isn't it", "it's ", ""),
    ("x={}; show \"$x\"", "", ""),
    ("show \"$(printf '%s_' {})\"", "", "_"),
    ("show \"$(printf '%s_' \"{}\")\"", "", "_"),
    // Nothing of a comment arrives, and nothing of it runs.
    ("# {}\nshow ok", "", ""),
];

fn parameters(values: &[String]) -> Start {
    let parameter = |number: usize| Parameter {
        name: format!("p{number}"),
        label: None,
        kind: ParameterKind::String,
        default: None,
        required: false,
        options: Vec::new(),
        pattern: None,
        description: None,
    };
    let answers: Map<String, Value> = values.iter().enumerate().map(|(n, value)| (format!("p{n}"), json!(value))).collect();
    Start { parameters: (0..values.len()).map(parameter).collect(), answers: answers.into(), ..Start::default() }
}

fn put(template: &str, number: usize) -> String {
    template.replace("{}", &format!("{{{{ params.p{number} }}}}"))
}

/// A script that shows these values in every context, the environment among them.
fn shell_script(numbers: Range<usize>, file: &Path) -> String {
    let mut script = format!("show() {{ printf '%s\\0' \"$#\" \"$@\" >>'{}'; }}\n", file.display());
    for number in numbers {
        for (template, _, _) in SHELL {
            script.push_str(&put(template, number));
            script.push('\n');
        }
        script.push_str(&format!("show \"$PARAM_P{number}\"\n"));
    }
    script
}

fn compare_shell(values: &[String], file: &Path, who: &str) {
    let written = std::fs::read(file).unwrap();
    let mut words = written.split(|byte| *byte == 0);
    let mut next = |what: &str, wanted: &str| {
        let count = words.next().unwrap_or_default();
        let word = String::from_utf8(words.next().unwrap_or_default().to_vec()).unwrap();
        assert_eq!((String::from_utf8_lossy(count).as_ref(), word.as_str()), ("1", wanted), "{who}: {what}");
    };
    for value in values {
        for (template, before, after) in SHELL {
            let wanted = if template.starts_with('#') { "ok".to_owned() } else { format!("{before}{value}{after}") };
            next(template, &wanted);
        }
        next("the environment", value);
    }
    assert_eq!(words.next(), Some(&[][..]), "{who}: and nothing more");
    assert_eq!(words.next(), None, "{who}: and nothing more");
}

fn script(interpreter: &str, host: &str, text: String, folder: &Path) -> Block {
    let command = CommandBlock {
        command: text,
        interpreter: interpreter.into(),
        host: host.into(),
        working_dir: Some(folder.display().to_string()),
        ..CommandBlock::default()
    };
    Block { on_failure: OnFailure::Continue, ..Block::new(interpreter, BlockKind::Command(command)) }
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

async fn all_succeed(world: &World, id: RunId) -> Vec<Step> {
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    for step in &steps {
        let said = world.output(id, step, domain::Stream::Stderr).await;
        assert_eq!((step.state, said.as_str()), (StepState::Succeeded, ""), "{}: {:?}", step.name, step.error);
    }
    steps
}

/// Tells `cargo xtask attack` how many values were put somewhere, how many of them were refused there, and that the others arrived as
/// they were.
#[expect(clippy::print_stdout, reason = "the command reads it")]
fn counted(tried: usize, refused: usize) {
    println!("attacked: injection: {tried} tried, {refused} refused");
}

fn assert_empty(folder: &Path) {
    let left: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "a value was run: {left:?}");
}

#[tokio::test]
async fn no_value_becomes_code_of_a_shell_here_or_over_ssh() {
    const AT_ONCE: usize = 150;
    let values = hostile::values();
    assert!(values.len() >= 500, "{}", values.len());
    let (world, sshd) = (World::new().await, Sshd::start());
    add_host(&world, "web-1", &sshd, &sshd.host_key()).await;
    let (work, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut blocks = Vec::new();
    let mut files = Vec::new();
    for (interpreter, host) in
        [("/bin/sh", "local"), ("bash", "local"), ("dash", "local"), ("/bin/sh", "web-1"), ("bash", "web-1")]
    {
        if interpreter == "dash" && !Path::new("/usr/bin/dash").exists() && !Path::new("/bin/dash").exists() {
            eprintln!("not run: there is no dash");
            continue;
        }
        // A script has its limit, as every text with values has.
        for (part, values) in values.chunks(AT_ONCE).enumerate() {
            let file = out.path().join(format!("{}-{host}-{part}", interpreter.replace('/', "_")));
            let first = part * AT_ONCE;
            let text = shell_script(first..first + values.len(), &file);
            blocks.push(script(interpreter, host, text, work.path()));
            files.push((file, values.to_vec(), format!("{interpreter} on {host}")));
        }
    }
    let id = world.start_with(blocks, parameters(&values)).await;
    all_succeed(&world, id).await;
    let mut tried = 0;
    for (file, values, who) in files {
        compare_shell(&values, &file, &who);
        tried += values.len() * (SHELL.len() + 1);
    }
    assert_empty(work.path());
    counted(tried, 0);
}

#[tokio::test]
async fn no_value_becomes_code_of_another_interpreter() {
    let values = hostile::values();
    let world = World::new().await;
    let (work, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let of = |line: &str| (0..values.len()).map(|n| put(line, n) + "\n").collect::<String>();
    let file = |name: &str| out.path().join(name).display().to_string();
    let python =
        format!("f = open({:?}, 'ab')\ndef show(*v): f.write(b'%d\\0' % len(v) + v[0].encode() + b'\\0')\n", file("python3"));
    let node = format!(
        "const fs = require('fs');\nfunction show(...v) {{ fs.appendFileSync({:?}, v.length + '\\0' + v[0] + '\\0'); }}\n",
        file("node")
    );
    // Perl does not read \u escapes as others do: what it prints is wrong there, and must still be one text.
    let perl = "sub show { die if @_ != 1; }\n".to_owned();
    let mut blocks = Vec::new();
    for (interpreter, begin, line) in [("python3", python, "show({})"), ("node", node, "show({});"), ("perl", perl, "show({});")]
    {
        if is_there(interpreter) {
            blocks.push(script(interpreter, "local", begin + &of(line), work.path()));
        } else {
            eprintln!("not run: there is no {interpreter}");
        }
    }
    let interpreters = blocks.len();
    let id = world.start_with(blocks, parameters(&values)).await;
    for step in all_succeed(&world, id).await.iter().filter(|step| step.name != "perl") {
        let written = String::from_utf8(std::fs::read(file(&step.name)).unwrap()).unwrap();
        let words: Vec<&str> = written.split_terminator('\0').collect();
        let wanted: Vec<&str> = values.iter().flat_map(|value| ["1", value.as_str()]).collect();
        for (got, wanted) in words.iter().zip(&wanted) {
            assert_eq!(got, wanted, "{}", step.name);
        }
        assert_eq!(words.len(), wanted.len(), "{}", step.name);
    }
    assert_empty(work.path());
    counted(interpreters * values.len(), 0);
}

/// Answers every request with 204; tells its head and its body.
async fn listener() -> (String, UnboundedReceiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (asked, requests) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let mut buffer = vec![0; 65_536];
            let (head, body) = loop {
                let read = socket.read(&mut buffer).await.unwrap();
                request.extend_from_slice(&buffer[..read]);
                let Some(at) = request.windows(4).position(|four| four == b"\r\n\r\n") else {
                    assert!(read > 0, "a head that breaks off");
                    continue;
                };
                let head = String::from_utf8(request[..at].to_vec()).unwrap();
                let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
                if request.len() >= at + 4 + length {
                    assert_eq!(request.len(), at + 4 + length, "a second request in the first");
                    break (head, request[at + 4..].to_vec());
                }
                assert!(read > 0, "a body that breaks off");
            };
            asked.send((head, body)).unwrap();
            socket.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await.unwrap();
        }
    });
    (address, requests)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.split("\r\n").skip(1);
    let mut found = lines.filter_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)));
    let (_, value) = found.next()?;
    assert!(found.next().is_none(), "{name} twice");
    Some(value)
}

/// What a header can hold (RFC 9110, section 5.5): everything else is refused before anything is sent.
fn fits_header(value: &str) -> bool {
    value.bytes().all(|byte| byte == b'\t' || (byte >= 0x20 && byte != 0x7f))
}

fn call(block: ApiBlock) -> Block {
    Block { on_failure: OnFailure::Continue, ..Block::new("call", BlockKind::Api(block)) }
}

#[tokio::test]
async fn addresses_and_bodies_keep_their_shape() {
    const AT_ONCE: usize = 12;
    let mut values = hostile::values();
    // What is long meets the limit that addresses have.
    values.retain(|value| value.len() < 1_000);
    let (url, mut requests) = listener().await;
    let world = World::new().await;
    let numbers: Vec<usize> = (0..values.len()).collect();
    let several = |pattern: &str, numbers: &[usize]| -> Vec<String> {
        numbers.iter().map(|n| put(&pattern.replace("<n>", &n.to_string()), *n)).collect()
    };
    let blocks = numbers.chunks(AT_ONCE).map(|numbers| {
        let address = format!("{url}/p/x{}/end?{}", several("{}", numbers).join("/x"), several("q<n>={}", numbers).join("&"));
        let members = numbers.iter().map(|n| (format!("k{n}"), json!(put("{}", *n)))).collect::<Map<_, _>>();
        let body = if (numbers[0] / AT_ONCE).is_multiple_of(2) {
            Value::Object(members)
        } else {
            json!(format!("{{{}}}", several("\"k<n>\": {}", numbers).join(", ")))
        };
        call(ApiBlock { method: Method::Post, url: address, body: Some(body), ..ApiBlock::default() })
    });
    let id = world.start_with(blocks.collect(), parameters(&values)).await;
    all_succeed(&world, id).await;
    for numbers in numbers.chunks(AT_ONCE) {
        let (head, body) = requests.recv().await.unwrap();
        let target = head.split(' ').nth(1).unwrap();
        let asked = reqwest::Url::parse(&format!("{url}{target}")).unwrap();
        assert_eq!(head.split("\r\n").next().unwrap(), format!("POST {target} HTTP/1.1"));
        let segments: Vec<&str> = asked.path_segments().unwrap().collect();
        assert_eq!((segments.len(), segments[0], segments.last()), (numbers.len() + 2, "p", Some(&"end")), "{target}");
        let pairs: Vec<(String, String)> = asked.query_pairs().map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
        let wanted: Vec<_> = numbers.iter().map(|n| (format!("q{n}"), values[*n].clone())).collect();
        assert_eq!(pairs, wanted);
        let body: Value = serde_json::from_slice(&body).unwrap();
        let wanted: Map<_, _> = numbers.iter().map(|n| (format!("k{n}"), json!(values[*n]))).collect();
        assert_eq!(body, Value::Object(wanted));
    }
    assert!(requests.try_recv().is_err(), "and no other request");
    // In a path, a query and a body.
    counted(3 * values.len(), 0);
}

#[tokio::test]
async fn a_header_holds_its_value_or_nothing_is_sent() {
    const AT_ONCE: usize = 40;
    let values = hostile::values();
    let (url, mut requests) = listener().await;
    let world = World::new().await;
    let (fit, unfit): (Vec<usize>, Vec<usize>) =
        (0..values.len()).filter(|n| values[*n].len() < 1_000).partition(|n| fits_header(&values[*n]));
    let block = |numbers: &[usize]| {
        let headers = numbers.iter().map(|n| (format!("X-{n}"), put("<{}>", *n))).collect();
        call(ApiBlock { url: url.clone(), headers, ..ApiBlock::default() })
    };
    let good = fit.chunks(AT_ONCE).map(block);
    // One block each: the first that does not fit ends it.
    let bad = unfit.iter().step_by(3).map(|n| block(&[*n]));
    let (count, refused) = (good.len(), bad.len());
    let id = world.start_with(good.chain(bad).collect(), parameters(&values)).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    for (index, step) in steps.iter().enumerate() {
        let wanted = if index < count { StepState::Succeeded } else { StepState::Failed };
        assert_eq!(step.state, wanted, "{:?}: {}", step.error, step.what);
    }
    for numbers in fit.chunks(AT_ONCE) {
        let (head, _) = requests.recv().await.unwrap();
        for n in numbers {
            assert_eq!(header(&head, &format!("x-{n}")), Some(format!("<{}>", values[*n]).as_str()));
        }
        let ours = head.split("\r\n").filter(|line| line.starts_with("x-")).count();
        assert_eq!(ours, numbers.len(), "{head}");
    }
    assert!(requests.try_recv().is_err(), "what does not fit was sent");
    counted(fit.len() + refused, refused);
}

#[tokio::test]
async fn instructions_show_values_as_they_are_and_none_becomes_markup() {
    const AT_ONCE: usize = 10;
    let mut values = hostile::values();
    // NUL is shown as a sign of its own (CommonMark, section 2.3).
    values.retain(|value| value.len() < 1_000 && !value.contains('\0'));
    values.push("[x](http://evil)".to_owned());
    let world = World::new().await;
    let numbers: Vec<usize> = (0..values.len()).collect();
    let instruction = |numbers: &[usize]| {
        let text = numbers.iter().map(|n| put("<{}>", *n)).collect::<Vec<_>>().join(" ");
        Block::new("read", BlockKind::Instruction(InstructionBlock { text, acknowledge: false }))
    };
    let id = world.start_with(numbers.chunks(AT_ONCE).map(instruction).collect(), parameters(&values)).await;
    let steps = all_succeed(&world, id).await;
    for (numbers, step) in numbers.chunks(AT_ONCE).zip(&steps) {
        let mut shown = String::new();
        for event in Parser::new(&step.what) {
            match event {
                Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) => {}
                Event::Text(text) => shown.push_str(&text),
                Event::SoftBreak | Event::HardBreak => shown.push('\n'),
                other => panic!("{other:?} in {:?}", step.what),
            }
        }
        let wanted: String = numbers.iter().map(|n| format!("<{}>", values[*n])).collect();
        let without = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(without(&shown), without(&wanted), "{:?}", step.what);
    }
}
