//! Two texts, line by line, and within changed lines word by word.

use serde::{Deserialize, Serialize};

/// A line, or several, of two texts side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Row {
    /// A line that both have.
    Same {
        /// The line.
        text: String,
    },
    /// A line that changed, or that one side alone has.
    Changed {
        /// On the left side.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        old: Option<Vec<Piece>>,
        /// On the right side.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        new: Option<Vec<Piece>>,
    },
    /// Lines that both have and that are left out.
    Gap {
        /// How many.
        lines: usize,
    },
    /// More than is shown.
    Cut {
        /// How many lines of the longer side.
        lines: usize,
    },
}

/// A part of a changed line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Piece {
    /// The text.
    pub text: String,
    /// Whether this part is what changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changed: bool,
}

#[cfg(feature = "diff")]
pub use find::{one_sided, rows};

#[cfg(feature = "diff")]
mod find {
    use std::time::Instant;

    use similar::{ChangeTag, DiffOp, InlineChange, InlineChangeMode, InlineChangeOptions, TextDiff};

    use super::{Piece, Row};
    use crate::diff::Change;

    /// The most rows of one text.
    const MAX_ROWS: usize = 1_000;
    /// From how many lines on it is not worth while to look for words in them.
    const MAX_INLINE: usize = 200;
    /// What stands for the end of a line where it is all that differs.
    const LINE_END: &str = "↵";

    /// What is different between two texts, with so many lines around each change. After `until` it is found less finely.
    ///
    /// None where nothing is.
    #[must_use]
    pub fn rows(old: &str, new: &str, around: usize, until: Option<Instant>) -> Vec<Row> {
        if old == new {
            return Vec::new();
        }
        let mut configuration = TextDiff::configure();
        if let Some(until) = until {
            configuration.deadline(until);
        }
        let diff = configuration.diff_lines(old, new);
        let mut rows = Vec::new();
        let mut told = 0;
        for group in diff.grouped_ops(around) {
            let Some(first) = group.first() else { continue };
            gap(&mut rows, first.old_range().start - told);
            for op in &group {
                if let Some(left) = rows.len().checked_sub(MAX_ROWS) {
                    return cut(rows, left, diff.old_len().max(diff.new_len()));
                }
                tell(&mut rows, &diff, op, until);
                told = op.old_range().end;
            }
        }
        gap(&mut rows, diff.old_len() - told);
        let over = rows.len().saturating_sub(MAX_ROWS);
        if over > 0 { cut(rows, over, 0) } else { rows }
    }

    /// All lines of a text that one side alone has.
    #[must_use]
    pub fn one_sided(text: &str, change: Change) -> Vec<Row> {
        let row = |line: &str| {
            let line = Some(vec![Piece { text: shown(line), changed: false }]);
            if change == Change::Removed { Row::Changed { old: line, new: None } } else { Row::Changed { old: None, new: line } }
        };
        let rows: Vec<Row> = text.lines().take(MAX_ROWS + 1).map(row).collect();
        if rows.len() > MAX_ROWS { cut(rows, text.lines().count() - MAX_ROWS, 0) } else { rows }
    }

    fn cut(mut rows: Vec<Row>, over: usize, at_most: usize) -> Vec<Row> {
        rows.truncate(MAX_ROWS);
        rows.push(Row::Cut { lines: over.max(at_most.saturating_sub(MAX_ROWS)).max(1) });
        rows
    }

    fn gap(rows: &mut Vec<Row>, lines: usize) {
        if lines > 0 {
            rows.push(Row::Gap { lines });
        }
    }

