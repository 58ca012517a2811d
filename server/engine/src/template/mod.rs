//! Templates: MiniJinja with strict undefined values and a limit on work, made safe for what the text is for.

mod context;
mod quote;
#[cfg(test)]
mod random;

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};
use vault::Redactor;

pub(crate) use context::{Context, step_names};
pub(crate) use quote::Syntax;
use quote::{CLOSE, OPEN, fill, plain};

/// How much one template may do; a loop over 10,000 lines is fine, an endless one is not.
const FUEL: u64 = 500_000;
/// The largest text a template may make, in bytes; also of all values that it shows together, and of a whole JSON body.
const MAX_RENDERED: usize = 1024 * 1024;
/// The same, written as JSON, where one byte may take six.
const MAX_WRITTEN: usize = 6 * MAX_RENDERED;
/// How many templates one JSON body may hold.
const MAX_TEMPLATES: usize = 1_000;

/// Stands for a brace that opens nothing of ours.
const SHIELD: char = '\u{E002}';

/// Puts values into a text.
pub(crate) fn render(source: &str, syntax: Syntax, context: &Context) -> Result<String, String> {
    render_masked(source, syntax, context, &Redactor::default())
}

/// The same with the secrets in the values masked: once a value is escaped for its place, nobody would know them again.
pub(crate) fn render_masked(source: &str, syntax: Syntax, context: &Context, redactor: &Redactor) -> Result<String, String> {
    let shielded = shield(source);
    if !shielded.contains("{{") && !shielded.contains("{%") && !shielded.contains("{#") {
        return Ok(source.to_owned());
    }
    let values: Arc<Mutex<Vec<serde_json::Value>>> = Arc::default();
    let mut environment = environment();
    let seen = Arc::clone(&values);
    let left = AtomicUsize::new(MAX_RENDERED);
    // What our placeholders begin with, and no value can know.
    let open = format!("{OPEN}{}", uuid::Uuid::now_v7().as_u128());
    let ours = open.clone();
    environment.set_formatter(move |out, state, value| {
        if value.is_undefined() && state.undefined_behavior() == UndefinedBehavior::Strict {
            return Err(Error::from(ErrorKind::UndefinedError));
        }
        if value.is_safe() {
            // `raw`, or text of this template that a block set aside: it may hold placeholders.
            return Ok(out.write_str(value.as_str().unwrap_or_default())?);
        }
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let json = settle(to_json(value)?, &ours, &seen);
        // Fuel pays for the placeholder only: a large value shown again and again must not fill the memory.
        let size = size_of(&json);
        if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(size)).is_err() {
            return Err(Error::new(ErrorKind::InvalidOperation, too_long()));
        }
        write!(out, "{ours}{}{CLOSE}", seen.len())?;
        seen.push(json);
        Ok(())
    });
    let text = environment
        .template_from_named_str("template", &shielded)
        .and_then(|template| template.render(context.value()))
        .map_err(|error| explain(&error, source, context))?;
    let mut values = values.lock().unwrap_or_else(PoisonError::into_inner);
    if !redactor.is_empty() {
        values.iter_mut().for_each(|value| *value = redactor.redact(&plain(value)).into_owned().into());
    }
    let filled = fill(&text.replace(SHIELD, "{").replace(&open, &OPEN.to_string()), &values, syntax)?;
    if filled.len() > MAX_RENDERED {
        return Err(too_long());
    }
    Ok(filled)
}

/// What the templates of a text look up, such as `params.x`; nothing where it holds none or cannot be read.
pub(crate) fn names(source: &str) -> BTreeSet<String> {
    let shielded = shield(source);
    let environment = environment();
    let Ok(template) = environment.template_from_named_str("template", &shielded) else { return BTreeSet::new() };
    own_names(&environment, template.undeclared_variables(true))
}

/// The same for an expression.
pub(crate) fn names_of_expression(expression: &str) -> BTreeSet<String> {
    let environment = environment();
    let compiled = environment.compile_expression(bare(expression));
    compiled.map(|compiled| own_names(&environment, compiled.undeclared_variables(true))).unwrap_or_default()
}

/// Those that the library does not bring along.
fn own_names(environment: &Environment<'_>, names: HashSet<String>) -> BTreeSet<String> {
    let brought = |name: &str| environment.globals().any(|(global, _)| name.split('.').next() == Some(global));
    names.into_iter().filter(|name| !brought(name)).collect()
}

