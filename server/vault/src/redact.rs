//! Masks secrets in output, also when they come encoded or in pieces.
//!
//! All forms of all secrets (`encodings`) are one Aho-Corasick automaton, so a byte costs one step
//! however many secrets there are. After each byte the state of the automaton stands for the longest
//! tail of the text that some form begins with. A stream holds back that tail and nothing more: a
//! prompt without a newline appears at once.
//!
//! Forms that overlap in the text are masked as one, with everything they cover. (Replacing the
//! leftmost longest match alone would show the end of the second.) Forms side by side are masked each
//! by itself. Both depend on the text only, never on how it was cut.
//!
//! A secret with terminal escape sequences between its characters (colours, mostly) is found too: a second state walks over
//! the text as a terminal would show it (`ansi`). While no sequence lies within the beginning of a form the two are one, and cost
//! what one costs.
//!
//! Limits, by design:
//! - what lies between the characters of a secret must be an escape sequence (CSI, OSC and other strings, or two
//!   characters) of at most 256 bytes, all of them together at most 4 KiB
//! - sequences within a masked secret go with it, and a colour that one of them would have ended goes on
//! - backspaces, carriage returns, eight-bit controls and movements of the cursor are not followed
//! - a secret with an escape character of its own is sought as it is, and so are the others sought with it
//! - secrets under 4 bytes (without the white space around them) are not masked, nor are lines under 8 bytes of a
//!   longer secret by themselves
//! - secrets over 16 KiB are sought plain and in base64 only
//! - of base64 within longer base64 up to two characters at each end, which hold at most 4 bits of the secret each,
//!   stay
//! - compressed, encrypted, reversed or otherwise transformed secrets are not found
//! - and the automaton holds the secrets in the clear for as long as a clone of the redactor lives, unwiped afterwards

use std::borrow::Cow;
use std::fmt;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};
use secrecy::SecretString;

use self::ansi::{Escape, Next};
use crate::encodings::Forms;

mod ansi;

/// More bytes of escape sequences than this within one secret are not skipped.
const MAX_GAPS: usize = 4096;

/// What stands in the place of a secret; its length tells nothing about the secret's.
pub const MASK: &str = "••••••";

/// Masks a set of secrets in text. A clone is a handle to the same automaton.
#[derive(Clone, Default)]
pub struct Redactor {
    /// `None`: nothing to mask, everything passes.
    matcher: Option<Arc<Matcher>>,
}

impl Redactor {
    /// A redactor for these secrets in all the forms listed in the module; secrets under 4 bytes are
    /// left out. Costs up to 10 ms and 3 MB for a kilobyte of secrets: build one for a run, not for a line.
    #[must_use]
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let forms = Forms::of(secrets);
        Self { matcher: (!forms.is_empty()).then(|| Arc::new(Matcher::new(&forms))) }
    }

    /// Whether there is nothing to mask, so that a caller may skip the detour.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.matcher.is_none()
    }

    /// The text with every secret masked; the text itself when it holds none.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let Some(matcher) = &self.matcher else {
            return Cow::Borrowed(text);
        };
        let mut regions = Vec::new();
        matcher.scan(&mut matcher.begin(), text.as_bytes(), 0, &mut regions);
        if regions.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut redacted = String::with_capacity(text.len());
        let mut shown = 0;
        for region in regions {
            // Forms are UTF-8, and UTF-8 is found in UTF-8 at character boundaries only.
            redacted.push_str(&text[shown..region.start]);
            redacted.push_str(MASK);
            shown = region.end;
        }
        redacted.push_str(&text[shown..]);
        Cow::Owned(redacted)
    }

    /// Masks secrets in one stream of bytes that comes in pieces.
    #[must_use]
    pub fn stream(&self) -> RedactStream {
        RedactStream {
            walk: self.matcher.as_ref().map(|matcher| matcher.begin()).unwrap_or_default(),
            matcher: self.matcher.clone(),
            held: Vec::new(),
            masked: 0,
            regions: Vec::new(),
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let forms = self.matcher.as_ref().map_or(0, |matcher| matcher.nfa.patterns_len());
        formatter.debug_struct("Redactor").field("forms", &forms).finish_non_exhaustive()
    }
}

/// One stream on its way through a [`Redactor`]. What comes out, put together, is what
/// [`Redactor::redact`] makes of the whole, however the input was cut.
pub struct RedactStream {
    matcher: Option<Arc<Matcher>>,
    walk: Walk,
    /// The tail that some form begins with.
    held: Vec<u8>,
    /// How many bytes of `held` a mask that is already out stands for.
    masked: usize,
    /// Secrets found within `held`, which may turn out to be part of a longer one.
    regions: Vec<Range<usize>>,
}

