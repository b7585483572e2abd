//! A terminal that is drawn anew in place, and left as it was found.

use std::io::{self, IsTerminal as _, Stdout, Write as _};

/// The other screen, without a cursor, without wrapping.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l";
const LEAVE: &str = "\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l";
const HOME: &str = "\u{1b}[H";
/// Whatever stood behind the line's end, and below the last one.
const REST_OF_LINE: &str = "\u{1b}[K";
const BELOW: &str = "\u{1b}[J";
/// The height of a terminal that does not say it.
const ROWS: usize = 24;

/// The screen.
#[derive(Debug)]
pub(super) struct Screen(Stdout);

// === impl Screen ===

impl Screen {
    /// Takes the screen over; `None` where standard output is none.
    pub(super) fn open() -> Option<Self> {
        if !io::stdout().is_terminal() {
            return None;
        }
        let mut screen = Self(io::stdout());
        screen.put(ENTER).then_some(screen)
    }

    /// Draws the lines over what was there; whether anybody still sees it.
    pub(super) fn draw(&mut self, lines: &[String]) -> bool {
        self.put(&frame(lines, self.rows()))
    }

    fn put(&mut self, text: &str) -> bool {
        self.0.write_all(text.as_bytes()).and_then(|()| self.0.flush()).is_ok()
    }

    fn rows(&self) -> usize {
        let size = rustix::termios::tcgetwinsize(&self.0).ok();
        size.map(|size| usize::from(size.ws_row)).filter(|rows| *rows > 1).unwrap_or(ROWS)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.put(LEAVE);
    }
}

/// The lines that fit; what does not is counted.
fn frame(lines: &[String], rows: usize) -> String {
    let fits = if lines.len() > rows { rows.saturating_sub(1) } else { lines.len() };
    let shown = lines.iter().take(fits).cloned();
    let more = (fits < lines.len())
        .then(|| format!("and {} more lines: a higher window shows them", lines.len() - fits));
    let shown: Vec<_> = shown.chain(more).map(|line| line + REST_OF_LINE).collect();
    format!("{HOME}{}{BELOW}", shown.join("\r\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_no_higher_than_its_screen() {
        let lines: Vec<_> = (0..5).map(|at| at.to_string()).collect();
        assert_eq!(frame(&lines, 5).matches("\r\n").count(), 4);
        let cut = frame(&lines, 3);
        assert!(
            cut.matches("\r\n").count() == 2 && cut.contains("and 3 more lines") && !cut.contains('2'),
            "{cut:?}"
        );
    }
}
