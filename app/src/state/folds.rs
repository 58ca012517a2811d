//! Which consoles of a page are open: what a person chose, and what opens by itself.

use serde::{Deserialize, Serialize};

use super::timeline::Place;

/// A block on more hosts than this begins with the consoles of its hosts folded.
pub const FOLDED_FROM: usize = 5;

/// A console in one of its two lives: before its step failed, and afterwards. What was chosen for the first does not hold for the
/// second: a failure is news.
type Life = (Place, bool);

/// What a person chose.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Folds {
    /// For all, also those that are yet to come.
    all: Option<bool>,
    /// For one; the latest choice stands last.
    chosen: Vec<(Life, bool)>,
}

impl Folds {
    /// Whether a console is open; `default` where nobody chose. That of a step that failed opens by itself.
    #[must_use]
    pub fn is_open(&self, place: Place, failed: bool, default: bool) -> bool {
        let chosen = self.chosen.iter().rfind(|(life, _)| *life == (place, failed)).map(|(_, open)| *open);
        chosen.unwrap_or_else(|| failed || self.all.unwrap_or(default))
    }

    /// A person folds or unfolds one.
    pub fn choose(&mut self, place: Place, failed: bool, open: bool) {
        self.chosen.retain(|(life, _)| *life != (place, failed));
        self.chosen.push(((place, failed), open));
    }

    /// A person folds or unfolds all, the ones of these steps that failed among them.
    pub fn choose_all(&mut self, open: bool, failed: impl IntoIterator<Item = Place>) {
        self.all = Some(open);
        self.chosen = failed.into_iter().map(|place| ((place, true), open)).collect();
    }

    /// These choices over others that were made before.
    #[must_use]
    pub fn over(self, before: Self) -> Self {
        let mut both = Self { all: self.all.or(before.all), chosen: before.chosen };
        self.chosen.into_iter().for_each(|((place, failed), open)| both.choose(place, failed, open));
        both
    }

    /// As the browser keeps it.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The reverse; nothing chosen where it cannot be read.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_chose_holds_until_the_step_fails() {
        let mut folds = Folds::default();
        assert!(folds.is_open((0, 1), false, true) && !folds.is_open((0, 1), false, false));
        folds.choose((0, 1), false, false);
        assert!(!folds.is_open((0, 1), false, true));
        assert!(folds.is_open((0, 1), true, false), "a failure opens it");
        folds.choose((0, 1), true, false);
        assert!(!folds.is_open((0, 1), true, true));
        assert!(folds.is_open((0, 2), false, true), "another attempt is another console");
    }

    #[test]
    fn all_are_folded_but_what_fails_later() {
        let mut folds = Folds::default();
        folds.choose((1, 1), false, true);
        folds.choose_all(false, [(0, 1)]);
        assert!(!folds.is_open((0, 1), true, true) && !folds.is_open((1, 1), false, true));
        assert!(folds.is_open((1, 1), true, true));
        folds.choose_all(true, []);
        assert!(folds.is_open((7, 1), false, false));
    }

    #[test]
    fn what_was_chosen_is_kept_over_a_reload() {
        let mut folds = Folds::default();
        folds.choose_all(false, [(0, 1)]);
        folds.choose((3, 2), false, true);
        assert_eq!(Folds::of_text(&folds.to_text()), folds);
        assert_eq!(Folds::of_text("{"), Folds::default());
    }
}