    fn tell(rows: &mut Vec<Row>, diff: &TextDiff<'_, '_, str>, op: &DiffOp, until: Option<Instant>) {
        if let DiffOp::Equal { .. } = op {
            let same = diff.iter_changes(op).map(|change| Row::Same { text: shown(change.value()) });
            rows.extend(same);
            return;
        }
        let (mut old, mut new) = (Vec::new(), Vec::new());
        if op.old_range().len().max(op.new_range().len()) > MAX_INLINE {
            for change in diff.iter_changes(op) {
                let line = (vec![Piece { text: shown(change.value()), changed: false }], change.value().ends_with('\n'));
                if change.tag() == ChangeTag::Delete { old.push(line) } else { new.push(line) }
            }
        } else {
            let mut options = InlineChangeOptions::new();
            options.mode(InlineChangeMode::Words).semantic_cleanup(true);
            for change in diff.iter_inline_changes_with_options_deadline(op, options, until) {
                let line = pieces(&change);
                if change.tag() == ChangeTag::Delete { old.push(line) } else { new.push(line) }
            }
        }
        let (mut old, mut new) = (old.into_iter(), new.into_iter());
        loop {
            let (old, new) = match (old.next(), new.next()) {
                (None, None) => break,
                (Some((mut old, old_ends)), Some((mut new, new_ends))) => {
                    if old_ends != new_ends && plain(&old) == plain(&new) {
                        let line = if old_ends { &mut old } else { &mut new };
                        line.push(Piece { text: LINE_END.to_owned(), changed: true });
                    }
                    (Some(old), Some(new))
                }
                (old, new) => (old.map(|(line, _)| line), new.map(|(line, _)| line)),
            };
            rows.push(Row::Changed { old, new });
        }
    }

    /// A line in pieces, and whether it ends as lines do.
    fn pieces(change: &InlineChange<'_, str>) -> (Vec<Piece>, bool) {
        let mut pieces: Vec<Piece> = Vec::new();
        for (changed, text) in change.values() {
            let text = shown(text);
            match pieces.last_mut() {
                _ if text.is_empty() => {}
                Some(last) if last.changed == *changed => last.text.push_str(&text),
                _ => pieces.push(Piece { text, changed: *changed }),
            }
        }
        // All of it changed: then no part of it stands out.
        if let [only] = pieces.as_mut_slice() {
            only.changed = false;
        }
        (pieces, !change.missing_newline())
    }

    fn plain(pieces: &[Piece]) -> String {
        pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    /// A line without its end; what a reader would not see becomes visible.
    fn shown(line: &str) -> String {
        line.strip_suffix('\n').unwrap_or(line).replace('\r', "␍")
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn show(rows: &[Row]) -> Vec<String> {
            let line = |pieces: &[Piece]| -> String {
                pieces.iter().map(|piece| if piece.changed { format!("[{}]", piece.text) } else { piece.text.clone() }).collect()
            };
            rows.iter()
                .map(|row| match row {
                    Row::Same { text } => format!("  {text}"),
                    Row::Gap { lines } => format!("… {lines}"),
                    Row::Cut { lines } => format!("cut {lines}"),
                    Row::Changed { old, new } => {
                        let side =
                            |sign: char, side: &Option<Vec<Piece>>| side.as_ref().map(|side| format!("{sign} {}", line(side)));
                        [side('-', old), side('+', new)].into_iter().flatten().collect::<Vec<_>>().join(" | ")
                    }
                })
                .collect()
        }

        #[test]
        fn words_that_changed_stand_out_within_their_line() {
            let old = "a\nb\nsystemctl restart queue\nc\nd\n";
            let new = "a\nb\nsystemctl restart workers\nc\nd\n";
            assert_eq!(
                show(&rows(old, new, 1, None)),
                ["… 1", "  b", "- systemctl restart [queue] | + systemctl restart [workers]", "  c", "… 1"]
            );
        }

        #[test]
        fn lines_of_one_side_stand_alone() {
            assert_eq!(show(&rows("a\nb\n", "a\nx\nb\n", 3, None)), ["  a", "+ x", "  b"]);
            assert_eq!(show(&rows("a\nx\nb", "a\nb", 3, None)), ["  a", "- x", "  b"]);
            assert_eq!(show(&rows("", "a", 3, None)), ["+ a"]);
            assert_eq!(rows("a\n", "a\n", 3, None), []);
        }

        #[test]
        fn a_missing_end_of_a_line_is_seen() {
            assert_eq!(show(&rows("a\nb", "a\nb\n", 0, None)), ["… 1", "- b | + b[↵]"]);
            assert_eq!(show(&rows("a\r\n", "a\n", 0, None)), ["- a␍ | + a"]);
        }

        #[test]
        fn a_long_difference_is_cut() {
            let many: String = (0..5_000).map(|line| format!("{line}\n")).collect();
            let rows = rows("nothing\n", &many, 3, None);
            assert_eq!(rows.len(), MAX_ROWS + 1);
            assert_eq!(rows.last(), Some(&Row::Cut { lines: 4_000 }));
            assert_eq!(one_sided(&many, Change::Added).last(), Some(&Row::Cut { lines: 4_000 }));
        }
    }
}
