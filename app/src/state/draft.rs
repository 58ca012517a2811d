//! A runbook as it is being typed: every field plain text, so that nothing typed is ever lost.
//!
//! No rules of its own about what is right: [`Draft::check`] writes the draft out as JSON and has the domain read it, so
//! the editor says exactly what the API would say.

use std::collections::{BTreeMap, HashMap};

use domain::block::condition::Check;
use domain::block::{Backoff, Capture, CaptureFrom, OnFailure, OnFalse, OnWorkerLoss, api::ApiAuth, command::GivenBy};
use domain::{Block, BlockKind, BlockType, Fault, Faults, Runbook, RunbookDraft};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value, json};

/// A runbook as it is being typed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// Its title.
    pub title: String,
    /// Its description.
    pub description: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its parameters.
    pub parameters: Vec<DraftParameter>,
    /// Its blocks.
    pub blocks: Vec<DraftBlock>,
    /// What this version changes.
    pub message: String,
    /// The next local key.
    next_key: u64,
}

/// A block as it is being typed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DraftBlock {
    /// Tells it from the others in this draft; never leaves the browser.
    pub key: u64,
    /// Its id; empty until it is saved for the first time.
    pub id: String,
    /// Its type.
    pub kind: BlockType,
    /// What was typed into each control.
    fields: BTreeMap<Field, String>,
    /// The branch for true.
    pub nested: Vec<DraftBlock>,
    /// The branch for false.
    pub otherwise: Vec<DraftBlock>,
    /// Only its head is shown.
    pub collapsed: bool,
}

/// A parameter as it is being typed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DraftParameter {
    /// Tells it from the others in this draft; never leaves the browser.
    pub key: u64,
    /// `params.<this>`.
    pub name: String,
    /// What the form calls it.
    pub label: String,
    /// The word of its type.
    pub kind: String,
    /// The answer where none is given.
    pub default: String,
    /// There must be an answer.
    pub required: bool,
    /// The choices, one a line.
    pub options: String,
    /// A regular expression.
    pub pattern: String,
    /// Help for the person who answers.
    pub description: String,
}

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident => $path:literal,)*) => {
        /// A control of a block.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Field { $($(#[$doc])* $name,)* }

        impl Field {
            /// Every control.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its path below the block, as faults name it.
            #[must_use]
            pub const fn path(self) -> &'static str {
                match self { $(Self::$name => $path,)* }
            }
        }
    };
}

fields! {
    /// What people call the block.
    Name => "name",
    /// What becomes of the run when it fails.
    OnFailure => "on_failure",
    /// How long one attempt may take.
    Timeout => "timeout",
    /// Ask a person before it runs.
    Confirm => "confirm",
    /// An expression; skipped where it is false.
    When => "when",
    /// How many attempts in all.
    RetryAttempts => "retry.attempts",
    /// The wait before the second attempt.
    RetryDelay => "retry.delay",
    /// How the wait grows.
    RetryBackoff => "retry.backoff",
    /// The longest wait.
    RetryMaxDelay => "retry.max_delay",
    /// What becomes of an attempt whose outcome nobody knows.
    OnWorkerLoss => "on_worker_loss",
    /// Markdown of an instruction.
    Text => "config.text",
    /// Wait until a person ticks it.
    Acknowledge => "config.acknowledge",
    /// The script.
    Command => "config.command",
    /// Where a command or check runs.
    Host => "config.host",
    /// What runs the script.
    Interpreter => "config.interpreter",
    /// Where the script starts.
    WorkingDir => "config.working_dir",
    /// Lines `NAME=value`.
    Env => "config.env",
    /// Lines `env NAME = credential` or `file NAME = credential`.
    Credentials => "config.credentials",
    /// Exit codes with commas between them.
    ExitCodes => "config.expected_exit_codes",
    /// Lines `name = stdout regex …`.
    Capture => "config.capture",
    /// The HTTP method.
    Method => "config.method",
    /// The address.
    Url => "config.url",
    /// Lines `Name: value`.
    Headers => "config.headers",
    /// The body as typed.
    Body => "config.body",
    /// Whether the body is JSON rather than a text.
    BodyIsJson => "config.body_is_json",
    /// The id of the credential that is sent along.
    CredentialId => "config.credential_id",
    /// How it is sent.
    Auth => "config.auth",
    /// The header for it.
    AuthHeader => "config.auth_header_name",
    /// Status codes with commas between them.
    ExpectedStatus => "config.expected_status",
    /// What a condition checks.
    ConditionType => "config.condition_type",
    /// The command of a check.
    CheckCommand => "config.check_command",
    /// The exit code that makes it true.
    ExpectedExitCode => "config.expected_exit_code",
    /// The address of a check.
    CheckUrl => "config.check_url",
    /// The status that makes it true.
    ExpectedStatusCode => "config.expected_status_code",
    /// The file of a check.
    FilePath => "config.file_path",
    /// The variable of a check.
    EnvVarName => "config.env_var_name",
    /// The value that makes it true.
    EnvVarValue => "config.env_var_value",
    /// The expression of a check.
    Expression => "config.expression",
    /// What becomes of the run when it is false.
    OnFalse => "config.on_false",
    /// How long a timer waits.
    Duration => "config.duration",
}

