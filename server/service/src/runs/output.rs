//! Reading what steps wrote.

use domain::{Actor, Chunk, Permission, RunId, Step, StepId};

use super::{MISSING, Runs};
use crate::authorise::authorise;
use crate::{Result, ServiceError};

/// How much of a step's output its tail holds, in bytes.
pub const TAIL_BYTES: usize = 64 * 1024;

/// How far beyond the start of a step the end of its output is looked for first.
const FIRST_STRIDE: u64 = 64;
/// The most pieces one call answers.
const MAX_CHUNKS: u32 = 1_000;

impl Runs {
    /// The pieces of a step's output after the given one, at most `limit` of them.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn output(&self, actor: &Actor, run: RunId, step: StepId, after_seq: u64, limit: u32) -> Result<Vec<Chunk>> {
        authorise(actor, Permission::Read)?;
        self.store.run(run).await?.ok_or(MISSING)?;
        let steps = self.store.steps(run).await?;
        let missing = ServiceError::NotFound { what: "step of this run" };
        let step = steps.iter().find(|found| found.id == step).ok_or(missing)?;
        Ok(self.store.output(run, step.ordinal, step.attempt, after_seq, limit.clamp(1, MAX_CHUNKS)).await?)
    }

    /// The last 64 KiB of what a step wrote, both streams as they came.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tail(&self, actor: &Actor, run: RunId, step: &Step) -> Result<String> {
        Ok(self.tail_or_whole(actor, run, step).await?.0)
    }

    /// The same, and whether anything came before it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tail_or_whole(&self, actor: &Actor, run: RunId, step: &Step) -> Result<(String, bool)> {
        authorise(actor, Permission::Read)?;
        let end = self.end_of_output(run, step).await?;
        let chunks = self.store.output_tail(run, step.ordinal, step.attempt, end, TAIL_BYTES).await?;
        let first = self.store.output(run, step.ordinal, step.attempt, 0, 1).await?;
        let begins_later = first.first().map(|chunk| chunk.seq) != chunks.first().map(|chunk| chunk.seq);
        let text: String = chunks.into_iter().map(|chunk| chunk.text).collect();
        let is_cut = begins_later || text.len() > TAIL_BYTES;
        Ok((last_bytes(text, TAIL_BYTES), is_cut))
    }

    /// A number at or a little beyond the step's last piece. A step that goes on learns its last number when it ends, so until then
    /// the store is asked in strides that double.
    async fn end_of_output(&self, run: RunId, step: &Step) -> Result<u64> {
        if step.started_at.is_none() || step.state.is_final() {
            return Ok(step.last_output);
        }
        let mut known = step.last_output.max(step.event);
        let mut stride = FIRST_STRIDE;
        loop {
            let beyond = known.saturating_add(stride);
            let found = self.store.output(run, step.ordinal, step.attempt, beyond, 1).await?;
            let Some(chunk) = found.first() else { return Ok(beyond) };
            known = chunk.seq;
            stride = stride.saturating_mul(2);
        }
    }
}

/// The end of a text, cut between characters.
fn last_bytes(mut text: String, most: usize) -> String {
    let cut = text.ceil_char_boundary(text.len().saturating_sub(most));
    text.drain(..cut);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_cut_between_characters() {
        assert_eq!(last_bytes("aéé".to_owned(), 3), "é");
        assert_eq!(last_bytes("aéé".to_owned(), 4), "éé");
        assert_eq!(last_bytes("aé".to_owned(), 64), "aé");
    }
}
