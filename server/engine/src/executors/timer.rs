//! Timer: a due time in the store; the walk waits for it, holds it and takes it up again.

use domain::block::TimerBlock;

use super::Prepared;

pub(super) fn prepare<'a>(block: &TimerBlock) -> (Prepared<'a>, String) {
    (Prepared::Timer, format!("Wait {}", block.duration))
}
