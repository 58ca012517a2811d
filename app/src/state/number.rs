//! Numbers as people read them.

/// A number with separators: `1,204`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes in the unit that says it best: `4.2 MB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    let Some((unit, length)) = units.into_iter().find(|(_, length)| bytes >= *length) else { return format!("{bytes} bytes") };
    format!("{}.{} {unit}", grouped(bytes / length), bytes % length * 10 / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn sizes_have_the_unit_that_says_them_best() {
        assert_eq!([0, 999, 4_200, 4_250_000, 31_000_000_000].map(size), ["0 bytes", "999 bytes", "4.2 kB", "4.2 MB", "31.0 GB"]);
    }
}