impl RedactStream {
    /// Takes the next bytes, and returns those that are certain by now. May end, as the input may,
    /// inside a character.
    #[must_use]
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Some(matcher) = &self.matcher else {
            return bytes.to_vec();
        };
        matcher.scan(&mut self.walk, bytes, self.held.len(), &mut self.regions);
        let mut text = mem::take(&mut self.held);
        text.extend_from_slice(bytes);
        let certain = matcher.tail(&self.walk, text.len());
        self.walk.forget(certain);
        self.release(text, certain)
    }

    /// Returns what was held back: the input is over, or the caller will wait no longer. The stream
    /// then begins anew.
    #[must_use]
    pub fn finish(&mut self) -> Vec<u8> {
        let Some(matcher) = &self.matcher else {
            return Vec::new();
        };
        self.walk = matcher.begin();
        let text = mem::take(&mut self.held);
        let certain = text.len();
        let released = self.release(text, certain);
        self.masked = 0;
        released
    }

    /// Shows the text up to `certain`, where a secret yet to be found can begin at the earliest, and
    /// holds the rest. A secret that begins there or before is final in its beginning: its mask goes
    /// out, and whatever it is still found to cover is swallowed.
    fn release(&mut self, mut text: Vec<u8>, certain: usize) -> Vec<u8> {
        if self.regions.is_empty() && self.masked == 0 {
            self.held = text.split_off(certain);
            return text;
        }
        let mut released = Vec::with_capacity(certain + MASK.len());
        let mut shown = self.masked;
        let mut undecided = Vec::new();
        for region in self.regions.drain(..) {
            if region.start > certain {
                undecided.push(region.start - certain..region.end - certain);
                continue;
            }
            if region.start >= shown {
                released.extend_from_slice(&text[shown..region.start]);
                released.extend_from_slice(MASK.as_bytes());
            }
            shown = shown.max(region.end);
        }
        if shown < certain {
            released.extend_from_slice(&text[shown..certain]);
            shown = certain;
        }
        self.masked = shown - certain;
        self.regions = undecided;
        self.held = text.split_off(certain);
        released
    }
}

impl fmt::Debug for RedactStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RedactStream").field("held_bytes", &self.held.len()).finish_non_exhaustive()
    }
}

/// Where a walk over a text is.
#[derive(Clone, Default)]
struct Walk {
    /// After the bytes as they are.
    raw: StateID,
    /// After what a terminal shows of them.
    shown: StateID,
    /// The escape sequence that has begun and not ended.
    escape: Escape,
    /// Where it began.
    opened: usize,
    /// How far what is shown goes: the end of its last byte.
    shown_to: usize,
    /// The escape sequences within the tail that `shown` stands for.
    gaps: Vec<Range<usize>>,
}

impl Walk {
    /// Where something shown of this length begins that ends with the last byte shown.
    fn start_of(&self, length: usize) -> usize {
        let mut start = self.shown_to.saturating_sub(length);
        for gap in self.gaps.iter().rev().filter(|gap| gap.end <= self.shown_to) {
            if gap.end <= start {
                break;
            }
            start = start.saturating_sub(gap.len());
        }
        start
    }

    /// The first so many bytes are let go of.
    fn forget(&mut self, bytes: usize) {
        self.opened = self.opened.saturating_sub(bytes);
        self.shown_to = self.shown_to.saturating_sub(bytes);
        for gap in &mut self.gaps {
            *gap = gap.start.saturating_sub(bytes)..gap.end.saturating_sub(bytes);
        }
    }

    /// Nothing is skipped.
    fn join(&mut self) {
        self.escape = Escape::default();
        self.shown = self.raw;
        self.gaps.clear();
    }
}

struct Matcher {
    nfa: NFA,
    start: StateID,
    /// Whether escape sequences are skipped: no form has one of its own.
    skips: bool,
    /// The bytes that lead out of the start state; the others are skipped without a look at the automaton.
    begins_form: [bool; 256],
    /// For every state but the start, in order: how long the tail is that it stands for.
    depths: Vec<(StateID, usize)>,
}

impl Matcher {
    fn new(forms: &Forms) -> Self {
        let nfa = NFA::builder()
            // Every match matters, so the automaton must not commit itself to one.
            .match_kind(MatchKind::Standard)
            .prefilter(false)
            .build(forms.iter())
            .expect("2³¹ states take more memory than the secrets they are made of could");
        let start = nfa.start_state(Anchored::No).expect("this automaton serves unanchored searches");
        let mut begins_form = [false; 256];
        let skips = forms.iter().all(|form| !form.as_bytes().contains(&ansi::ESC));
        begins_form[usize::from(ansi::ESC)] = skips;
        let mut depths = Vec::new();
        for form in forms.iter() {
            begins_form[usize::from(form.as_bytes()[0])] = true;
            let mut state = start;
            for (index, byte) in form.bytes().enumerate() {
                state = nfa.next_state(Anchored::No, state, byte);
                depths.push((state, index + 1));
            }
        }
        depths.sort_unstable();
        depths.dedup();
        depths.shrink_to_fit();
        Self { nfa, start, skips, begins_form, depths }
    }