impl Field {
    /// The key in the JSON object that holds it.
    fn wire(self) -> &'static str {
        self.path().rsplit('.').next().unwrap_or_default()
    }
}

/// A list of blocks in a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListAt {
    /// The runbook itself.
    Top,
    /// The branch for true of the condition with this key.
    Then(u64),
    /// The branch for false of the condition with this key.
    Otherwise(u64),
}

/// Where a block stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The list it is in.
    pub list: ListAt,
    /// Its place in the list, from 0.
    pub index: usize,
    /// How many blocks the list has.
    pub len: usize,
    /// Its number for people: `3`, `3.1`.
    pub number: String,
    /// Its JSON path: `$.blocks[2]`.
    pub path: String,
}

impl DraftBlock {
    fn new(key: u64, kind: BlockType) -> Self {
        let mut block = Self {
            key,
            id: String::new(),
            kind,
            fields: BTreeMap::new(),
            nested: Vec::new(),
            otherwise: Vec::new(),
            collapsed: false,
        };
        let preset: &[(Field, &str)] = match kind {
            BlockType::Instruction => &[],
            BlockType::Command => &[(Field::Host, "local"), (Field::ExitCodes, "0")],
            BlockType::Api => &[(Field::Method, "GET"), (Field::Auth, "bearer")],
            BlockType::Condition => {
                &[(Field::ConditionType, "command_exit_code"), (Field::ExpectedExitCode, "0"), (Field::Host, "local")]
            }
            BlockType::Timer => &[(Field::Duration, "30s")],
        };
        for (field, text) in preset {
            block.set(*field, *text);
        }
        block
    }

    /// What was typed into a control.
    #[must_use]
    pub fn get(&self, field: Field) -> &str {
        self.fields.get(&field).map_or("", String::as_str)
    }

    /// Keeps what was typed into a control.
    pub fn set(&mut self, field: Field, text: impl Into<String>) {
        let text = text.into();
        if text.is_empty() {
            self.fields.remove(&field);
        } else {
            self.fields.insert(field, text);
        }
    }

    /// Whether a box is ticked.
    #[must_use]
    pub fn is_on(&self, field: Field) -> bool {
        self.get(field) == "true"
    }

    fn set_flag(&mut self, field: Field, on: bool) {
        self.set(field, if on { "true" } else { "" });
    }

    /// Its name, or the first line of what it does.
    #[must_use]
    pub fn title(&self) -> String {
        let what = match self.kind {
            BlockType::Instruction => Field::Text,
            BlockType::Command => Field::Command,
            BlockType::Api => Field::Url,
            BlockType::Condition => Field::ConditionType,
            BlockType::Timer => Field::Duration,
        };
        let text = if self.get(Field::Name).is_empty() { self.get(what) } else { self.get(Field::Name) };
        text.lines().find(|line| !line.trim().is_empty()).map_or_else(
            || self.kind.label().to_owned(),
            |line| line.trim().trim_start_matches(['#', ' ']).chars().take(80).collect(),
        )
    }

    fn from_block(block: &Block, next_key: &mut u64) -> Self {
        let key = *next_key;
        *next_key += 1;
        let mut draft = Self::new(key, block.block_type());
        draft.fields.clear();
        draft.id = block.id.to_string();
        draft.set(Field::Name, &block.name);
        draft.set(Field::OnFailure, if block.on_failure == OnFailure::Continue { "continue" } else { "" });
        draft.set(Field::Timeout, block.timeout.map(|timeout| timeout.to_string()).unwrap_or_default());
        draft.set_flag(Field::Confirm, block.confirm);
        draft.set(Field::When, block.when.clone().unwrap_or_default());
        draft.set(
            Field::OnWorkerLoss,
            match block.on_worker_loss {
                OnWorkerLoss::Ask => "",
                OnWorkerLoss::Retry => "retry",
                OnWorkerLoss::Fail => "fail",
            },
        );
        if let Some(retry) = &block.retry {
            draft.set(Field::RetryAttempts, retry.attempts.to_string());
            draft.set(Field::RetryDelay, retry.delay.to_string());
            draft.set(Field::RetryBackoff, if retry.backoff == Backoff::Exponential { "exponential" } else { "" });
            draft.set(Field::RetryMaxDelay, retry.max_delay.map(|delay| delay.to_string()).unwrap_or_default());
        }
        draft.read_config(&block.kind);
        let [nested, otherwise] = block.branches();
        draft.nested = nested.iter().map(|block| Self::from_block(block, next_key)).collect();
        draft.otherwise = otherwise.iter().map(|block| Self::from_block(block, next_key)).collect();
        draft
    }

