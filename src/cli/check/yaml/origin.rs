//! Where a text inside a text begins, so that its lines are those of the file.

use granit_parser::ScalarStyle;

use super::Spot;

/// How a text's lines and columns become the file's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// What is added to a line.
    lines: u64,
    /// What is added to a column.
    columns: u64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Each line is one of the file's.
    Exact,
    /// One line: there is no other.
    Line,
    /// Folded or escaped: where it begins is all that is known.
    Start,
}

// === impl Origin ===

impl Origin {
    /// A file.
    pub(super) const fn whole() -> Self {
        Self { lines: 0, columns: 0, kind: Kind::Exact }
    }

    /// A scalar that starts there.
    pub(super) fn of(text: &str, style: ScalarStyle, start: Spot) -> Self {
        let lines = start.line.saturating_sub(1);
        match style {
            ScalarStyle::Literal => {
                // The parser says where the first line with something in it is.
                let blank = text.bytes().take_while(|byte| *byte == b'\n').count();
                let lines = lines.saturating_sub(u64::try_from(blank).unwrap_or_default());
                Self { lines, columns: start.column.saturating_sub(1), kind: Kind::Exact }
            }
            ScalarStyle::Plain if !text.contains('\n') => {
                Self { lines, columns: start.column.saturating_sub(1), kind: Kind::Line }
            }
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted
                if !text.contains(['\n', '\\', '"', '\'']) =>
            {
                Self { lines, columns: start.column, kind: Kind::Line }
            }
            _ => Self { lines, columns: start.column, kind: Kind::Start },
        }
    }

    /// A place of the text, from 1, in the file.
    pub(super) const fn spot(self, line: u64, column: u64) -> Spot {
        match self.kind {
            Kind::Exact => Spot { line: self.lines + line, column: self.columns + column },
            Kind::Line => Spot { line: self.lines + 1, column: self.columns + column },
            Kind::Start => Spot { line: self.lines + 1, column: self.columns },
        }
    }
}