    fn begin(&self) -> Walk {
        Walk { raw: self.start, shown: self.start, ..Walk::default() }
    }

    /// Walks on and adds what is found to `regions`; `offset` is where `bytes` begin.
    fn scan(&self, walk: &mut Walk, bytes: &[u8], offset: usize, regions: &mut Vec<Range<usize>>) {
        let mut at = 0;
        while at < bytes.len() {
            if walk.escape.is_none() && walk.raw == walk.shown && walk.gaps.is_empty() {
                at = self.scan_plain(walk, bytes, at, offset, regions);
                if at == bytes.len() {
                    break;
                }
            }
            let byte = bytes[at];
            walk.raw = self.nfa.next_state(Anchored::No, walk.raw, byte);
            if self.nfa.is_match(walk.raw) {
                let end = offset + at + 1;
                cover(regions, end - self.longest_match(walk.raw)..end);
            }
            self.show(walk, byte, offset + at, regions);
            at += 1;
        }
    }

    /// Walks on while what is shown is what is there, up to the next escape sequence. Where it stopped.
    fn scan_plain(&self, walk: &mut Walk, bytes: &[u8], mut at: usize, offset: usize, regions: &mut Vec<Range<usize>>) -> usize {
        let mut state = walk.raw;
        while at < bytes.len() {
            if state == self.start {
                match bytes[at..].iter().position(|byte| self.begins_form[usize::from(*byte)]) {
                    Some(skipped) => at += skipped,
                    None => at = bytes.len(),
                }
                if at == bytes.len() {
                    break;
                }
            }
            if bytes[at] == ansi::ESC && self.skips {
                break;
            }
            state = self.nfa.next_state(Anchored::No, state, bytes[at]);
            at += 1;
            if self.nfa.is_match(state) {
                let end = offset + at;
                cover(regions, end - self.longest_match(state)..end);
            }
        }
        (walk.raw, walk.shown, walk.shown_to) = (state, state, offset + at);
        at
    }

    /// Takes the byte at `place` as a terminal would; `walk.raw` has taken it.
    fn show(&self, walk: &mut Walk, byte: u8, place: usize, regions: &mut Vec<Range<usize>>) {
        if walk.escape.is_none() {
            if byte == ansi::ESC {
                (walk.escape, walk.opened) = (Escape::begun(), place);
                return;
            }
            walk.shown = self.nfa.next_state(Anchored::No, walk.shown, byte);
            walk.shown_to = place + 1;
            if self.nfa.is_match(walk.shown) {
                cover(regions, walk.start_of(self.longest_match(walk.shown))..walk.shown_to);
            }
        } else {
            match walk.escape.take(byte) {
                Next::Inside => return,
                Next::NoSequence => walk.join(),
                Next::End if walk.shown != self.start => walk.gaps.push(walk.opened..place + 1),
                Next::End => {}
            }
            if walk.gaps.is_empty() {
                walk.shown_to = place + 1;
                return;
            }
        }
        let tail = walk.start_of(self.depth(walk.shown));
        walk.gaps.retain(|gap| gap.start > tail);
        if walk.gaps.iter().map(Range::len).sum::<usize>() > MAX_GAPS {
            walk.join();
            walk.shown_to = place + 1;
        }
    }

    /// Where the tail begins that some form may begin with.
    fn tail(&self, walk: &Walk, length: usize) -> usize {
        let raw = length - self.depth(walk.raw);
        if walk.shown == self.start || (walk.escape.is_none() && walk.gaps.is_empty() && walk.shown == walk.raw) {
            return raw;
        }
        raw.min(walk.start_of(self.depth(walk.shown)))
    }

    fn longest_match(&self, state: StateID) -> usize {
        (0..self.nfa.match_len(state)).map(|index| self.nfa.pattern_len(self.nfa.match_pattern(state, index))).max().unwrap_or(0)
    }

    fn depth(&self, state: StateID) -> usize {
        self.depths.binary_search_by_key(&state, |(state, _)| *state).map_or(0, |index| self.depths[index].1)
    }
}

/// Adds a region that ends after all others, one with those it overlaps.
fn cover(regions: &mut Vec<Range<usize>>, mut found: Range<usize>) {
    while let Some(last) = regions.pop_if(|last| last.end > found.start) {
        found.start = found.start.min(last.start);
    }
    regions.push(found);
}

#[cfg(test)]
mod tests;