    fn read_config(&mut self, kind: &BlockKind) {
        match kind {
            BlockKind::Instruction(config) => {
                self.set(Field::Text, &config.text);
                self.set_flag(Field::Acknowledge, config.acknowledge);
            }
            BlockKind::Command(config) => {
                let interpreter = Some(&config.interpreter).filter(|text| *text != domain::block::command::DEFAULT_INTERPRETER);
                self.set(Field::Command, &config.command);
                self.set(Field::Host, &config.host);
                self.set(Field::Interpreter, interpreter.cloned().unwrap_or_default());
                self.set(Field::WorkingDir, config.working_dir.clone().unwrap_or_default());
                self.set(Field::Env, pairs_text(&config.env, "="));
                let uses = config.credentials.iter().map(|used| match &used.by {
                    GivenBy::Env(name) => format!("env {name} = {}", used.credential),
                    GivenBy::File(name) => format!("file {name} = {}", used.credential),
                });
                self.set(Field::Credentials, uses.collect::<Vec<_>>().join("\n"));
                self.set(Field::ExitCodes, numbers_text(&config.expected_exit_codes));
                self.set(Field::Capture, captures_text(&config.capture));
            }
            BlockKind::Api(config) => {
                self.set(Field::Method, config.method.as_str());
                self.set(Field::Url, &config.url);
                self.set(Field::Headers, pairs_text(&config.headers, ": "));
                match &config.body {
                    None => {}
                    Some(Value::String(text)) => self.set(Field::Body, text),
                    Some(value) => {
                        self.set(Field::Body, serde_json::to_string_pretty(value).unwrap_or_default());
                        self.set_flag(Field::BodyIsJson, true);
                    }
                }
                self.set(Field::CredentialId, config.credential_id.map(|id| id.to_string()).unwrap_or_default());
                let auth = match config.auth {
                    ApiAuth::Bearer => "bearer",
                    ApiAuth::Basic => "basic",
                    ApiAuth::Header => "header",
                };
                self.set(Field::Auth, auth);
                self.set(Field::AuthHeader, config.auth_header_name.clone().unwrap_or_default());
                self.set(Field::ExpectedStatus, numbers_text(&config.expected_status));
                self.set(Field::Capture, captures_text(&config.capture));
            }
            BlockKind::Condition(config) => {
                self.set(Field::ConditionType, config.check.condition_type());
                self.set(Field::Host, config.check.host().unwrap_or_default());
                self.read_check(&config.check);
                let on_false = match config.on_false {
                    OnFalse::Continue => "",
                    OnFalse::Pause => "pause",
                    OnFalse::Stop => "stop",
                };
                self.set(Field::OnFalse, on_false);
            }
            BlockKind::Timer(config) => self.set(Field::Duration, config.duration.to_string()),
        }
    }

    fn read_check(&mut self, check: &Check) {
        match check {
            Check::CommandExitCode { command, expected, .. } => {
                self.set(Field::CheckCommand, command);
                self.set(Field::ExpectedExitCode, expected.to_string());
            }
            Check::ApiStatusCode { url, expected } => {
                self.set(Field::CheckUrl, url);
                self.set(Field::ExpectedStatusCode, expected.to_string());
            }
            Check::FileExists { path, .. } => self.set(Field::FilePath, path),
            Check::EnvVarEquals { name, value, .. } => {
                self.set(Field::EnvVarName, name);
                self.set(Field::EnvVarValue, value);
            }
            Check::Expression { expression } => self.set(Field::Expression, expression),
        }
    }

    /// The fields that its type has, and how each is written.
    fn config_fields(&self) -> Vec<(Field, Write)> {
        use Field as F;
        use Write::{Always, Captures, Flag, Number, Numbers, Optional};
        match self.kind {
            BlockType::Instruction => vec![(F::Text, Always), (F::Acknowledge, Flag)],
            BlockType::Command => vec![
                (F::Command, Always),
                (F::Host, Optional),
                (F::Interpreter, Optional),
                (F::WorkingDir, Optional),
                (F::Env, Write::Pairs('=')),
                (F::Credentials, Write::Credentials),
                (F::ExitCodes, Numbers),
                (F::Capture, Captures),
            ],
            BlockType::Api => vec![
                (F::Method, Always),
                (F::Url, Always),
                (F::Headers, Write::Pairs(':')),
                (F::Body, Write::Body),
                (F::CredentialId, Optional),
                (F::Auth, Optional),
                (F::AuthHeader, Optional),
                (F::ExpectedStatus, Numbers),
                (F::Capture, Captures),
            ],
            BlockType::Condition => {
                let mut fields = vec![(F::ConditionType, Always), (F::OnFalse, Optional)];
                fields.extend(match self.get(F::ConditionType) {
                    "command_exit_code" => vec![(F::CheckCommand, Always), (F::ExpectedExitCode, Number), (F::Host, Optional)],
                    "api_status_code" => vec![(F::CheckUrl, Always), (F::ExpectedStatusCode, Number)],
                    "file_exists" => vec![(F::FilePath, Always), (F::Host, Optional)],
                    "env_var_equals" => vec![(F::EnvVarName, Always), (F::EnvVarValue, Always), (F::Host, Optional)],
                    _ => vec![(F::Expression, Always)],
                });
                fields
            }
            BlockType::Timer => vec![(F::Duration, Always)],
        }
    }

