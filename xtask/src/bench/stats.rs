//! Medians and percentiles of what was measured.

/// The middle of the samples; of an even number, between the two in the middle. 0 of none.
pub fn median(samples: &[f64]) -> f64 {
    let sorted = sorted(samples);
    match sorted.len() {
        0 => 0.0,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

/// The smallest sample that at least this share of all samples does not exceed ("nearest rank"). 0 of none.
pub fn percentile(samples: &[f64], percent: f64) -> f64 {
    let sorted = sorted(samples);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank is small and not negative")]
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// The smallest and the greatest.
pub fn extremes(samples: &[f64]) -> (f64, f64) {
    let sorted = sorted(samples);
    (sorted.first().copied().unwrap_or(0.0), sorted.last().copied().unwrap_or(0.0))
}

fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        for (samples, expected) in [(&[3.0, 1.0, 2.0][..], 2.0), (&[4.0, 1.0, 3.0, 2.0], 2.5), (&[], 0.0)] {
            assert!((median(samples) - expected).abs() < 1e-9, "{samples:?}");
        }
    }

    #[test]
    fn a_percentile_is_a_sample() {
        let samples: Vec<f64> = (1..=200).map(f64::from).collect();
        for (percent, expected) in [(50.0, 100.0), (99.0, 198.0), (100.0, 200.0), (0.0, 1.0)] {
            assert!((percentile(&samples, percent) - expected).abs() < 1e-9, "p{percent}");
        }
    }
}