/// A value as JSON, where that is not too long: lists that hold one another many times are small until they are written out.
fn to_json(value: &Value) -> Result<serde_json::Value, Error> {
    let mut written = Capped(Vec::new());
    serde_json::to_writer(&mut written, value)
        .and_then(|()| serde_json::from_slice(&written.0))
        .map_err(|error| Error::new(ErrorKind::BadSerialization, if error.is_io() { too_long() } else { error.to_string() }))
}

/// Takes as much as a text may be long.
struct Capped(Vec<u8>);

impl std::io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_WRITTEN {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn too_long() -> String {
    format!("the text with its values is longer than {} KiB", MAX_RENDERED / 1024)
}

/// About how many bytes a value is written with.
fn size_of(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::String(text) => text.len() + 1,
        serde_json::Value::Array(items) => items.iter().map(size_of).sum::<usize>() + 2,
        serde_json::Value::Object(members) => {
            members.iter().map(|(name, value)| name.len() + 4 + size_of(value)).sum::<usize>() + 2
        }
        _ => 8,
    }
}

/// Whether an expression holds.
pub(crate) fn holds(expression: &str, context: &Context) -> Result<bool, String> {
    let environment = environment();
    let inner = bare(expression);
    let value = evaluate(&environment, inner, context)?;
    Ok(value.is_true())
}

/// A JSON body: each text in it rendered; a text that is one `{{ … }}` alone becomes the value itself.
pub(crate) fn render_json(body: &serde_json::Value, context: &Context) -> Result<serde_json::Value, String> {
    render_part(body, context, &mut Budget { bytes: MAX_RENDERED, templates: MAX_TEMPLATES })
}

/// What is left of what a JSON body may take.
struct Budget {
    bytes: usize,
    templates: usize,
}

impl Budget {
    fn pay(&mut self, made: &serde_json::Value) -> Result<(), String> {
        self.templates =
            self.templates.checked_sub(1).ok_or_else(|| format!("a body holds at most {MAX_TEMPLATES} templates"))?;
        self.bytes = self.bytes.checked_sub(size_of(made)).ok_or_else(too_long)?;
        Ok(())
    }
}

fn render_part(body: &serde_json::Value, context: &Context, budget: &mut Budget) -> Result<serde_json::Value, String> {
    use serde_json::Value as Json;
    Ok(match body {
        Json::String(text) if !text.contains('{') => body.clone(),
        Json::String(text) => {
            let trimmed = text.trim();
            let inner = bare(trimmed);
            let made = if inner.len() == trimmed.len() || inner.contains("{{") || inner.contains("}}") {
                Json::String(render(text, Syntax::Plain, context)?)
            } else {
                let value = evaluate(&environment(), inner, context)?;
                to_json(&value).map_err(|error| explain(&error, inner, context))?
            };
            budget.pay(&made)?;
            made
        }
        Json::Array(items) => Json::Array(items.iter().map(|item| render_part(item, context, budget)).collect::<Result<_, _>>()?),
        Json::Object(members) => Json::Object(
            members
                .iter()
                .map(|(name, value)| Ok((name.clone(), render_part(value, context, budget)?)))
                .collect::<Result<_, String>>()?,
        ),
        other => other.clone(),
    })
}

/// An expression without the braces some people write around it.
fn bare(expression: &str) -> &str {
    let text = expression.trim();
    text.strip_prefix("{{").and_then(|text| text.strip_suffix("}}")).map_or(text, str::trim)
}

fn evaluate(environment: &Environment<'_>, expression: &str, context: &Context) -> Result<Value, String> {
    let compiled = environment.compile_expression_owned(expression.to_owned());
    let value = compiled.and_then(|compiled| compiled.eval(context.value())).map_err(|e| explain(&e, expression, context))?;
    if value.is_undefined() {
        return Err(explain(&Error::from(ErrorKind::UndefinedError), expression, context));
    }
    Ok(value)
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    // Any escaping at all makes `{% set %}` blocks and macros yield text that is settled already.
    environment.set_auto_escape_callback(|_| AutoEscape::Custom("runbook".into()));
    // These declare a text safe without saying so; `raw` is the one way, and is marked in the editor.
    for filter in ["safe", "escape", "e"] {
        environment.remove_filter(filter);
    }
    environment.add_filter("tojson", |value: Value| to_json(&value).map(|json| json.to_string()));
    environment.add_filter("raw", |value: Value| {
        let text = plain(&to_json(&value)?);
        Ok::<_, Error>(Value::from_safe_string(text.replace([OPEN, CLOSE, SHIELD], "")))
    });
    environment
}