    fn to_json(&self) -> Value {
        let mut block = Map::new();
        self.put(&mut block, "id", &self.id);
        self.put(&mut block, "name", self.get(Field::Name));
        block.insert("type".to_owned(), Value::from(self.kind.as_str()));
        for field in [Field::OnFailure, Field::Timeout, Field::OnWorkerLoss, Field::When] {
            self.put(&mut block, field.wire(), self.get(field));
        }
        if self.is_on(Field::Confirm) {
            block.insert("confirm".to_owned(), Value::Bool(true));
        }
        let mut retry = Map::new();
        for field in [Field::RetryDelay, Field::RetryBackoff, Field::RetryMaxDelay] {
            self.put(&mut retry, field.wire(), self.get(field));
        }
        if !self.get(Field::RetryAttempts).is_empty() {
            retry.insert("attempts".to_owned(), number(self.get(Field::RetryAttempts)));
        }
        if !retry.is_empty() {
            block.insert("retry".to_owned(), Value::Object(retry));
        }
        let mut config = Map::new();
        for (field, write) in self.config_fields() {
            if let Some(value) = self.write(field, write) {
                config.insert(field.wire().to_owned(), value);
            }
        }
        if self.kind == BlockType::Condition {
            config.insert("nested_blocks".to_owned(), self.nested.iter().map(Self::to_json).collect());
            config.insert("else_blocks".to_owned(), self.otherwise.iter().map(Self::to_json).collect());
        }
        block.insert("config".to_owned(), Value::Object(config));
        Value::Object(block)
    }

    #[expect(clippy::unused_self, reason = "reads as a sentence where it is used")]
    fn put(&self, object: &mut Map<String, Value>, key: &str, text: &str) {
        if !text.is_empty() {
            object.insert(key.to_owned(), Value::from(text));
        }
    }

    fn write(&self, field: Field, write: Write) -> Option<Value> {
        let text = self.get(field);
        if text.trim().is_empty() && !matches!(write, Write::Always) {
            return None;
        }
        Some(match write {
            Write::Always | Write::Optional => Value::from(text),
            Write::Flag => Value::Bool(self.is_on(field)),
            Write::Number => number(text),
            Write::Numbers => text.split([',', ' ', ';']).filter(|piece| !piece.is_empty()).map(number).collect(),
            Write::Pairs(separator) => Value::Object(pairs(text, separator).into_iter().collect()),
            Write::Credentials => lines(text).map(credential_use).collect(),
            Write::Captures => lines(text).map(capture).collect(),
            Write::Body if self.is_on(Field::BodyIsJson) => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
            Write::Body => Value::from(text),
        })
    }

    /// What JSON cannot carry: a name given twice, a body that should be JSON and is not.
    fn own_faults(&self, path: &str, faults: &mut Faults) {
        for (field, write) in self.config_fields() {
            let at = format!("{path}.{}", field.path());
            if let Write::Pairs(separator) = write {
                let mut seen = std::collections::HashSet::new();
                for (name, _) in pairs(self.get(field), separator) {
                    if !seen.insert(name.clone()) {
                        faults.push(&at, format!("“{name}” is given twice"));
                    }
                }
            }
            let body = self.get(field).trim();
            if matches!(write, Write::Body)
                && self.is_on(Field::BodyIsJson)
                && !body.is_empty()
                && let Err(error) = serde_json::from_str::<Value>(body)
            {
                faults.push(&at, format!("this is not JSON: {error}"));
            }
        }
    }

    fn rekey(&mut self, next_key: &mut u64) {
        self.key = *next_key;
        *next_key += 1;
        self.nested.iter_mut().chain(&mut self.otherwise).for_each(|block| block.rekey(next_key));
    }

    fn forget_ids(&mut self) {
        self.id.clear();
        self.nested.iter_mut().chain(&mut self.otherwise).for_each(Self::forget_ids);
    }

    fn find(&self, key: u64) -> Option<&Self> {
        if self.key == key {
            return Some(self);
        }
        self.nested.iter().chain(&self.otherwise).find_map(|block| block.find(key))
    }

    fn find_mut(&mut self, key: u64) -> Option<&mut Self> {
        if self.key == key {
            return Some(self);
        }
        self.nested.iter_mut().chain(&mut self.otherwise).find_map(|block| block.find_mut(key))
    }
}

/// How a field is written as JSON.
#[derive(Debug, Clone, Copy)]
enum Write {
    Always,
    Optional,
    Flag,
    Number,
    Numbers,
    Pairs(char),
    Credentials,
    Captures,
    Body,
}

impl From<&Runbook> for Draft {
    fn from(runbook: &Runbook) -> Self {
        Self::from(&runbook.to_draft())
    }
}

