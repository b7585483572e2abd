//! Columns of text: what does not fit into its column goes on in the next line.

/// A row's cells.
pub(super) type Row = [String; 6];

/// Between two columns.
const GAP: &str = "  ";
/// After these a text may be broken.
const BREAKS: [char; 6] = [' ', '/', '-', ',', '.', '_'];

/// How wide each column is: as wide as its widest cell, and no wider than `most`.
pub(super) fn widths<'a>(rows: impl IntoIterator<Item = &'a Row>, most: [usize; 6]) -> [usize; 6] {
    rows.into_iter().fold([0; 6], |mut widths, row| {
        for ((width, cell), most) in widths.iter_mut().zip(row).zip(most) {
            *width = (*width).max(cell.chars().count()).min(most);
        }
        widths
    })
}

/// The lines of a row.
pub(super) fn lines(row: &Row, widths: [usize; 6]) -> Vec<String> {
    let mut cells: Vec<_> =
        row.iter().zip(widths).map(|(cell, width)| wrap(cell, width).into_iter()).collect();
    let mut lines = Vec::new();
    while cells.iter().any(|cell| !cell.as_slice().is_empty()) {
        let parts = cells.iter_mut().zip(widths);
        let parts: Vec<_> =
            parts.map(|(cell, width)| format!("{:<width$}", cell.next().unwrap_or_default())).collect();
        lines.push(parts.join(GAP).trim_end().to_owned());
    }
    lines
}

/// A text in pieces of at most `width` letters, broken where it may be if it can be.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let (mut rest, mut pieces) = (text.trim(), Vec::new());
    while let Some((end, _)) = rest.char_indices().nth(width).filter(|_| width > 0) {
        let (head, tail) = rest.split_at(end);
        // A space that comes next is as good as one inside.
        let at = if tail.starts_with(' ') { Some(end) } else { head.rfind(BREAKS).map(|at| at + 1) };
        let (piece, next) = rest.split_at(at.unwrap_or(end));
        pieces.push(piece.trim_end().to_owned());
        rest = next.trim_start();
    }
    pieces.push(rest.to_owned());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_broken_where_they_may_be() {
        for (text, width, pieces) in [
            ("", 5, vec![""]),
            ("short", 5, vec!["short"]),
            ("SESSION EXPIRES", 7, vec!["SESSION", "EXPIRES"]),
            ("LAST REFRESH", 10, vec!["LAST", "REFRESH"]),
            ("shop/checkout-7d9f-x", 12, vec!["shop/", "checkout-", "7d9f-x"]),
            ("abcdefghij", 4, vec!["abcd", "efgh", "ij"]),
            ("ääää", 2, vec!["ää", "ää"]),
        ] {
            assert_eq!(wrap(text, width), pieces, "{text}");
        }
    }

    #[test]
    fn a_row_is_as_high_as_its_highest_cell() {
        let row = ["a-b-c-d", "x", "", "", "", "end"].map(str::to_owned);
        let widths = widths([&row], [4, 9, 9, 9, 9, 9]);
        assert_eq!(widths, [4, 1, 0, 0, 0, 3]);
        assert_eq!(lines(&row, widths), ["a-b-  x        end", "c-d"]);
    }
}
