//! Which lines of a console are in sight: the arithmetic of a list that is far longer than what is drawn.

use std::ops::Range;

/// How many lines are added up at once.
const GROUP: usize = 256;
/// The highest that a browser lets an element be, with room to spare, in rows.
const MOST_ROWS: u64 = 500_000;
/// How many rows above and below what is in sight are drawn too.
const MARGIN: u64 = 40;

/// How many rows lines take when they are wrapped, added up so that a place is found without looking at all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rows {
    /// How many columns a row has; none where lines are not wrapped.
    columns: Option<u32>,
    /// The number of the first line: when lines are forgotten everything is added up anew.
    earlier: u64,
    errors_only: bool,
    /// How many rows all groups up to and with this one take.
    sums: Vec<u64>,
}

/// A part of the lines, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Window {
    /// The places of its lines.
    pub lines: Range<usize>,
    /// How many rows stand above.
    pub above: u64,
    /// How many rows stand below.
    pub below: u64,
}

/// What lines are asked about.
pub trait Lines {
    /// How many there are.
    fn count(&self) -> usize;
    /// How many columns one takes.
    fn width(&self, index: usize) -> u32;
    /// How many were forgotten.
    fn earlier(&self) -> u64;
    /// Whether only those of stderr are meant.
    fn errors_only(&self) -> bool;
}

impl Rows {
    /// Takes notice of new lines, of another width of the window, of another choice of lines.
    pub fn update(&mut self, columns: Option<u32>, lines: &impl Lines) {
        let columns = columns.map(|columns| columns.max(1));
        let known = (self.columns, self.earlier, self.errors_only);
        if known != (columns, lines.earlier(), lines.errors_only()) || self.sums.len() * GROUP > lines.count() {
            *self = Self { columns, earlier: lines.earlier(), errors_only: lines.errors_only(), sums: Vec::new() };
        }
        if self.columns.is_none() {
            return;
        }
        // The last lines may still grow: a group is added up once another one follows it.
        while (self.sums.len() + 2) * GROUP <= lines.count() {
            let from = self.sums.len() * GROUP;
            let rows: u64 = (from..from + GROUP).map(|index| self.height(index, lines)).sum();
            self.sums.push(self.sums.last().unwrap_or(&0) + rows);
        }
    }

    /// How many rows all lines take.
    #[must_use]
    pub fn total(&self, lines: &impl Lines) -> u64 {
        self.above(lines.count(), lines)
    }

    /// How many rows stand above a line.
    #[must_use]
    pub fn above(&self, index: usize, lines: &impl Lines) -> u64 {
        if self.columns.is_none() {
            return index as u64;
        }
        let group = (index / GROUP).min(self.sums.len());
        let before = group.checked_sub(1).and_then(|group| self.sums.get(group)).copied().unwrap_or(0);
        before + (group * GROUP..index).map(|index| self.height(index, lines)).sum::<u64>()
    }

    /// The line that a row belongs to; the last one for rows beyond.
    #[must_use]
    pub fn line_at(&self, row: u64, lines: &impl Lines) -> usize {
        let last = lines.count().saturating_sub(1);
        if self.columns.is_none() {
            return usize::try_from(row).unwrap_or(usize::MAX).min(last);
        }
        let group = self.sums.partition_point(|&sum| sum <= row);
        let mut above = group.checked_sub(1).and_then(|group| self.sums.get(group)).copied().unwrap_or(0);
        let mut index = group * GROUP;
        while index < last {
            above += self.height(index, lines);
            if above > row {
                break;
            }
            index += 1;
        }
        index.min(last)
    }

    /// The lines to draw where `row` is the first row in sight and `visible` fit, with a margin. They begin at every sixteenth line, so
    /// that not every row that is scrolled draws them anew.
    #[must_use]
    pub fn window(&self, row: u64, visible: u64, lines: &impl Lines) -> Window {
        if lines.count() == 0 {
            return Window::default();
        }
        let start = self.line_at(row.saturating_sub(MARGIN), lines) / 16 * 16;
        let end = self.line_at(row + visible + MARGIN, lines) / 16 * 16 + 16;
        let range = start..end.min(lines.count());
        let below = self.total(lines) - self.above(range.end, lines);
        Window { above: self.above(start, lines), below, lines: range }
    }

    fn height(&self, index: usize, lines: &impl Lines) -> u64 {
        self.columns.map_or(1, |columns| u64::from(lines.width(index).div_ceil(columns).max(1)))
    }
}

/// How rows and the place of the scroll bar belong together. No element may be higher than a browser can draw: beyond that the bar moves
/// over several rows at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    row: f64,
    total: u64,
}

impl Scale {
    /// Of this many rows, each so many pixels high.
    #[must_use]
    pub const fn new(total: u64, row: f64) -> Self {
        Self { row, total }
    }