impl From<&RunbookDraft> for Draft {
    fn from(runbook: &RunbookDraft) -> Self {
        let mut next_key = 1;
        let blocks = runbook.blocks.iter().map(|block| DraftBlock::from_block(block, &mut next_key)).collect();
        let mut draft = Self {
            title: runbook.title.clone(),
            description: runbook.description.clone(),
            tags: runbook.tags.clone(),
            parameters: Vec::new(),
            blocks,
            message: runbook.message.clone().unwrap_or_default(),
            next_key,
        };
        for parameter in &runbook.parameters {
            let key = draft.fresh_key();
            let kinds = domain::parameter::ParameterKind::ALL;
            let kind = kinds.iter().find(|(_, kind)| *kind == parameter.kind).map_or("string", |(word, _)| *word);
            draft.parameters.push(DraftParameter {
                key,
                name: parameter.name.clone(),
                label: parameter.label.clone().unwrap_or_default(),
                kind: kind.to_owned(),
                default: parameter.default.as_ref().map(plain).unwrap_or_default(),
                required: parameter.required,
                options: parameter.options.join("\n"),
                pattern: parameter.pattern.clone().unwrap_or_default(),
                description: parameter.description.clone().unwrap_or_default(),
            });
        }
        draft
    }
}

impl Draft {
    /// The draft as the API would be sent it, right or wrong.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut draft = json!({
            "title": self.title,
            "description": self.description,
            "tags": self.tags,
            "parameters": self.parameters.iter().map(DraftParameter::to_json).collect::<Vec<_>>(),
            "blocks": self.blocks.iter().map(DraftBlock::to_json).collect::<Vec<_>>(),
        });
        if !self.message.trim().is_empty() {
            draft["message"] = Value::from(self.message.as_str());
        }
        draft
    }

    /// Reads the draft by the rules of the domain.
    ///
    /// # Errors
    /// Every fault, each with its JSON path.
    pub fn check(&self) -> Result<RunbookDraft, Faults> {
        let mut faults = Faults::default();
        self.walk(&mut |block, spot| block.own_faults(&spot.path, &mut faults));
        match RunbookDraft::parse(&self.to_json()) {
            Ok(draft) => faults.into_result(draft),
            Err(Faults(mut found)) => {
                found.append(&mut faults.0);
                Err(Faults(found))
            }
        }
    }

    /// Everything that is wrong with it.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.check().err().map(|faults| faults.0).unwrap_or_default()
    }

    /// Where each block stands, by its key.
    #[must_use]
    pub fn spots(&self) -> HashMap<u64, Spot> {
        let mut spots = HashMap::new();
        self.walk(&mut |block, spot| {
            spots.insert(block.key, spot.clone());
        });
        spots
    }

    fn walk(&self, visit: &mut impl FnMut(&DraftBlock, &Spot)) {
        fn list(blocks: &[DraftBlock], at: ListAt, number: &str, path: &str, visit: &mut impl FnMut(&DraftBlock, &Spot)) {
            for (index, block) in blocks.iter().enumerate() {
                let spot = Spot {
                    list: at,
                    index,
                    len: blocks.len(),
                    number: format!("{number}{}", index + 1),
                    path: format!("{path}[{index}]"),
                };
                visit(block, &spot);
                let below = format!("{}.config", spot.path);
                let prefix = format!("{}.", spot.number);
                list(&block.nested, ListAt::Then(block.key), &prefix, &format!("{below}.nested_blocks"), visit);
                list(&block.otherwise, ListAt::Otherwise(block.key), &prefix, &format!("{below}.else_blocks"), visit);
            }
        }
        list(&self.blocks, ListAt::Top, "", "$.blocks", visit);
    }

    /// The block with a key.
    #[must_use]
    pub fn block(&self, key: u64) -> Option<&DraftBlock> {
        self.blocks.iter().find_map(|block| block.find(key))
    }

    /// The block with a key, to change.
    pub fn block_mut(&mut self, key: u64) -> Option<&mut DraftBlock> {
        self.blocks.iter_mut().find_map(|block| block.find_mut(key))
    }

    /// A list of blocks.
    #[must_use]
    pub fn list(&self, at: ListAt) -> &[DraftBlock] {
        match at {
            ListAt::Top => &self.blocks,
            ListAt::Then(key) => self.block(key).map_or(&[], |block| &block.nested),
            ListAt::Otherwise(key) => self.block(key).map_or(&[], |block| &block.otherwise),
        }
    }

    fn list_mut(&mut self, at: ListAt) -> Option<&mut Vec<DraftBlock>> {
        match at {
            ListAt::Top => Some(&mut self.blocks),
            ListAt::Then(key) => self.block_mut(key).map(|block| &mut block.nested),
            ListAt::Otherwise(key) => self.block_mut(key).map(|block| &mut block.otherwise),
        }
    }

    /// Where the block with a key stands.
    #[must_use]
    pub fn find(&self, key: u64) -> Option<(ListAt, usize)> {
        let mut found = None;
        self.walk(&mut |block, spot| {
            if block.key == key {
                found = Some((spot.list, spot.index));
            }
        });
        found
    }

    fn fresh_key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    /// Puts a new block into a list, before the one at `index`; answers its key.
    pub fn insert(&mut self, at: ListAt, index: usize, kind: BlockType) -> Option<u64> {
        let key = self.fresh_key();
        self.put_back(at, index, DraftBlock::new(key, kind)).then_some(key)
    }

    /// Puts a block that was taken out into a list.
    pub fn put_back(&mut self, at: ListAt, index: usize, block: DraftBlock) -> bool {
        let Some(list) = self.list_mut(at) else { return false };
        list.insert(index.min(list.len()), block);
        true
    }

    /// Takes a block out; answers it and where it stood.
    pub fn remove(&mut self, key: u64) -> Option<(ListAt, usize, DraftBlock)> {
        let (at, index) = self.find(key)?;
        let block = self.list_mut(at)?.remove(index);
        Some((at, index, block))
    }

    /// Puts a copy of a block after it; answers the copy's key.
    pub fn duplicate(&mut self, key: u64) -> Option<u64> {
        let (at, index) = self.find(key)?;
        let mut copy = self.block(key)?.clone();
        let mut next_key = self.next_key + 1;
        copy.rekey(&mut next_key);
        copy.forget_ids();
        self.next_key = next_key;
        let key = copy.key;
        self.put_back(at, index + 1, copy).then_some(key)
    }

    /// Moves a block before its neighbour; `false` where it is the first.
    pub fn move_up(&mut self, key: u64) -> bool {
        match self.find(key) {
            Some((at, index)) if index > 0 => self.swap(at, index - 1),
            _ => false,
        }
    }

    /// Moves a block after its neighbour; `false` where it is the last.
    pub fn move_down(&mut self, key: u64) -> bool {
        self.find(key).is_some_and(|(at, index)| self.swap(at, index))
    }

    fn swap(&mut self, at: ListAt, first: usize) -> bool {
        let Some(list) = self.list_mut(at).filter(|list| first + 1 < list.len()) else { return false };
        list.swap(first, first + 1);
        true
    }

    /// Moves a block to the place before `before`; `false` where that is itself or within it.
    pub fn move_before(&mut self, key: u64, before: u64) -> bool {
        if self.block(key).is_none_or(|block| block.find(before).is_some()) || self.block(before).is_none() {
            return false;
        }
        let Some((_, _, block)) = self.remove(key) else { return false };
        self.find(before).is_some_and(|(at, index)| self.put_back(at, index, block))
    }

    /// Adds an empty parameter; answers its key.
    pub fn add_parameter(&mut self) -> u64 {
        let key = self.fresh_key();
        self.parameters.push(DraftParameter { key, kind: "string".to_owned(), ..DraftParameter::default() });
        key
    }

    /// Gives everything in `other` keys that this draft never used, and becomes it.
    pub fn replace(&mut self, mut other: Self) {
        let mut next_key = self.next_key.max(other.next_key) + 1;
        other.blocks.iter_mut().for_each(|block| block.rekey(&mut next_key));
        for parameter in &mut other.parameters {
            parameter.key = next_key;
            next_key += 1;
        }
        other.next_key = next_key;
        *self = other;
    }
}

