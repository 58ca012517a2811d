//! YAML 1.2 (core schema) as JSON, within limits: what is too deep, too much, or a bomb of aliases is refused where it becomes so.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};
use serde_json::{Map, Value};

use crate::Faults;
use crate::parse::clip;

/// How deep lists and mappings may stand in each other; as deep as JSON is read.
const MAX_DEPTH: usize = 127;
/// The most values, what aliases stand for counted each time.
const MAX_VALUES: usize = 500_000;
/// The most bytes of text, what aliases stand for counted each time.
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// Where the faults are.
const PATH: &str = "$.yaml";

/// Reads one document.
///
/// # Errors
/// One, at `$.yaml`, with line and column.
pub fn value(text: &str) -> Result<Value, Faults> {
    let mut build = Build::default();
    build.read(text)?;
    build.root.ok_or_else(|| Faults::one(PATH, "there is no text to import"))
}

/// The same faults, with the lines at which they are.
pub fn with_lines(mut faults: Faults, text: &str) -> Faults {
    let wanted: HashSet<String> = faults.0.iter().flat_map(|fault| with_parents(&fault.path)).map(str::to_owned).collect();
    let mut build = Build { wanted, ..Build::default() };
    if build.read(text).is_ok() {
        for fault in &mut faults.0 {
            if let Some(line) = with_parents(&fault.path).find_map(|path| build.lines.get(path)) {
                fault.message = format!("{} (line {line})", fault.message);
            }
        }
    }
    faults
}

/// A path, that of what it is in, and so on: what is missing has no line, but what it is missing in has.
fn with_parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rfind(['.', '[']).map(|end| &path[..end]))
}

/// What is being read.
#[derive(Default)]
struct Build {
    root: Option<Value>,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    /// All that was made so far, aliases and what they stand for each counted.
    spent: Size,
    /// The paths of which the lines are to be found.
    wanted: HashSet<String>,
    lines: HashMap<String, usize>,
}

/// A list or mapping that is not closed yet.
struct Open {
    anchor: usize,
    inside: Inside,
    /// Of all in it, itself included.
    size: Size,
}

enum Inside {
    List(Vec<Value>),
    Map(Map<String, Value>, Option<String>),
}

struct Anchored {
    value: Value,
    size: Size,
}

#[derive(Debug, Clone, Copy, Default)]
struct Size {
    values: usize,
    bytes: usize,
}

