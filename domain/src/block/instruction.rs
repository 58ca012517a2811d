//! Instruction: prose for a person.

use serde::Serialize;

use super::check_length;
use crate::Faults;
use crate::parse::Object;

/// Markdown to read, and perhaps to tick.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct InstructionBlock {
    /// Markdown (CommonMark).
    pub text: String,
    /// The run waits until a person ticks it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub acknowledge: bool,
}

impl InstructionBlock {
    pub(super) fn parse(config: &mut Object<'_>, faults: &mut Faults) -> Self {
        let text = config.required_text("text", faults);
        check_length(config.at("text"), &text, faults);
        Self { text, acknowledge: config.flag("acknowledge", faults) }
    }
}
