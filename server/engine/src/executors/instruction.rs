//! Instruction: its text with the values put in; done when shown, or when a person ticks it.

use domain::block::InstructionBlock;

use super::Prepared;
use crate::template::{Context, Syntax, render};

pub(super) fn prepare<'a>(block: &InstructionBlock, context: &Context) -> Result<(Prepared<'a>, String), String> {
    let text = render(&block.text, Syntax::Plain, context)?;
    Ok((Prepared::Instruction { acknowledge: block.acknowledge }, text))
}