impl Size {
    fn add(&mut self, other: Self) {
        self.values = self.values.saturating_add(other.values);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

impl Build {
    fn read(&mut self, text: &str) -> Result<(), Faults> {
        let mut documents = 0;
        for event in Parser::new_from_str(text.trim_start_matches('\u{feff}')) {
            let (event, span) = event.map_err(|error| unreadable(&error))?;
            let at = span.start;
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        return Err(fault(at, "a file holds one runbook; here begins a second document"));
                    }
                }
                Event::Alias(id) => {
                    let Some(anchored) = self.anchors.get(&id) else {
                        return Err(fault(at, "this alias stands for something that it is itself in"));
                    };
                    let (value, size) = (anchored.value.clone(), anchored.size);
                    self.spend(size, at, "aliases make this")?;
                    self.put(value, size, 0, at)?;
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let size = Size { values: 1, bytes: text.len() };
                    self.spend(size, at, "this is")?;
                    let value = scalar(&text, style, tag.as_deref()).map_err(|message| fault(at, message))?;
                    self.put(value, size, anchor, at)?;
                }
                Event::SequenceStart(anchor, tag) => self.open(anchor, tag.as_deref(), Inside::List(Vec::new()), at)?,
                Event::MappingStart(anchor, tag) => self.open(anchor, tag.as_deref(), Inside::Map(Map::new(), None), at)?,
                Event::SequenceEnd | Event::MappingEnd => {
                    if let Some(Open { anchor, inside, size }) = self.open.pop() {
                        let value = match inside {
                            Inside::List(items) => Value::Array(items),
                            Inside::Map(map, _) => Value::Object(map),
                        };
                        self.put(value, size, anchor, at)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn open(&mut self, anchor: usize, tag: Option<&Tag>, inside: Inside, at: Marker) -> Result<(), Faults> {
        if self.open.len() >= MAX_DEPTH {
            return Err(fault(at, format!("lists and mappings may stand {MAX_DEPTH} deep in each other, not deeper")));
        }
        let is_ordinary = |tag: &Tag| tag.is_yaml_core_schema() && matches!(tag.suffix.as_str(), "map" | "seq");
        if let Some(tag) = tag.filter(|tag| !is_ordinary(tag)) {
            return Err(fault(at, format!("the tag {} means nothing in a runbook", clip(&tag.to_string()))));
        }
        let size = Size { values: 1, bytes: 0 };
        self.spend(size, at, "this is")?;
        self.note(at);
        self.open.push(Open { anchor, inside, size });
        Ok(())
    }

    /// Puts a value, whole by now, where it belongs.
    fn put(&mut self, value: Value, size: Size, anchor: usize, at: Marker) -> Result<(), Faults> {
        if anchor > 0 {
            // A copy is kept: anchors within anchors would otherwise cost nothing and take much.
            self.spend(size, at, "anchors make this")?;
            self.anchors.insert(anchor, Anchored { value: value.clone(), size });
        }
        let is_collection = value.is_array() || value.is_object();
        if !is_collection {
            self.note(at);
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(value);
            return Ok(());
        };
        open.size.add(size);
        match &mut open.inside {
            Inside::List(items) => items.push(value),
            Inside::Map(map, key) => match key.take() {
                None => {
                    let name = match value {
                        Value::String(name) => name,
                        Value::Number(_) | Value::Bool(_) => value.to_string(),
                        _ => return Err(fault(at, "a key is a text")),
                    };
                    if map.contains_key(&name) {
                        return Err(fault(at, format!("the key “{}” is there twice", clip(&name))));
                    }
                    *key = Some(name);
                }
                Some(key) => {
                    map.insert(key, value);
                }
            },
        }
        Ok(())
    }

    fn spend(&mut self, size: Size, at: Marker, what: &str) -> Result<(), Faults> {
        self.spent.add(size);
        if self.spent.values > MAX_VALUES {
            Err(fault(at, format!("from here on {what} more than {MAX_VALUES} values")))
        } else if self.spent.bytes > MAX_BYTES {
            Err(fault(at, format!("from here on {what} more than {} MiB of text", MAX_BYTES / (1024 * 1024))))
        } else {
            Ok(())
        }
    }

    /// Notes the line of the value that begins here, if it is asked for; of a key, that of its value is.
    fn note(&mut self, at: Marker) {
        if self.wanted.is_empty() || matches!(self.open.last().map(|open| &open.inside), Some(Inside::Map(_, None))) {
            return;
        }
        let mut path = "$".to_owned();
        for open in &self.open {
            match &open.inside {
                Inside::List(items) => path.push_str(&format!("[{}]", items.len())),
                Inside::Map(_, key) => path.extend([".", key.as_deref().unwrap_or_default()]),
            }
        }
        if self.wanted.contains(&path) {
            self.lines.entry(path).or_insert(at.line());
        }
    }
}

/// A scalar by the core schema (YAML 1.2.2, section 10.3).
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let is_text = match tag {
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => true,
        Some(tag) if tag.is_yaml_core_schema() && matches!(tag.suffix.as_str(), "int" | "float" | "bool" | "null") => false,
        // A lone “!” says that it is a text.
        Some(tag) if tag.handle.is_empty() && tag.suffix == "!" => true,
        Some(tag) => return Err(format!("the tag {} means nothing in a runbook", clip(&tag.to_string()))),
        None => style != ScalarStyle::Plain,
    };
    if is_text {
        return Ok(Value::from(text));
    }
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        text => number(text).unwrap_or_else(|| Value::from(text)),
    })
}

fn number(text: &str) -> Option<Value> {
    let in_base = |digits: &str, base: u32| {
        let all_digits = digits.chars().all(|c| c.is_digit(base));
        (all_digits && !digits.is_empty()).then(|| u64::from_str_radix(digits, base).ok().map(Value::from)).flatten()
    };
    if let Some(digits) = text.strip_prefix("0x") {
        return in_base(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return in_base(digits, 8);
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let digits = unsigned.trim_start_matches('-');
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        || !digits.ends_with(|c: char| c.is_ascii_digit() || c == '.')
    {
        return None;
    }
    match serde_json::from_str::<Value>(unsigned) {
        // Read as exactly as it was written: JSON's reader may be off by the last digit.
        Ok(Value::Number(number)) if number.is_f64() => unsigned.parse::<f64>().ok().map(Value::from),
        Ok(number @ Value::Number(_)) => Some(number),
        // `007`, `.5` and `5.` are numbers in YAML alone.
        _ if digits.chars().all(|c| c.is_ascii_digit()) => unsigned.parse::<i64>().ok().map(Value::from),
        _ => unsigned.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from),
    }
}

fn unreadable(error: &ScanError) -> Faults {
    fault(*error.marker(), format!("this is not YAML: {}", clip(error.info())))
}

fn fault(at: Marker, message: impl AsRef<str>) -> Faults {
    Faults::one(PATH, format!("line {}, column {}: {}", at.line(), at.col() + 1, message.as_ref()))
}
