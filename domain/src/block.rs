//! Blocks: what a runbook is made of. One file per type; this one holds what all share.

pub mod api;
pub mod command;
pub mod condition;
pub mod instruction;
pub mod places;
pub mod timer;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use api::{ApiAuth, ApiBlock, Method};
pub use command::{CommandBlock, CredentialUse};
pub use condition::{Check, ConditionBlock, OnFalse};
pub use instruction::InstructionBlock;
pub use places::{Place, Places};
pub use timer::TimerBlock;

use crate::duration::HINT;
use crate::parse::Object;
use crate::{BlockId, Faults, Seconds, expression};

/// How deep conditions may nest.
pub const MAX_NESTING: usize = 8;
/// How many blocks a runbook may have, nested ones included.
pub const MAX_BLOCKS: usize = 1_000;
/// The longest command, text or body, in bytes.
pub const MAX_TEXT: usize = 256 * 1024;
/// The longest name, in characters.
pub const MAX_NAME: usize = 200;
/// The greatest `order`, and without its sign the least.
pub const MAX_ORDER: i64 = 1_000_000;
/// The most attempts at one step.
pub const MAX_ATTEMPTS: i64 = 20;
/// The most a block may capture.
pub const MAX_CAPTURES: usize = 50;

/// One block of a runbook.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Stays the same from version to version.
    pub id: BlockId,
    /// What people call it; may be empty, see [`Block::title`].
    pub name: String,
    /// What it does.
    pub kind: BlockKind,
    /// What becomes of the run when it fails.
    pub on_failure: OnFailure,
    /// How long one attempt may take.
    pub timeout: Option<Seconds>,
    /// Whether and how a failed attempt is repeated.
    pub retry: Option<Retry>,
    /// What becomes of an attempt whose outcome nobody knows.
    pub on_worker_loss: OnWorkerLoss,
    /// Ask a person before it runs, in every mode.
    pub confirm: bool,
    /// An expression; the block is skipped where it is false.
    pub when: Option<String>,
}

/// What a block does.
#[derive(Debug, Clone, PartialEq)]
pub enum BlockKind {
    /// Prose for a person.
    Instruction(InstructionBlock),
    /// A command on a host.
    Command(CommandBlock),
    /// A call of an HTTP API.
    Api(ApiBlock),
    /// A check with a branch for each answer.
    Condition(ConditionBlock),
    /// A wait.
    Timer(TimerBlock),
}

/// The type of a block alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum BlockType {
    /// Prose for a person.
    Instruction,
    /// A command on a host.
    Command,
    /// A call of an HTTP API.
    Api,
    /// A check with a branch for each answer.
    Condition,
    /// A wait.
    Timer,
}

/// What becomes of the run when a block fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// The run fails.
    #[default]
    Stop,
    /// The run goes on; the step keeps its failure.
    Continue,
}

/// What becomes of a step whose worker, or whose connection, was lost while it ran: it may or may not have taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnWorkerLoss {
    /// The run waits for a person.
    #[default]
    Ask,
    /// It is tried again: only for what does no harm when it happens twice.
    Retry,
    /// It fails, and `on_failure` says what follows.
    Fail,
}

/// How a failed attempt is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Retry {
    /// How many attempts in all, the first included: 1 to 20.
    pub attempts: u32,
    /// The wait before the second attempt.
    pub delay: Seconds,
    /// How the wait grows.
    pub backoff: Backoff,
    /// The longest wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_delay: Option<Seconds>,
}

/// How the wait between attempts grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Backoff {
    /// Always the same.
    #[default]
    Fixed,
    /// Twice as long each time.
    Exponential,
}

/// A value taken from what a step produced.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Capture {
    /// `steps.<name>.captured.<this>`.
    pub name: String,
    /// Where it is looked for.
    pub from: CaptureFrom,
    /// A regular expression; its first group, or the whole match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// A JSON path (RFC 9535).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json_path: Option<String>,
}

/// Where a captured value is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CaptureFrom {
    /// Standard output of a command.
    Stdout,
    /// Body of an answer.
    Body,
    /// Status code of an answer.
    Status,
    /// A header of an answer, the name in `regex` before a colon.
    Header,
}

