//! Where blocks can go: to any place of any list but their own branches, by dragging and by keys.

use domain::BlockType;

use super::{Draft, DraftBlock, ListAt};

/// A place in a list: before the block that has this number there now, from 0.
pub type To = (ListAt, usize);

impl ListAt {
    /// The condition that it is a branch of.
    const fn condition(self) -> Option<u64> {
        match self {
            Self::Top => None,
            Self::Then(key) | Self::Otherwise(key) => Some(key),
        }
    }
}

impl Draft {
    /// Whether a block would stand elsewhere if it were moved there; never within itself.
    #[must_use]
    pub fn can_move(&self, key: u64, (at, index): To) -> bool {
        let (Some(block), Some((from, place))) = (self.block(key), self.find(key)) else { return false };
        let is_list = at.condition().is_none_or(|of| block.find(of).is_none() && self.block(of).is_some());
        // Before itself and before the next one is where it stands.
        is_list && (from != at || (index != place && index != place + 1))
    }

    /// Moves a block; `false` where nothing changes by that. The branch that it comes to is unfolded: nobody loses it out of sight.
    pub fn move_to(&mut self, key: u64, to: To) -> bool {
        if !self.can_move(key, to) {
            return false;
        }
        let (at, index) = to;
        let Some((from, place, block)) = self.remove(key) else { return false };
        if let Some(condition) = at.condition().and_then(|of| self.block_mut(of)) {
            condition.collapsed = false;
        }
        // What stood after it has moved up.
        self.put_back(at, index - usize::from(from == at && place < index), block)
    }

    /// Where a block goes that is dropped onto another: after it when it comes from above in the same list, else before it.
    #[must_use]
    pub fn dropped_onto(&self, key: u64, onto: u64) -> Option<To> {
        let (at, index) = self.find(onto)?;
        let is_from_above = self.find(key).is_some_and(|(from, place)| from == at && place < index);
        Some((at, index + usize::from(is_from_above)))
    }

    /// Where one step up or down leads: past the neighbour; at the end of a branch into the other one of its condition, or out of both.
    #[must_use]
    pub fn step_of(&self, key: u64, up: bool) -> Option<To> {
        let (at, index) = self.find(key)?;
        match (at, up) {
            (_, true) if index > 0 => Some((at, index - 1)),
            (_, false) if index + 1 < self.list(at).len() => Some((at, index + 2)),
            (ListAt::Then(of), false) => Some((ListAt::Otherwise(of), 0)),
            (ListAt::Otherwise(of), true) => Some((ListAt::Then(of), self.list(ListAt::Then(of)).len())),
            _ => self.beside(at, up),
        }
    }

    /// Where a block goes that changes its depth: into the nearer branch of the condition next to it, else out of its own branch.
    #[must_use]
    pub fn leap_of(&self, key: u64, up: bool) -> Option<To> {
        let (at, index) = self.find(key)?;
        let next = if up { index.checked_sub(1) } else { Some(index + 1) };
        let is_condition = |block: &&DraftBlock| block.kind == BlockType::Condition;
        match next.and_then(|next| self.list(at).get(next)).filter(is_condition) {
            Some(condition) if up => Some((ListAt::Otherwise(condition.key), condition.otherwise.len())),
            Some(condition) => Some((ListAt::Then(condition.key), 0)),
            None => self.beside(at, up),
        }
    }

    /// The place before or after the condition that a branch belongs to.
    fn beside(&self, branch: ListAt, before: bool) -> Option<To> {
        let (at, index) = self.find(branch.condition()?)?;
        Some((at, index + usize::from(!before)))
    }
}
