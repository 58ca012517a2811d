//! Reading JSON objects strictly: every fault found, each with its path, unknown keys among them.

use serde_json::{Map, Value};

use crate::Faults;

/// An object being read. Keys that nothing asked for are faults when [`Object::finish`] is called.
pub struct Object<'a> {
    path: String,
    map: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Object<'a> {
    /// Opens an object, or notes that the value is none.
    pub fn open(value: &'a Value, path: impl Into<String>, faults: &mut Faults) -> Option<Self> {
        let path = path.into();
        if let Value::Object(map) = value {
            Some(Self { path, map, known: Vec::new() })
        } else {
            faults.push(path, format!("expected an object, found {}", kind_of(value)));
            None
        }
    }

    /// The path of a key of this object.
    #[must_use]
    pub fn at(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    /// The path of this object.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value of a key; `null` counts as absent.
    pub fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// The value of a key that must be there.
    pub fn required(&mut self, key: &'static str, faults: &mut Faults) -> Option<&'a Value> {
        let value = self.value(key);
        if value.is_none() {
            faults.push(self.at(key), format!("“{key}” is missing"));
        }
        value
    }

    /// A text that may be absent.
    pub fn text(&mut self, key: &'static str, faults: &mut Faults) -> Option<String> {
        let value = self.value(key)?;
        self.as_text(key, value, faults)
    }

    /// A text that must be there and not blank; empty after a fault.
    pub fn required_text(&mut self, key: &'static str, faults: &mut Faults) -> String {
        let Some(value) = self.required(key, faults) else { return String::new() };
        let text = self.as_text(key, value, faults);
        if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
            faults.push(self.at(key), format!("“{key}” must not be empty"));
        }
        text.unwrap_or_default()
    }

    /// `true` or `false`; `false` when absent.
    pub fn flag(&mut self, key: &'static str, faults: &mut Faults) -> bool {
        match self.value(key) {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => {
                faults.push(self.at(key), format!("expected true or false, found {}", kind_of(other)));
                false
            }
        }
    }

    /// A whole number within a range.
    pub fn integer(&mut self, key: &'static str, range: std::ops::RangeInclusive<i64>, faults: &mut Faults) -> Option<i64> {
        let value = self.value(key)?;
        integer(value, &range).or_else(|| {
            faults.push(self.at(key), format!("expected a whole number from {} to {}", range.start(), range.end()));
            None
        })
    }

    /// One of some words.
    pub fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)], faults: &mut Faults) -> Option<T> {
        let text = self.text(key, faults)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            faults.push(self.at(key), format!("“{}” is none of {}", clip(&text), list(words.iter().map(|(word, _)| *word))));
        }
        found
    }

    /// The items of an array, each with its path; empty when absent.
    pub fn items(&mut self, key: &'static str, faults: &mut Faults) -> Vec<(String, &'a Value)> {
        match self.value(key) {
            None => Vec::new(),
            Some(Value::Array(items)) => {
                items.iter().enumerate().map(|(index, item)| (format!("{}[{index}]", self.at(key)), item)).collect()
            }
            Some(other) => {
                faults.push(self.at(key), format!("expected a list, found {}", kind_of(other)));
                Vec::new()
            }
        }
    }

    /// [`Self::items`], of which there may be so many; none of more is looked at.
    pub fn few(&mut self, key: &'static str, most: usize, faults: &mut Faults) -> Vec<(String, &'a Value)> {
        if let Some(Value::Array(items)) = self.value(key)
            && items.len() > most
        {
            faults.push(self.at(key), format!("at most {most}; these are {}", items.len()));
            return Vec::new();
        }
        self.items(key, faults)
    }

    /// An object whose values are all texts, in its order; empty when absent.
    pub fn texts(&mut self, key: &'static str, faults: &mut Faults) -> Vec<(String, String)> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Value::Object(map) = value else {
            faults.push(self.at(key), format!("expected an object, found {}", kind_of(value)));
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(map.len());
        for (name, value) in map {
            match value {
                Value::String(text) => texts.push((name.clone(), text.clone())),
                Value::Number(number) => texts.push((name.clone(), number.to_string())),
                Value::Bool(flag) => texts.push((name.clone(), flag.to_string())),
                other => faults.push(
                    format!("{}[{}]", self.at(key), Value::from(name.as_str())),
                    format!("expected a text, found {}", kind_of(other)),
                ),
            }
        }
        texts
    }

    /// Notes every key that nothing asked for.
    pub fn finish(self, faults: &mut Faults) {
        for key in self.map.keys() {
            if !self.known.contains(&key.as_str()) {
                faults.push(
                    self.at(&clip(key)),
                    format!("unknown key “{}”; known here: {}", clip(key), list(self.known.iter().copied())),
                );
            }
        }
    }

    fn as_text(&self, key: &str, value: &Value, faults: &mut Faults) -> Option<String> {
        match value {
            Value::String(text) if text.contains('\0') => {
                faults.push(self.at(key), "a text must not hold the NUL character");
                None
            }
            Value::String(text) => Some(text.clone()),
            other => {
                faults.push(self.at(key), format!("expected a text, found {}", kind_of(other)));
                None
            }
        }
    }
}

/// A whole number within a range; `3.0` counts as whole.
#[must_use]
pub fn integer(value: &Value, range: &std::ops::RangeInclusive<i64>) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "what a cast changes is not whole, or outside of every range")]
    let whole = || value.as_f64().filter(|number| number.fract() == 0.0).map(|number| number as i64);
    value.as_i64().or_else(whole).filter(|number| range.contains(number))
}

/// What a JSON value is, for people.
#[must_use]
pub const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The beginning of a text that came from outside, for use in a message.
#[must_use]
pub fn clip(text: &str) -> String {
    let mut clipped: String = text.chars().take(60).map(|c| if c.is_control() { '�' } else { c }).collect();
    if text.chars().nth(60).is_some() {
        clipped.push('…');
    }
    clipped
}

fn list<'w>(words: impl Iterator<Item = &'w str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}
