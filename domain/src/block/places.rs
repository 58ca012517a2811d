//! Where a command runs: on one host, or on several by name and by tag.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::Faults;
use crate::host::{LOCAL, NAME_HINT, is_name};
use crate::parse::{Object, kind_of};
use crate::runbook::is_tag;

/// What stands before a tag where a host may stand.
pub const TAG_PREFIX: &str = "tag:";
/// How many hosts and tags a block may name.
pub const MAX_PLACES: usize = 100;

/// One place that a block names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// The host of this name.
    Host(String),
    /// Every host that has this tag when the run starts.
    Tag(String),
}

/// The hosts of a command, in the order in which they are written; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places(Vec<Place>);

impl Places {
    /// The places, in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Place> {
        self.0.iter()
    }

    /// The host, where exactly one is named and no tag.
    #[must_use]
    pub fn single(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Place::Host(name)] => Some(name),
            _ => None,
        }
    }

    /// The hosts that are named, without those of tags.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|place| match place {
            Place::Host(name) => Some(name.as_str()),
            Place::Tag(_) => None,
        })
    }

    /// The tags, each of which stands for every host that has it.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|place| match place {
            Place::Tag(tag) => Some(tag.as_str()),
            Place::Host(_) => None,
        })
    }

    /// Whether it is the server itself and nothing else.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.single() == Some(LOCAL)
    }

    /// Reads `host`: a name or `tag:…`, or a list of them; `local` when absent.
    pub(super) fn parse(config: &mut Object<'_>, faults: &mut Faults) -> Self {
        let at = config.at("host");
        let mut places = Vec::new();
        match config.value("host") {
            None => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(Value::String(text)) => places.push(Place::parse(text, &at, faults)),
            Some(Value::Array(items)) => {
                if items.is_empty() || items.len() > MAX_PLACES {
                    faults.push(&at, format!("a list of hosts names 1 to {MAX_PLACES} hosts or tags"));
                }
                for (index, item) in items.iter().take(MAX_PLACES).enumerate() {
                    let at = format!("{at}[{index}]");
                    let Some(text) = item.as_str() else {
                        faults.push(at, format!("expected a text, found {}", kind_of(item)));
                        continue;
                    };
                    let place = Place::parse(text, &at, faults);
                    if places.contains(&place) {
                        faults.push(at, format!("“{place}” is named twice"));
                    } else {
                        places.push(place);
                    }
                }
            }
            Some(other) => faults.push(&at, format!("expected a name or a list of names, found {}", kind_of(other))),
        }
        if places.is_empty() { Self::default() } else { Self(places) }
    }
}

impl Place {
    fn parse(text: &str, at: &str, faults: &mut Faults) -> Self {
        if let Some(tag) = text.strip_prefix(TAG_PREFIX) {
            let tag = tag.trim().to_lowercase();
            if !is_tag(&tag) {
                faults.push(at, "after tag: comes one of the tags of hosts, such as tag:web");
            }
            return Self::Tag(tag);
        }
        if !is_name(text) {
            faults.push(at, NAME_HINT);
        }
        Self::Host(text.to_owned())
    }
}

impl Default for Places {
    /// The server itself.
    fn default() -> Self {
        Self::from(LOCAL)
    }
}

impl From<&str> for Places {
    /// The host of this name.
    fn from(name: &str) -> Self {
        Self(vec![Place::Host(name.to_owned())])
    }
}

impl<'a> IntoIterator for &'a Places {
    type Item = &'a Place;
    type IntoIter = std::slice::Iter<'a, Place>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => f.write_str(name),
            Self::Tag(tag) => write!(f, "{TAG_PREFIX}{tag}"),
        }
    }
}

impl fmt::Display for Places {
    /// As people list them: `web-1, tag:db`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, place) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            place.fmt(f)?;
        }
        Ok(())
    }
}

impl Serialize for Places {
    /// A text for one, a list for several.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => serializer.collect_str(one),
            several => serializer.collect_seq(several.iter().map(Place::to_string)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(host: &Value) -> Result<Places, Faults> {
        let mut faults = Faults::default();
        let value = json!({ "host": host });
        let mut config = Object::open(&value, "$", &mut faults).expect("an object");
        let places = Places::parse(&mut config, &mut faults);
        faults.into_result(places)
    }

    #[test]
    fn one_place_is_written_as_a_text_and_several_as_a_list() {
        for value in [json!("web-1"), json!("tag:web"), json!(["web-1", "tag:db", "local"])] {
            let places = read(&value).expect("places");
            assert_eq!(serde_json::to_value(&places).expect("JSON"), value);
        }
        assert_eq!(read(&json!(["web-1"])).expect("places").single(), Some("web-1"));
        assert_eq!(read(&json!("tag:Web ")).expect("places").to_string(), "tag:web");
        assert!(read(&Value::Null).expect("places").is_local() && read(&json!("")).expect("places").is_local());
    }

    #[test]
    fn what_is_no_place_is_refused_where_it_stands() {
        let at = |value: Value| read(&value).expect_err("a fault").0[0].path.clone();
        assert_eq!(at(json!("-oProxyCommand=x")), "$.host");
        assert_eq!(at(json!("tag:")), "$.host");
        assert_eq!(at(json!(["a", "b", "a"])), "$.host[2]");
        assert_eq!(at(json!(["a", 7])), "$.host[1]");
        assert_eq!(at(json!([])), "$.host");
        assert_eq!(at(json!({ "a": 1 })), "$.host");
    }
}
