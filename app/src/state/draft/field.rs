//! The controls of a block, and where each stands in JSON.

use serde::{Deserialize, Serialize};

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
    /// On how many of several hosts at once.
    Concurrency => "config.concurrency",
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
    pub(super) fn wire(self) -> &'static str {
        self.path().rsplit('.').next().unwrap_or_default()
    }
}