impl Retry {
    /// The wait after the given failed attempt (1 is the first).
    #[must_use]
    pub fn wait_after(&self, attempt: u32) -> Seconds {
        let factor = match self.backoff {
            Backoff::Fixed => 1,
            Backoff::Exponential => 1_u64 << attempt.saturating_sub(1).min(30),
        };
        let longest = self.max_delay.map_or(30 * 86_400_000, Seconds::millis);
        let millis = self.delay.millis().saturating_mul(factor).min(longest);
        Seconds::from_millis(millis).unwrap_or(self.delay)
    }
}

impl BlockType {
    /// Every type, in the order in which the editor offers them.
    pub const ALL: [Self; 5] = [Self::Instruction, Self::Command, Self::Api, Self::Condition, Self::Timer];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Instruction => "instruction",
            Self::Command => "command",
            Self::Api => "api",
            Self::Condition => "condition",
            Self::Timer => "timer",
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Instruction => "Instruction",
            Self::Command => "Command",
            Self::Api => "API call",
            Self::Condition => "Condition",
            Self::Timer => "Timer",
        }
    }
}

impl Block {
    /// A block with nothing but its kind.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: BlockKind) -> Self {
        Self {
            id: BlockId::new(),
            name: name.into(),
            kind,
            on_failure: OnFailure::Stop,
            timeout: None,
            retry: None,
            on_worker_loss: OnWorkerLoss::Ask,
            confirm: false,
            when: None,
        }
    }

    /// Its type.
    #[must_use]
    pub const fn block_type(&self) -> BlockType {
        match self.kind {
            BlockKind::Instruction(_) => BlockType::Instruction,
            BlockKind::Command(_) => BlockType::Command,
            BlockKind::Api(_) => BlockType::Api,
            BlockKind::Condition(_) => BlockType::Condition,
            BlockKind::Timer(_) => BlockType::Timer,
        }
    }

    /// Its name, or a short description of what it does where it has none.
    #[must_use]
    pub fn title(&self) -> String {
        if !self.name.is_empty() {
            return self.name.clone();
        }
        let text = match &self.kind {
            BlockKind::Instruction(block) => return instruction::without_marks(&first_line(&block.text)),
            BlockKind::Command(block) => block.command.trim(),
            BlockKind::Api(block) => return format!("{} {}", block.method.as_str(), first_line(&block.url)),
            BlockKind::Condition(block) => return block.check.describe(),
            BlockKind::Timer(block) => return format!("Wait {}", block.duration),
        };
        first_line(text)
    }

    /// The hosts that it names, in their order; those that a tag stands for are known only when it runs.
    #[must_use]
    pub fn host_names(&self) -> Vec<&str> {
        match &self.kind {
            BlockKind::Command(block) => block.host.names().collect(),
            BlockKind::Condition(block) => block.check.host().into_iter().collect(),
            BlockKind::Instruction(_) | BlockKind::Api(_) | BlockKind::Timer(_) => Vec::new(),
        }
    }

    /// Where it runs, as people list it: `web-1, tag:db`; none where it touches no host.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        match &self.kind {
            BlockKind::Command(block) => Some(block.host.to_string()),
            BlockKind::Condition(block) => block.check.host().map(str::to_owned),
            BlockKind::Instruction(_) | BlockKind::Api(_) | BlockKind::Timer(_) => None,
        }
    }

    /// It, and every block nested in it, in the order of the plan.
    #[must_use]
    pub fn with_nested(&self) -> Vec<&Self> {
        let nested = self.branches().into_iter().flatten().flat_map(Self::with_nested);
        std::iter::once(self).chain(nested).collect()
    }

    /// The nested blocks: those of the branch for true, then those for false.
    #[must_use]
    pub fn branches(&self) -> [&[Self]; 2] {
        match &self.kind {
            BlockKind::Condition(block) => [&block.nested_blocks, &block.else_blocks],
            _ => [&[], &[]],
        }
    }

    /// Reads a list of blocks, all faults noted in `faults`.
    ///
    /// Blocks whose `order` was sent come first, in its order; the others keep their place.
    pub fn parse_list(items: &[(String, &Value)], depth: usize, faults: &mut Faults) -> Vec<Self> {
        if depth > MAX_NESTING {
            if let Some((path, _)) = items.first() {
                faults.push(path, format!("conditions may nest {MAX_NESTING} deep, not deeper"));
            }
            return Vec::new();
        }
        let mut blocks: Vec<(i64, Self)> =
            items.iter().filter_map(|(path, value)| Self::parse(value, path, depth, faults)).collect();
        blocks.sort_by_key(|(order, _)| *order);
        blocks.into_iter().map(|(_, block)| block).collect()
    }

    fn parse(value: &Value, path: &str, depth: usize, faults: &mut Faults) -> Option<(i64, Self)> {
        let mut object = Object::open(value, path, faults)?;
        let id = match object.text("id", faults) {
            None => BlockId::new(),
            Some(text) => text.parse().unwrap_or_else(|error: crate::ids::InvalidId| {
                faults.push(object.at("id"), error.to_string());
                BlockId::new()
            }),
        };
        let name = object.text("name", faults).unwrap_or_default();
        if name.chars().count() > MAX_NAME {
            faults.push(object.at("name"), format!("a name has at most {MAX_NAME} characters"));
        }
        let order = object.integer("order", -MAX_ORDER..=MAX_ORDER, faults).unwrap_or(i64::MAX);
        let on_failure = object
            .word("on_failure", &[("stop", OnFailure::Stop), ("continue", OnFailure::Continue)], faults)
            .unwrap_or_default();
        let timeout = duration(&mut object, "timeout", faults);
        if timeout.is_some_and(|timeout| timeout.millis() == 0) {
            faults.push(object.at("timeout"), "a timeout must be longer than nothing");
        }
        let retry = object.value("retry").and_then(|value| parse_retry(value, &format!("{path}.retry"), faults));
        let losses = [("ask", OnWorkerLoss::Ask), ("retry", OnWorkerLoss::Retry), ("fail", OnWorkerLoss::Fail)];
        let on_worker_loss = object.word("on_worker_loss", &losses, faults).unwrap_or_default();
        let confirm = object.flag("confirm", faults);
        let when = object.text("when", faults).filter(|text| !text.trim().is_empty());

        let types = BlockType::ALL.map(|kind| (kind.as_str(), kind));
        if object.required("type", faults).is_none() {
            object.value("config");
            object.finish(faults);
            return None;
        }
        let kind = object.word("type", &types, faults);
        let config_path = object.at("config");
        let config = object.required("config", faults);
        object.finish(faults);
        let mut config = Object::open(config?, config_path, faults)?;
        let kind = match kind? {
            BlockType::Instruction => BlockKind::Instruction(InstructionBlock::parse(&mut config, faults)),
            BlockType::Command => BlockKind::Command(CommandBlock::parse(&mut config, faults)),
            BlockType::Api => BlockKind::Api(ApiBlock::parse(&mut config, faults)),
            BlockType::Condition => BlockKind::Condition(ConditionBlock::parse(&mut config, depth, faults)),
            BlockType::Timer => BlockKind::Timer(TimerBlock::parse(&mut config, faults)),
        };
        config.finish(faults);
        Some((order, Self { id, name, kind, on_failure, timeout, retry, on_worker_loss, confirm, when }))
    }
}

