//! Durations as runbooks write them: `30`, `"90s"`, `"5m"`, `"2h"`, `"1d"`, `"1m 30s"`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A span of time in milliseconds; at most 30 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seconds {
    millis: u64,
}

/// What a duration looks like.
pub const HINT: &str = "a duration is a number of seconds, or text such as “90s”, “5m”, “2h”; at most 30 days";
/// The longest, in seconds.
pub const MAX_SECONDS: f64 = 30.0 * 24.0 * 3_600.0;
const MAX_MILLIS: u64 = 30 * 24 * 3_600_000;

impl Seconds {
    /// From whole milliseconds; `None` beyond 30 days.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Option<Self> {
        if millis <= MAX_MILLIS { Some(Self { millis }) } else { None }
    }

    /// From a number of seconds, as JSON has it.
    #[must_use]
    pub fn from_number(seconds: f64) -> Option<Self> {
        if !(0.0..=MAX_SECONDS).contains(&seconds) {
            return None;
        }
        let millis = (seconds * 1000.0).round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range makes the cast exact")]
        let millis = millis as u64;
        Some(Self { millis })
    }

    /// Reads `90s`, `1.5h`, `1m 30s`, or a bare number of seconds.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(number) = text.parse::<f64>() {
            return Self::from_number(number);
        }
        let mut millis = 0.0;
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let number: f64 = rest[..digits].parse().ok()?;
            let unit_and_more = rest[digits..].trim_start();
            let unit_end = unit_and_more.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(unit_and_more.len());
            millis += number
                * match &unit_and_more[..unit_end] {
                    "ms" => 1.0,
                    "s" | "sec" | "second" | "seconds" => 1_000.0,
                    "m" | "min" | "minute" | "minutes" => 60_000.0,
                    "h" | "hour" | "hours" => 3_600_000.0,
                    "d" | "day" | "days" => 86_400_000.0,
                    _ => return None,
                };
            rest = unit_and_more[unit_end..].trim_start();
        }
        if text.is_empty() { None } else { Self::from_number(millis / 1000.0) }
    }

    /// Whole milliseconds.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.millis
    }

    /// For clocks.
    #[must_use]
    pub const fn to_std(self) -> Duration {
        Duration::from_millis(self.millis)
    }
}

impl fmt::Display for Seconds {
    /// The shortest text that reads back as the same duration: `1h 30m`, `90s` as `1m 30s`, `250ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.millis;
        let mut separator = "";
        for (size, unit) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")] {
            if rest >= size {
                write!(f, "{separator}{}{unit}", rest / size)?;
                rest %= size;
                separator = " ";
            }
        }
        if self.millis == 0 { f.write_str("0s") } else { Ok(()) }
    }
}

impl Serialize for Seconds {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Spelling {
            Number(f64),
            Text(String),
        }
        match Spelling::deserialize(deserializer)? {
            Spelling::Number(seconds) => Self::from_number(seconds),
            Spelling::Text(text) => Self::parse(&text),
        }
        .ok_or_else(|| serde::de::Error::custom(HINT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_reads() {
        for (text, millis) in [
            ("30", 30_000),
            ("1.5", 1_500),
            ("90s", 90_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("1m 30s", 90_000),
            ("1h30m", 5_400_000),
            ("2 min", 120_000),
            ("250ms", 250),
            ("0", 0),
        ] {
            assert_eq!(Seconds::parse(text).map(Seconds::millis), Some(millis), "{text}");
        }
        for wrong in ["", "s", "5x", "-1", "-5m", "1e99", "NaN", "inf", "31d", "5 5", "1..2s"] {
            assert_eq!(Seconds::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for millis in [0, 1, 999, 1_000, 61_000, 3_600_000, 5_400_250, MAX_MILLIS] {
            let duration = Seconds::from_millis(millis).expect("within 30 days");
            assert_eq!(Seconds::parse(&duration.to_string()), Some(duration));
        }
    }
}
