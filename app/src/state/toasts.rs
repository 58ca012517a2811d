//! What was done, told in passing: each message stays long enough to be read, and longer while somebody is at it.

/// How long a message stays at least, in milliseconds.
pub const STAY: u32 = 6_000;
/// How many are shown at once; the oldest go.
const MOST: usize = 4;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// Tells it from the others.
    pub id: u32,
    /// What it says.
    pub text: String,
    /// How much longer it stays, in milliseconds.
    left: u32,
}

/// The messages that are shown, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Toasts {
    shown: Vec<Toast>,
    next: u32,
    held: bool,
}

impl Toasts {
    /// Shows one more.
    pub fn show(&mut self, text: String) {
        // Longer texts take longer to read.
        let letters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let left = STAY.saturating_add(letters.saturating_mul(30).min(STAY));
        self.shown.push(Toast { id: self.next, text, left });
        self.next += 1;
        let surplus = self.shown.len().saturating_sub(MOST);
        self.shown.drain(..surplus);
    }

    /// Somebody points at them or has the focus in them, or no longer: meanwhile none goes.
    pub const fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// Takes one away. The last one gone, nobody is at them any more.
    pub fn dismiss(&mut self, id: u32) {
        self.shown.retain(|toast| toast.id != id);
        self.held &= !self.shown.is_empty();
    }

    /// Lets time pass. Whether anything went.
    pub fn pass(&mut self, millis: u32) -> bool {
        if self.held {
            return false;
        }
        let before = self.shown.len();
        for toast in &mut self.shown {
            toast.left = toast.left.saturating_sub(millis);
        }
        self.shown.retain(|toast| toast.left > 0);
        self.shown.len() < before
    }

    /// Those that are shown.
    #[must_use]
    pub fn shown(&self) -> &[Toast] {
        &self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(toasts: &Toasts) -> Vec<&str> {
        toasts.shown().iter().map(|toast| toast.text.as_str()).collect()
    }

    #[test]
    fn a_message_stays_six_seconds_at_least() {
        let mut toasts = Toasts::default();
        toasts.show("Saved".to_owned());
        assert!(!toasts.pass(STAY));
        assert!(toasts.pass(STAY));
        assert!(toasts.shown().is_empty());
    }

    #[test]
    fn none_goes_while_somebody_is_at_them() {
        let mut toasts = Toasts::default();
        toasts.show("Saved".to_owned());
        toasts.hold(true);
        assert!(!toasts.pass(10 * STAY));
        toasts.hold(false);
        assert!(toasts.pass(10 * STAY));
    }

    #[test]
    fn one_that_is_dismissed_holds_no_other() {
        let mut toasts = Toasts::default();
        toasts.show("Saved".to_owned());
        toasts.hold(true);
        toasts.dismiss(0);
        toasts.show("Deleted".to_owned());
        assert_eq!(texts(&toasts), ["Deleted"]);
        assert!(toasts.pass(10 * STAY));
    }

    #[test]
    fn of_many_the_oldest_go() {
        let mut toasts = Toasts::default();
        for n in 0..6 {
            toasts.show(n.to_string());
        }
        assert_eq!(texts(&toasts), ["2", "3", "4", "5"]);
    }
}
