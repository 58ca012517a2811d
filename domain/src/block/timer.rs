//! Timer: a wait.

use serde::Serialize;

use super::duration;
use crate::parse::Object;
use crate::{Faults, Seconds};

/// A wait of a given length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimerBlock {
    /// How long.
    pub duration: Seconds,
}

impl TimerBlock {
    pub(super) fn parse(config: &mut Object<'_>, faults: &mut Faults) -> Self {
        config.required("duration", faults);
        let nothing = const { Seconds::from_millis(0).expect("nothing is shorter than 30 days") };
        Self { duration: duration(config, "duration", faults).unwrap_or(nothing) }
    }
}