/// Hides what scripts write in braces and MiniJinja would misread: `${#x}`, the length of a variable in a shell, and
/// `{{.Names}}`, a template of Go programs such as docker, kubectl and helm, which begins with a dot as no expression does.
fn shield(source: &str) -> String {
    let brace = SHIELD.to_string();
    let text = source.replace([SHIELD, OPEN, CLOSE], "").replace("${#", &format!("${brace}#"));
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("{{") {
        let (before, expression) = rest.split_at(at);
        out.push_str(before);
        let inner = expression[2..].trim_start_matches('-').trim_start();
        if inner.starts_with('.') {
            out.push_str(&brace.repeat(2));
        } else {
            out.push_str("{{");
        }
        rest = &expression[2..];
    }
    out.push_str(rest);
    out
}

/// Replaces placeholders that got into a value by way of a filter by what they stand for.
fn settle(value: serde_json::Value, open: &str, seen: &[serde_json::Value]) -> serde_json::Value {
    let serde_json::Value::String(text) = value else { return value };
    let mut parts = text.split(open);
    let mut settled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once(CLOSE).unwrap_or((part, ""));
        let value = number.parse().ok().and_then(|index: usize| seen.get(index));
        settled.push_str(&value.map(plain).unwrap_or_default());
        settled.push_str(rest);
    }
    serde_json::Value::String(settled)
}

