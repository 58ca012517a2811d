//! Instruction: its text with the values put in; done when shown, or when a person ticks it.

use domain::block::InstructionBlock;
use vault::Redactor;

use super::Prepared;
use crate::template::{Context, Syntax, render_masked};

pub(super) fn prepare<'a>(
    block: &InstructionBlock,
    context: &Context,
    redactor: &Redactor,
) -> Result<(Prepared<'a>, String), String> {
    let text = render_masked(&block.text, Syntax::Markdown, context, redactor)?;
    Ok((Prepared::Instruction { acknowledge: block.acknowledge }, text))
}
