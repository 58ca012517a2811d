//! A block as it is being typed: from a stored one, and written out as JSON.

use super::*;

impl DraftBlock {
    pub(super) fn new(key: u64, kind: BlockType) -> Self {
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

    pub(super) fn set_flag(&mut self, field: Field, on: bool) {
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

    pub(super) fn from_block(block: &Block, next_key: &mut u64) -> Self {
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

    pub(super) fn read_config(&mut self, kind: &BlockKind) {
        match kind {
            BlockKind::Instruction(config) => {
                self.set(Field::Text, &config.text);
                self.set_flag(Field::Acknowledge, config.acknowledge);
            }
            BlockKind::Command(config) => {
                let interpreter = Some(&config.interpreter).filter(|text| *text != domain::block::command::DEFAULT_INTERPRETER);
                self.set(Field::Command, &config.command);
                self.set(Field::Host, config.host.to_string());
                self.set(
                    Field::Concurrency,
                    if config.concurrency == 1 { String::new() } else { config.concurrency.to_string() },
                );
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

    pub(super) fn read_check(&mut self, check: &Check) {
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
                (F::Host, Write::Places),
                (F::Concurrency, Number),
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

    /// Everything that was typed.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.fields.values().map(String::as_str)
    }

    /// The controls that count for its type.
    pub(super) fn written(&self) -> impl Iterator<Item = Field> {
        const COMMON: [Field; 11] = [
            Field::Name,
            Field::OnFailure,
            Field::Timeout,
            Field::OnWorkerLoss,
            Field::When,
            Field::Confirm,
            Field::RetryAttempts,
            Field::RetryDelay,
            Field::RetryBackoff,
            Field::RetryMaxDelay,
            Field::BodyIsJson,
        ];
        COMMON.into_iter().chain(self.config_fields().into_iter().map(|(field, _)| field))
    }

    pub(super) fn to_json(&self) -> Value {
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
    pub(super) fn put(&self, object: &mut Map<String, Value>, key: &str, text: &str) {
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
            Write::Places => places(text),
            Write::Pairs(separator) => Value::Object(pairs(text, separator).into_iter().collect()),
            Write::Credentials => lines(text).map(credential_use).collect(),
            Write::Captures => lines(text).map(capture).collect(),
            Write::Body if self.is_on(Field::BodyIsJson) => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
            Write::Body => Value::from(text),
        })
    }

    /// What JSON cannot carry: a name given twice, a body that should be JSON and is not.
    pub(super) fn own_faults(&self, path: &str, faults: &mut Faults) {
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

    pub(super) fn rekey(&mut self, next_key: &mut u64) {
        self.key = *next_key;
        *next_key += 1;
        self.nested.iter_mut().chain(&mut self.otherwise).for_each(|block| block.rekey(next_key));
    }

    pub(super) fn forget_ids(&mut self) {
        self.id.clear();
        self.nested.iter_mut().chain(&mut self.otherwise).for_each(Self::forget_ids);
    }

    pub(super) fn find(&self, key: u64) -> Option<&Self> {
        if self.key == key {
            return Some(self);
        }
        self.nested.iter().chain(&self.otherwise).find_map(|block| block.find(key))
    }

    pub(super) fn find_mut(&mut self, key: u64) -> Option<&mut Self> {
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
    /// One host or tag, or several with commas between them.
    Places,
    Pairs(char),
    Credentials,
    Captures,
    Body,
}