/// Says what is wrong with a template, without the library's own vocabulary.
fn explain(error: &Error, source: &str, context: &Context) -> String {
    let line = error.line().filter(|line| *line > 1).map(|line| format!(" (line {line})")).unwrap_or_default();
    if let Some(secret) = context.secrets().iter().find(|name| source.contains(&format!("params.{name}"))) {
        return format!(
            "“{secret}” is secret and not available in templates; a command reads it as $PARAM_{}{line}",
            secret.to_uppercase()
        );
    }
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => format!("the template does too much work; it was ended{line}"),
        (ErrorKind::UndefinedError, detail) => {
            let text = source.trim();
            let shown: String = text.chars().take(120).collect();
            format!(
                "a value that is not there was used{line} in “{shown}”{}",
                detail.map(|d| format!(": {d}")).unwrap_or_default()
            )
        }
        (kind, detail) => format!("template: {}{line}", detail.map_or_else(|| kind.to_string(), str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn context() -> Context {
        let mut context = Context::default();
        context.set_parameters(json!({"x": "a b; $(id)", "n": 3, "name": "web-1"}).as_object().unwrap(), &["token".to_owned()]);
        context
    }

    fn check(source: &str, syntax: Syntax, expected: &str) {
        assert_eq!(render(source, syntax, &context()).unwrap(), expected, "{source}");
    }

    #[test]
    fn values_are_put_in_by_what_the_text_is() {
        check("echo {{ params.x }} {{ params.name }} {{ params.n }}", Syntax::Shell, "echo 'a b; $(id)' web-1 3");
        check("echo \"{{ params.x }}\"", Syntax::Shell, "echo \"\"'a b; $(id)'\"\"");
        check("print({{ params.name }})", Syntax::Code, "print(\"web-1\")");
        check("http://h/{{ params.x }}", Syntax::Url, "http://h/a%20b%3B%20%24%28id%29");
        check("# {{ params.x }} *{{ params.x | raw }}*", Syntax::Markdown, "# a b; $(id) *a b; $(id)*");
        check("# {{ params.x }}", Syntax::Plain, "# a b; $(id)");
        check("echo {{ params.x | raw }}", Syntax::Shell, "echo a b; $(id)");
        check("echo {{ params.x | upper }}", Syntax::Shell, "echo 'A B; $(ID)'");
        check("echo {{ params.x | tojson }}", Syntax::Shell, "echo '\"a b; $(id)\"'");
        check("{% for i in [1, 2] %}echo {{ params.x }}\n{% endfor %}", Syntax::Shell, "echo 'a b; $(id)'\necho 'a b; $(id)'\n");
        check("{% set y %}{{ params.x }}{% endset %}echo {{ y }}", Syntax::Shell, "echo 'a b; $(id)'");
        check("{% set y %}{{ params.x }}{% endset %}echo {{ y ~ '!' }}", Syntax::Shell, "echo 'a b; $(id)''!'");
        // The length of a variable is no comment, a Go template (docker, kubectl, helm) no expression of ours.
        check(
            "echo ${#x} {{ params.n }} '{{.Names}} {{ .ID }}' {{- params.n }}",
            Syntax::Shell,
            "echo ${#x} 3 '{{.Names}} {{ .ID }}'3",
        );
    }

    #[test]
    fn no_filter_but_raw_lets_a_value_through_unquoted() {
        for filter in ["safe", "e", "escape"] {
            assert!(render(&format!("{{{{ params.x | {filter} }}}}"), Syntax::Shell, &context()).is_err(), "{filter}");
        }
    }

    #[test]
    fn what_is_not_there_is_an_error_and_secrets_are_explained() {
        assert!(render("{{ params.nope }}", Syntax::Shell, &context()).is_err());
        assert!(render("{{ steps.x.stdout }}", Syntax::Shell, &context()).is_err());
        let said = render("echo {{ params.token }}", Syntax::Shell, &context()).unwrap_err();
        assert!(said.contains("$PARAM_TOKEN"), "{said}");
        let endless = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
        assert!(render(endless, Syntax::Plain, &context()).unwrap_err().contains("too much work"));
    }

    #[test]
    fn a_template_that_grows_without_end_is_ended_soon_with_a_clear_sentence() {
        let mut context = context();
        context.set_parameters(json!({"big": "x'".repeat(250_000)}).as_object().unwrap(), &[]);
        let doubled = format!("{{% set x = 'aaaaaaaa' %}}{}{{{{ x }}}}", "{% set x = x ~ x %}".repeat(60));
        let lists = format!("{{% set x = [1, 2] %}}{}", "{% set x = [x, x, x, x, x, x, x, x, x, x] %}".repeat(12));
        let (listed, written, raw) =
            (format!("{lists}{{{{ x }}}}"), format!("{lists}{{{{ x | tojson }}}}"), format!("{lists}{{{{ x | raw }}}}"));
        let bombs = [
            listed.as_str(),
            written.as_str(),
            raw.as_str(),
            "{% for i in range(90000) %}{{ params.big }}{% endfor %}",
            "{% for i in range(90000) %}{{ i }}{% endfor %}{% for i in range(90000) %}{{ 'xxxxxxxxxxxx' }}{% endfor %}",
            "{{ 'a' * 99999999 }}",
            "{{ ('a' * 9999) * 9999 }}",
            "{{ [1] * 99999999 }}",
            "{{ range(99999) | map('string') | join(params.big) }}",
            "{{ 'a\\na' | indent(99999999) }}",
            "{{ params.big | replace('x', params.big) }}",
            "{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}",
            doubled.as_str(),
        ];
        let began = std::time::Instant::now();
        for syntax in [Syntax::Plain, Syntax::Shell, Syntax::Code, Syntax::Url, Syntax::Json, Syntax::Markdown] {
            for bomb in bombs {
                let said = render(bomb, syntax, &context).unwrap_err();
                assert!(said.chars().count() < 300, "{bomb}: {said}");
            }
        }
        let many: Vec<_> = (0..2_000).map(|_| json!("{{ params.big }}")).collect();
        assert!(render_json(&json!(many), &context).unwrap_err().contains("longer than"));
        let many: Vec<_> = (0..2_000).map(|_| json!("{{ 1 }}")).collect();
        assert!(render_json(&json!(many), &context).unwrap_err().contains("at most 1000 templates"));
        // Many small values in a language whose quotes are looked at: the time must not grow with their square.
        let small = "f({% for i in range(20000) %}{{ i }}, {% endfor %})";
        assert!(render(small, Syntax::Code, &context).is_ok());
        assert!(began.elapsed() < std::time::Duration::from_secs(30), "{:?}", began.elapsed());
    }

    #[test]
    fn expressions_and_bodies() {
        assert!(holds("params.n > 2 and params.name == 'web-1'", &context()).unwrap());
        assert!(!holds("{{ params.n > 3 }}", &context()).unwrap());
        assert!(holds("params.nope", &context()).is_err());
        let body =
            render_json(&json!({"n": "{{ params.n }}", "t": "n={{ params.n }}", "x": ["{{ params.x }}"]}), &context()).unwrap();
        assert_eq!(body, json!({"n": 3, "t": "n=3", "x": ["a b; $(id)"]}));
    }
}
