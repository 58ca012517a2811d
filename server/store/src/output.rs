//! Output of steps, piece by piece, under `[run, ordinal, attempt, seq]`.

use domain::{Chunk, RunId};
use serde_json::{Value, json};

use crate::query::variables;
use crate::{Lease, Result, Store};

/// The widest number a key can hold.
const LAST: u64 = i64::MAX.unsigned_abs();
/// How far back the first look for the end of an output goes.
const WINDOW: u64 = 64;

impl Store {
    /// Appends pieces of output; writing one again changes nothing. False: the lease is lost.
    ///
    /// # Errors
    /// The database's.
    pub async fn append_output(&self, lease: &Lease, chunks: &[Chunk]) -> Result<bool> {
        let statements =
            "IF type::record('run', $key).{ owner, fence } != { owner: $owner, fence: $fence } { THROW 'guard:lost' };
             INSERT IGNORE INTO output $chunks RETURN NONE;";
        let key = lease.run.to_string();
        let row = |chunk: &Chunk| {
            json!({
                "id": [key, chunk.ordinal, chunk.attempt, chunk.seq],
                "ordinal": chunk.ordinal,
                "attempt": chunk.attempt,
                "seq": chunk.seq,
                "stream": chunk.stream,
                "text": chunk.text,
            })
        };
        let variables = variables! {
            key: key,
            owner: lease.owner,
            fence: lease.fence,
            chunks: Value::Array(chunks.iter().map(row).collect()),
        };
        Ok(self.transact("append output", statements, variables).await?.is_committed())
    }

    /// Up to `limit` pieces after the given number, in order.
    ///
    /// # Errors
    /// The database's.
    pub async fn output(&self, run: RunId, ordinal: u32, attempt: u32, after_seq: u64, limit: u32) -> Result<Vec<Chunk>> {
        self.pieces(run, ordinal, attempt, (after_seq.saturating_add(1).min(LAST), LAST), limit).await
    }

    /// The last pieces up to `last_seq` that together hold at most `max_bytes`, but at least one; in order.
    ///
    /// # Errors
    /// The database's.
    pub async fn output_tail(
        &self,
        run: RunId,
        ordinal: u32,
        attempt: u32,
        last_seq: u64,
        max_bytes: usize,
    ) -> Result<Vec<Chunk>> {
        let mut tail = Vec::new();
        let mut bytes = 0;
        let mut end = last_seq.min(LAST);
        let mut window = WINDOW;
        loop {
            let start = end.saturating_sub(window - 1);
            for chunk in self.pieces(run, ordinal, attempt, (start, end), u32::MAX).await?.into_iter().rev() {
                bytes += chunk.text.len();
                if bytes > max_bytes && !tail.is_empty() {
                    tail.reverse();
                    return Ok(tail);
                }
                tail.push(chunk);
            }
            if start == 0 {
                tail.reverse();
                return Ok(tail);
            }
            end = start - 1;
            window = window.saturating_mul(2).min(LAST);
        }
    }

    async fn pieces(&self, run: RunId, ordinal: u32, attempt: u32, (first, last): (u64, u64), limit: u32) -> Result<Vec<Chunk>> {
        let text = "SELECT ordinal, attempt, seq, stream, text
                    FROM output:[$key, $ordinal, $attempt, $first]..=[$key, $ordinal, $attempt, $last] LIMIT $limit";
        let variables = variables! { key: run, ordinal: ordinal, attempt: attempt, first: first, last: last, limit: limit };
        self.rows("read output", "output", text, variables).await
    }
}