impl DraftParameter {
    fn to_json(&self) -> Value {
        let mut parameter = Map::new();
        parameter.insert("name".to_owned(), Value::from(self.name.as_str()));
        parameter.insert("type".to_owned(), Value::from(self.kind.as_str()));
        let texts = [("label", &self.label), ("pattern", &self.pattern), ("description", &self.description)];
        for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            parameter.insert(key.to_owned(), Value::from(text.as_str()));
        }
        if !self.default.is_empty() {
            let text = self.default.as_str();
            let value = match self.kind.as_str() {
                "number" => text.trim().parse::<Number>().map_or_else(|_| Value::from(text), Value::Number),
                "boolean" => text.trim().parse::<bool>().map_or_else(|_| Value::from(text), Value::Bool),
                _ => Value::from(text),
            };
            parameter.insert("default".to_owned(), value);
        }
        if self.required {
            parameter.insert("required".to_owned(), Value::Bool(true));
        }
        if !self.options.trim().is_empty() {
            parameter.insert("options".to_owned(), self.options.lines().filter(|line| !line.is_empty()).collect());
        }
        Value::Object(parameter)
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn number(text: &str) -> Value {
    text.trim().parse::<i64>().map_or_else(|_| Value::from(text), Value::from)
}

fn numbers_text(numbers: &[impl ToString]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim().is_empty())
}