impl Serialize for Block {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        if !self.name.is_empty() {
            map.serialize_entry("name", &self.name)?;
        }
        map.serialize_entry("type", &self.block_type())?;
        match &self.kind {
            BlockKind::Instruction(config) => map.serialize_entry("config", config)?,
            BlockKind::Command(config) => map.serialize_entry("config", config)?,
            BlockKind::Api(config) => map.serialize_entry("config", config)?,
            BlockKind::Condition(config) => map.serialize_entry("config", config)?,
            BlockKind::Timer(config) => map.serialize_entry("config", config)?,
        }
        if self.on_failure != OnFailure::Stop {
            map.serialize_entry("on_failure", &self.on_failure)?;
        }
        if let Some(timeout) = &self.timeout {
            map.serialize_entry("timeout", timeout)?;
        }
        if let Some(retry) = &self.retry {
            map.serialize_entry("retry", retry)?;
        }
        if self.on_worker_loss != OnWorkerLoss::Ask {
            map.serialize_entry("on_worker_loss", &self.on_worker_loss)?;
        }
        if self.confirm {
            map.serialize_entry("confirm", &true)?;
        }
        if let Some(when) = &self.when {
            map.serialize_entry("when", when)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Block {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let mut faults = Faults::default();
        let block = Self::parse(&value, "$", 0, &mut faults);
        match block {
            Some((_, block)) if faults.0.is_empty() => Ok(block),
            _ => Err(serde::de::Error::custom(faults)),
        }
    }
}

/// Reads a duration that may be absent.
pub(crate) fn duration(object: &mut Object<'_>, key: &'static str, faults: &mut Faults) -> Option<Seconds> {
    let value = object.value(key)?;
    let duration = match value {
        Value::Number(number) => number.as_f64().and_then(Seconds::from_number),
        Value::String(text) => Seconds::parse(text),
        _ => None,
    };
    if duration.is_none() {
        faults.push(object.at(key), HINT);
    }
    duration
}

/// Reads `capture`.
pub(crate) fn captures(object: &mut Object<'_>, allowed: &[(&str, CaptureFrom)], faults: &mut Faults) -> Vec<Capture> {
    let mut captures: Vec<Capture> = Vec::new();
    for (path, value) in object.few("capture", MAX_CAPTURES, faults) {
        let Some(mut item) = Object::open(value, path, faults) else { continue };
        let name = item.required_text("name", faults);
        if !name.is_empty() && !is_identifier(&name) {
            faults.push(item.at("name"), "a captured name is letters, digits and _, and does not begin with a digit");
        } else if captures.iter().any(|other| other.name == name) {
            faults.push(item.at("name"), format!("“{name}” is captured twice"));
        }
        item.required("from", faults);
        let from = item.word("from", allowed, faults);
        let pattern = item.text("regex", faults);
        if let Some(Err(error)) = pattern.as_ref().map(|pattern| expression::read(pattern)) {
            faults.push(item.at("regex"), format!("not a regular expression: {}", first_line(&error.to_string())));
        }
        let json_path = item.text("json_path", faults);
        if pattern.is_some() && json_path.is_some() {
            faults.push(item.at("json_path"), "give regex or json_path, not both");
        }
        item.finish(faults);
        if let Some(from) = from {
            captures.push(Capture { name, from, regex: pattern, json_path });
        }
    }
    captures
}

/// Whether a text is letters, digits and `_`, not beginning with a digit.
#[must_use]
pub fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.len() <= 64
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Notes a text that is too long to keep.
pub(crate) fn check_length(path: String, text: &str, faults: &mut Faults) {
    if text.len() > MAX_TEXT {
        faults.push(path, format!("at most {} KiB", MAX_TEXT / 1024));
    }
}

fn parse_retry(value: &Value, path: &str, faults: &mut Faults) -> Option<Retry> {
    let mut object = Object::open(value, path, faults)?;
    object.required("attempts", faults);
    let attempts = object.integer("attempts", 1..=MAX_ATTEMPTS, faults);
    let delay = duration(&mut object, "delay", faults);
    let backoff =
        object.word("backoff", &[("fixed", Backoff::Fixed), ("exponential", Backoff::Exponential)], faults).unwrap_or_default();
    let max_delay = duration(&mut object, "max_delay", faults);
    object.finish(faults);
    Some(Retry {
        attempts: u32::try_from(attempts?).ok()?,
        delay: delay.or_else(|| Seconds::from_millis(0))?,
        backoff,
        max_delay,
    })
}

fn first_line(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let mut title: String = line.chars().take(80).collect();
    if line.chars().nth(80).is_some() {
        title.push('…');
    }
    title
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_between_attempts_stays_or_doubles_up_to_the_longest() {
        let seconds = |seconds: u64| Seconds::from_millis(seconds * 1_000).expect("a short time");
        let waits = |backoff, max_delay: Option<u64>| {
            let retry = Retry { attempts: 20, delay: seconds(3), backoff, max_delay: max_delay.map(seconds) };
            (1..=5).map(|attempt| retry.wait_after(attempt).millis() / 1_000).collect::<Vec<_>>()
        };
        assert_eq!(waits(Backoff::Fixed, None), [3; 5]);
        assert_eq!(waits(Backoff::Exponential, None), [3, 6, 12, 24, 48]);
        assert_eq!(waits(Backoff::Exponential, Some(20)), [3, 6, 12, 20, 20]);
        assert_eq!(waits(Backoff::Fixed, Some(2)), [2; 5], "a longest wait that is shorter than the first");
        // However often: no longer than any span of time may be.
        let retry = Retry { attempts: 20, delay: seconds(3_600), backoff: Backoff::Exponential, max_delay: None };
        assert_eq!(retry.wait_after(20), seconds(30 * 86_400));
        assert_eq!(retry.wait_after(u32::MAX), seconds(30 * 86_400));
    }
}
