//! Days as people pick them in a form (`2027-01-31`), UTC.

use chrono::{NaiveDate, NaiveTime};
use domain::Timestamp;

/// The beginning of a day that was picked (`2027-01-31`), UTC.
#[must_use]
pub fn beginning_of_day(day: &str) -> Option<Timestamp> {
    Some(day.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN).and_utc())
}

/// The beginning of the day after it.
#[must_use]
pub fn after_day(day: &str) -> Option<Timestamp> {
    Some(day.parse::<NaiveDate>().ok()?.succ_opt()?.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_reaches_from_midnight_to_midnight() {
        let written = |at: Option<Timestamp>| at.map(|at| at.to_rfc3339());
        assert_eq!(written(beginning_of_day("2027-01-31")).as_deref(), Some("2027-01-31T00:00:00+00:00"));
        assert_eq!(written(after_day("2027-01-31")).as_deref(), Some("2027-02-01T00:00:00+00:00"));
        assert_eq!((beginning_of_day("yesterday"), after_day("")), (None, None));
    }
}