/// A value that a line cannot hold as it is becomes a JSON text.
pub(super) fn pairs_text(pairs: &[(String, String)], separator: &str) -> String {
    let line = |(name, value): &(String, String)| {
        let quoted = value.contains(['\n', '\r']) || value.starts_with('"') || value.trim() != value;
        let value = if quoted { Value::from(value.as_str()).to_string() } else { value.clone() };
        format!("{name}{separator}{value}")
    };
    pairs.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A line without a separator has no value, which the domain reports.
pub(super) fn pairs(text: &str, separator: char) -> Vec<(String, Value)> {
    let pair = |line: &str| match line.split_once(separator) {
        None => (line.trim().to_owned(), Value::Null),
        Some((name, value)) => {
            let value = value.trim();
            let quoted = value.starts_with('"').then(|| serde_json::from_str::<String>(value).ok()).flatten();
            (name.trim().to_owned(), Value::from(quoted.unwrap_or_else(|| value.to_owned())))
        }
    };
    lines(text).map(pair).collect()
}

fn credential_use(line: &str) -> Value {
    let parts = line.split_once('=').and_then(|(how, credential)| {
        let (by, name) = how.trim().split_once(' ')?;
        matches!(by, "env" | "file").then(|| json!({ "credential": credential.trim(), by: name.trim() }))
    });
    parts.unwrap_or_else(|| Value::from(line))
}

fn captures_text(captures: &[Capture]) -> String {
    let line = |capture: &Capture| {
        let from = match capture.from {
            CaptureFrom::Stdout => "stdout",
            CaptureFrom::Body => "body",
            CaptureFrom::Status => "status",
            CaptureFrom::Header => "header",
        };
        let how = match (&capture.regex, &capture.json_path) {
            (Some(regex), _) => format!(" regex {}", regex.replace('\n', "\\n")),
            (None, Some(path)) => format!(" json_path {path}"),
            (None, None) => String::new(),
        };
        format!("{} = {from}{how}", capture.name)
    };
    captures.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn capture(line: &str) -> Value {
    let Some((name, rest)) = line.split_once('=') else { return Value::from(line) };
    let rest = rest.trim_start();
    let (from, how) = rest.split_once(' ').unwrap_or((rest, ""));
    let mut capture = json!({ "name": name.trim(), "from": from });
    match how.split_once(' ') {
        None if how.trim().is_empty() => {}
        Some((key @ ("regex" | "json_path"), pattern)) => capture[key] = Value::from(pattern),
        _ => return Value::from(line),
    }
    capture
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> RunbookDraft {
        domain::sample::runbook().expect("the sample is valid")
    }

    fn three() -> (Draft, Vec<u64>) {
        let mut draft = Draft { title: "Three".to_owned(), ..Draft::default() };
        let kinds = [BlockType::Instruction, BlockType::Command, BlockType::Condition];
        let keys = kinds.into_iter().enumerate().filter_map(|(index, kind)| draft.insert(ListAt::Top, index, kind)).collect();
        (draft, keys)
    }

    fn order(draft: &Draft) -> Vec<u64> {
        draft.blocks.iter().map(|block| block.key).collect()
    }

    #[test]
    fn the_sample_comes_back_as_it_was() {
        let sample = sample();
        assert_eq!(Draft::from(&sample).check(), Ok(sample));
    }

    #[test]
    fn every_setting_of_every_type_comes_back_as_it_was() {
        let full = RunbookDraft::parse(&json!({
            "title": "All", "description": "of it", "tags": ["a", "b"], "message": "why",
            "parameters": [
                { "name": "n", "type": "number", "default": 1.5, "label": "N", "required": true, "description": "help" },
                { "name": "b", "type": "boolean", "default": true },
                { "name": "s", "type": "select", "options": ["x, y", "z"], "default": "z" },
                { "name": "t", "type": "string", "pattern": "[a-z]+", "default": "abc" }
            ],
            "blocks": [
                { "type": "command", "on_failure": "continue", "on_worker_loss": "retry", "timeout": "2m", "confirm": true, "when": "params.b",
                  "retry": { "attempts": 3, "delay": "1s", "backoff": "exponential", "max_delay": "10s" },
                  "config": { "command": "a\nb", "host": "db-2", "interpreter": "bash -eu", "working_dir": "/tmp",
                    "env": { "A": "1", "B": " two\nlines ", "C": "\"q\"", "D": "a=b" },
                    "credentials": [{ "credential": "key", "env": "KEY" }, { "credential": "cert", "file": "CERT" }],
                    "expected_exit_codes": [0, 3],
                    "capture": [{ "name": "v", "from": "stdout", "regex": "a  (\\d+)" }, { "name": "all", "from": "stdout" }] } },
                { "type": "api", "config": { "method": "POST", "url": "https://x.test/", "headers": { "X-A": "b: c" },
                    "body": { "a": [1] }, "expected_status": [200, 201], "auth_header_name": "X-Key", "auth": "header",
                    "credential_id": "01932c07-0000-7000-8000-000000000000",
                    "capture": [{ "name": "id", "from": "body", "json_path": "$.id" }] } },
                { "type": "api", "config": { "method": "PUT", "url": "https://x.test/", "body": "{\"a\":1}" } },
                { "type": "condition", "config": { "condition_type": "env_var_equals", "env_var_name": "A", "env_var_value": "",
                    "on_false": "pause", "else_blocks": [{ "type": "timer", "config": { "duration": "90s" } }] } },
                { "type": "condition", "config": { "condition_type": "api_status_code", "check_url": "http://x.test" } },
                { "type": "condition", "config": { "condition_type": "file_exists", "file_path": "/x", "host": "db-1" } },
                { "type": "condition", "config": { "condition_type": "expression", "expression": "1 < 2" } },
                { "type": "instruction", "config": { "text": "read", "acknowledge": true } }
            ]
        }));
        let full = full.expect("valid");
        assert_eq!(Draft::from(&full).check(), Ok(full));
    }

    #[test]
    fn a_draft_that_was_kept_in_the_browser_reads_back() {
        let draft = Draft::from(&sample());
        let text = serde_json::to_string(&draft).expect("it is plain data");
        assert_eq!(serde_json::from_str::<Draft>(&text).ok(), Some(draft));
    }

    #[test]
    fn an_exit_code_that_is_none_is_named_and_kept() {
        let (mut draft, keys) = three();
        let block = draft.block_mut(keys[1]).expect("it was put in");
        block.set(Field::ExitCodes, "0, x");
        assert!(draft.faults().iter().any(|fault| fault.path == "$.blocks[1].config.expected_exit_codes[1]"));
        assert_eq!(draft.block(keys[1]).map(|block| block.get(Field::ExitCodes)), Some("0, x"));
    }

    #[test]
    fn a_name_given_twice_and_a_body_that_is_no_json_are_faults() {
        let mut draft = Draft::default();
        let key = draft.insert(ListAt::Top, 0, BlockType::Api).expect("at the top");
        let block = draft.block_mut(key).expect("it was put in");
        block.set(Field::Headers, "A: 1\nA: 2\nno colon");
        block.set(Field::Body, "{");
        block.set(Field::BodyIsJson, "true");
        let faults = draft.faults();
        let below = |path: &str| faults.iter().filter(|fault| fault.path.starts_with(path)).count();
        assert_eq!((below("$.blocks[0].config.headers"), below("$.blocks[0].config.body")), (2, 1));
    }

    #[test]
    fn a_fault_in_a_branch_has_the_path_of_its_block() {
        let (mut draft, keys) = three();
        let key = draft.insert(ListAt::Then(keys[2]), 0, BlockType::Instruction).expect("a condition has branches");
        let path = "$.blocks[2].config.nested_blocks[0]";
        assert_eq!(draft.spots().get(&key).map(|spot| (spot.path.as_str(), spot.number.as_str())), Some((path, "3.1")));
        assert!(draft.faults().iter().any(|fault| fault.path == format!("{path}.config.text")));
    }

    #[test]
    fn blocks_move_past_their_neighbours_and_stop_at_the_ends() {
        let (mut draft, keys) = three();
        assert!(!draft.move_up(keys[0]) && !draft.move_down(keys[2]));
        assert!(draft.move_down(keys[0]));
        assert_eq!(order(&draft), [keys[1], keys[0], keys[2]]);
        assert!(draft.move_up(keys[2]));
        assert_eq!(order(&draft), [keys[1], keys[2], keys[0]]);
    }

    #[test]
    fn a_block_is_dropped_before_another_but_never_into_itself() {
        let (mut draft, keys) = three();
        let inner = draft.insert(ListAt::Otherwise(keys[2]), 0, BlockType::Timer).expect("a condition has branches");
        assert!(!draft.move_before(keys[2], inner));
        assert!(draft.move_before(keys[0], inner));
        assert_eq!(draft.list(ListAt::Otherwise(keys[2])).iter().map(|block| block.key).collect::<Vec<_>>(), [keys[0], inner]);
        assert!(draft.move_before(inner, keys[1]));
        assert_eq!(order(&draft), [inner, keys[1], keys[2]]);
    }

    #[test]
    fn a_removed_block_goes_back_where_it_was() {
        let (mut draft, keys) = three();
        let before = draft.blocks.clone();
        let (at, index, block) = draft.remove(keys[1]).expect("it was put in");
        assert_eq!(order(&draft), [keys[0], keys[2]]);
        assert!(draft.put_back(at, index, block));
        assert_eq!(draft.blocks, before);
    }

    #[test]
    fn a_copy_follows_its_original_with_keys_and_ids_of_its_own() {
        let mut draft = Draft::from(&sample());
        let key = draft.blocks[5].key;
        let copy = draft.duplicate(key).expect("it was there");
        assert_eq!(draft.find(copy), Some((ListAt::Top, 6)));
        assert_eq!(draft.spots().len(), 8 + 3);
        assert_eq!(draft.check().map(|draft| draft.blocks.len()), Ok(7));
        let another = draft.insert(ListAt::Top, 0, BlockType::Timer).expect("at the top");
        assert_eq!(draft.spots().len(), 12, "{another} is new");
    }

    #[test]
    fn what_replaces_a_draft_gets_keys_that_were_never_used() {
        let mut draft = Draft::from(&sample());
        let old = draft.spots();
        draft.replace(Draft::from(&sample()));
        assert!(draft.spots().keys().all(|key| !old.contains_key(key)));
        assert!(draft.check().is_ok());
    }
}
