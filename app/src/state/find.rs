//! Finding a word in a console, also while it is being written.

use super::lines::Console;

/// What is looked for, and where it was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Find {
    word: String,
    errors_only: bool,
    /// The numbers of the lines that have it.
    hits: Vec<u64>,
    /// Lines up to this number were looked at, and do not change any more.
    seen: u64,
    /// How many hits are in those.
    settled: usize,
    current: Option<u64>,
}

impl Find {
    /// Looks for another word, or in other lines. Capitals do not count.
    pub fn look_for(&mut self, word: &str, errors_only: bool, console: &Console) {
        let word = word.to_lowercase();
        if (word.as_str(), errors_only) == (self.word.as_str(), self.errors_only) {
            return self.update(console);
        }
        let near = self.current;
        *self = Self { word, errors_only, ..Self::default() };
        self.update(console);
        self.current = near.filter(|near| self.hits.binary_search(near).is_ok());
    }

    /// Looks at what was written since.
    pub fn update(&mut self, console: &Console) {
        if self.word.is_empty() {
            return;
        }
        if self.seen > console.total() || self.hits.first().is_some_and(|first| *first <= console.earlier()) {
            let (word, current) = (std::mem::take(&mut self.word), self.current);
            *self = Self { word, errors_only: self.errors_only, current, ..Self::default() };
        }
        self.hits.truncate(self.settled);
        let complete = console.complete_up_to();
        let mut text = String::new();
        let from = self.seen.max(console.earlier()) + 1;
        for number in from..=console.total() {
            if !self.errors_only || console.index_of(true, number).is_some() {
                console.read(number, &mut text);
                if contains(&text, &self.word) {
                    self.hits.push(number);
                }
            }
            if number == complete {
                self.settled = self.hits.len();
            }
        }
        self.seen = complete.max(self.seen);
        if from > complete {
            self.settled = self.settled.min(self.hits.len());
        }
    }

    /// What is looked for, without capitals.
    #[must_use]
    pub fn word(&self) -> &str {
        &self.word
    }

    /// In how many lines it is.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.hits.len()
    }

    /// The line that was gone to last, and which of the hits it is, counted from 1.
    #[must_use]
    pub fn current(&self) -> Option<(u64, usize)> {
        let number = self.current?;
        self.hits.binary_search(&number).ok().map(|index| (number, index + 1))
    }

    /// Goes to the next hit after the current one, or from line `from` on; after the last comes the first.
    pub fn next(&mut self, from: u64) -> Option<u64> {
        let index = match self.current {
            Some(current) => self.hits.partition_point(|&hit| hit <= current),
            None => self.hits.partition_point(|&hit| hit < from),
        };
        self.current = self.hits.get(index).or_else(|| self.hits.first()).copied();
        self.current
    }

    /// Goes to the hit before the current one; before the first comes the last.
    pub fn previous(&mut self, from: u64) -> Option<u64> {
        let index = self.hits.partition_point(|&hit| hit < self.current.unwrap_or(from));
        self.current = index.checked_sub(1).and_then(|index| self.hits.get(index)).or_else(|| self.hits.last()).copied();
        self.current
    }
}

fn contains(text: &str, word: &str) -> bool {
    if word.is_ascii() {
        let (word, first) = (word.as_bytes(), word.as_bytes().first().copied().unwrap_or_default());
        let text = text.as_bytes();
        let starts = text.len().saturating_sub(word.len() - 1);
        return text[..starts]
            .iter()
            .enumerate()
            .any(|(at, byte)| byte.to_ascii_lowercase() == first && text[at..at + word.len()].eq_ignore_ascii_case(word));
    }
    text.to_lowercase().contains(word)
}

/// Where a word is in a text: alternating pieces without and with it, the first one without. Capitals do not count.
#[must_use]
pub fn pieces<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let folded = text.to_lowercase();
    // Where capitals have another length than small letters the places do not fit.
    if word.is_empty() || folded.len() != text.len() {
        return vec![text];
    }
    let mut pieces = Vec::new();
    let mut at = 0;
    for (start, found) in folded.match_indices(word) {
        let Some((before, hit)) = text.get(at..start).zip(text.get(start..start + found.len())) else { return vec![text] };
        pieces.extend([before, hit]);
        at = start + found.len();
    }
    pieces.extend(text.get(at..));
    pieces
}

#[cfg(test)]
mod tests {
    use domain::Stream::{Stderr, Stdout};

    use super::*;

    fn console() -> Console {
        let mut console = Console::default();
        console.write(Stdout, "first Needle\nhay\n\x1b[31mnee\x1b[0mdle in colours\n");
        console.write(Stderr, "needle of stderr\n");
        console
    }

    #[test]
    fn capitals_and_colours_do_not_matter() {
        let mut find = Find::default();
        find.look_for("NEEDLE", false, &console());
        assert_eq!(find.hits, [1, 3, 4]);
        find.look_for("needle", true, &console());
        assert_eq!(find.hits, [4]);
        find.look_for("", false, &console());
        assert_eq!(find.count(), 0);
        find.look_for("no such word at all, longer than any line", false, &console());
        assert_eq!(find.count(), 0);
    }

    #[test]
    fn after_the_last_hit_comes_the_first_and_back() {
        let mut find = Find::default();
        find.look_for("needle", false, &console());
        assert_eq!(find.next(2), Some(3), "from what is in sight on");
        assert_eq!(find.current(), Some((3, 2)));
        assert_eq!((find.next(1), find.next(1), find.previous(1), find.previous(1)), (Some(4), Some(1), Some(4), Some(3)));
    }

    #[test]
    fn what_is_written_later_is_found_too_and_once() {
        let mut console = console();
        let mut find = Find::default();
        find.look_for("needle", false, &console);
        console.write(Stdout, "another nee");
        find.update(&console);
        assert_eq!(find.hits, [1, 3, 4]);
        console.write(Stdout, "dle");
        find.update(&console);
        find.update(&console);
        assert_eq!(find.hits, [1, 3, 4, 5]);
        console.write(Stdout, "\rgone\nneedle\n");
        find.update(&console);
        assert_eq!(find.hits, [1, 3, 4, 6]);
    }

    #[test]
    fn a_word_is_cut_out_where_it_stands() {
        assert_eq!(pieces("a Needle, a needle", "needle"), ["a ", "Needle", ", a ", "needle", ""]);
        assert_eq!(pieces("hay", "needle"), ["hay"]);
        assert_eq!(pieces("É", "é"), ["", "É", ""]);
    }
}