    /// How high the list is drawn, in pixels.
    #[must_use]
    pub fn height(self) -> f64 {
        self.total.min(MOST_ROWS) as f64 * self.row
    }

    /// The row at a place of the scroll bar.
    #[must_use]
    pub fn row_at(self, top: f64) -> u64 {
        (top.max(0.0) / self.row * self.factor()) as u64
    }

    /// The place of the scroll bar where a row is at the top.
    #[must_use]
    pub fn top_of(self, row: u64) -> f64 {
        row as f64 * self.row / self.factor()
    }

    /// How far from the top what is drawn begins: `above` rows before it, while the bar stands at `top`.
    #[must_use]
    pub fn offset(self, above: u64, top: f64) -> f64 {
        let factor = self.factor();
        // Where the bar is true to the rows this is `above` rows; else what is in sight stays where the bar is.
        if factor <= 1.0 { above as f64 * self.row } else { (above as f64).mul_add(self.row, top - top * factor).max(0.0) }
    }

    fn factor(self) -> f64 {
        (self.total as f64 / MOST_ROWS as f64).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Widths(Vec<u32>);

    impl Lines for Widths {
        fn count(&self) -> usize {
            self.0.len()
        }
        fn width(&self, index: usize) -> u32 {
            self.0.get(index).copied().unwrap_or(0)
        }
        fn earlier(&self) -> u64 {
            0
        }
        fn errors_only(&self) -> bool {
            false
        }
    }

    fn rows(columns: Option<u32>, lines: &Widths) -> Rows {
        let mut rows = Rows::default();
        rows.update(columns, lines);
        rows
    }

    #[test]
    fn an_unwrapped_line_is_one_row() {
        let lines = Widths(vec![500; 1_000]);
        let rows = rows(None, &lines);
        assert_eq!((rows.total(&lines), rows.above(700, &lines), rows.line_at(700, &lines)), (1_000, 700, 700));
        assert_eq!(rows.line_at(5_000, &lines), 999);
    }

    #[test]
    fn a_wrapped_line_takes_as_many_rows_as_it_needs() {
        let lines = Widths(vec![0, 80, 81, 240]);
        let rows = rows(Some(80), &lines);
        assert_eq!(rows.total(&lines), 1 + 1 + 2 + 3);
        let at: Vec<_> = (0..8).map(|row| rows.line_at(row, &lines)).collect();
        assert_eq!(at, [0, 1, 2, 2, 3, 3, 3, 3]);
    }

    #[test]
    fn groups_that_are_added_up_say_the_same_as_single_lines() {
        let lines = Widths((0..5_000).map(|index| index % 200).collect());
        let rows = rows(Some(50), &lines);
        assert!(!rows.sums.is_empty());
        let mut above = 0;
        for index in 0..lines.count() {
            assert_eq!(rows.above(index, &lines), above, "line {index}");
            assert_eq!(rows.line_at(above, &lines), index);
            above += u64::from(lines.width(index).div_ceil(50).max(1));
        }
        assert_eq!(rows.total(&lines), above);
    }

    #[test]
    fn lines_that_come_later_count_too() {
        let mut lines = Widths(vec![10; 300]);
        let mut rows = rows(Some(80), &lines);
        lines.0.extend([160; 900]);
        rows.update(Some(80), &lines);
        assert_eq!(rows.total(&lines), 300 + 1_800);
        rows.update(Some(40), &lines);
        assert_eq!(rows.total(&lines), 300 + 3_600);
    }

    #[test]
    fn only_what_is_in_sight_is_drawn() {
        let lines = Widths(vec![10; 1_000_000]);
        let rows = rows(Some(80), &lines);
        let window = rows.window(500_000, 20, &lines);
        assert!(window.lines.len() < 150, "{window:?}");
        assert!(window.lines.contains(&500_000) && window.lines.contains(&500_020));
        assert_eq!(window.above + window.lines.len() as u64 + window.below, 1_000_000);
        assert_eq!(rows.window(999_990, 20, &lines).below, 0);
        assert_eq!(rows.window(0, 20, &Widths(Vec::new())), Window::default());
    }

    #[test]
    fn a_list_that_is_too_high_is_scrolled_in_bigger_steps() {
        let small = Scale::new(1_000, 20.0);
        assert_eq!((small.row_at(400.0), small.height()), (20, 20_000.0));
        assert!((small.offset(20, 400.0) - 400.0).abs() < f64::EPSILON);
        let big = Scale::new(2_000_000, 20.0);
        assert_eq!(big.height(), 10_000_000.0);
        assert_eq!(big.row_at(5_000_000.0), 1_000_000);
        assert_eq!(big.row_at(big.top_of(123_456)), 123_456);
        // The row in sight is drawn where the bar is.
        assert!((big.offset(1_000_000, 5_000_000.0) - 5_000_000.0).abs() < 1.0);
        assert!((big.offset(999_960, 5_000_000.0) - 4_999_200.0).abs() < 1.0);
    }
}
