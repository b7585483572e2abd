//! Text for a terminal: plain ASCII, wrapped, coloured only where that helps.

use std::io::{self, IsTerminal as _, Write};

use crate::config::{Environment, Source as _};

/// The widest line of running text.
const WIDTH: usize = 96;
/// Everything under a heading stands this far in.
const INDENT: &str = "     ";

/// A place to print to.
pub struct Terminal {
    out: Box<dyn Write + Send>,
    colour: bool,
    /// Whether nobody reads any more.
    gone: bool,
}

/// A style, as the number that ANSI has for it.
#[derive(Clone, Copy)]
enum Style {
    Bold = 1,
    Faint = 2,
    Red = 31,
    Green = 32,
}

// === impl Terminal ===

impl Terminal {
    /// Standard output; in colour on a terminal, unless `NO_COLOR` is set.
    pub fn stdout() -> Self {
        Self { out: Box::new(io::stdout()), colour: Self::has_colour(), gone: false }
    }

    /// Prints to `out`, without colours.
    pub fn to(out: Box<dyn Write + Send>) -> Self {
        Self { out, colour: false, gone: false }
    }

    /// Whether standard output is in colour.
    pub(super) fn has_colour() -> bool {
        io::stdout().is_terminal() && Environment.get("NO_COLOR").is_none()
    }

    /// What `draw` prints, as lines.
    pub(super) fn drawn(colour: bool, draw: impl FnOnce(&mut Self)) -> Vec<String> {
        let paper = Paper::default();
        draw(&mut Self { out: Box::new(paper.clone()), colour, gone: false });
        paper.text().lines().map(str::to_owned).collect()
    }

    /// Whether anybody still reads what is printed.
    pub const fn is_read(&self) -> bool {
        !self.gone
    }

    /// The first line.
    pub fn title(&mut self, text: &str) {
        self.line(&[self.styled(Style::Bold, text)]);
    }

    /// The heading of a step.
    pub fn step(&mut self, number: usize, text: &str) {
        self.line(&[String::new()]);
        self.line(&[self.styled(Style::Bold, &format!("{number:>3}. {text}"))]);
    }

    /// Running text, wrapped.
    pub fn say(&mut self, text: &str) {
        self.wrapped(text, None);
    }

    /// What an operator would read in an event, wrapped.
    pub fn quote(&mut self, text: &str) {
        self.wrapped(&text.replace('\u{2026}', "..."), Some(Style::Red));
    }

    /// Lines as they are.
    pub fn block(&mut self, text: &str) {
        for line in text.lines() {
            let line = self.styled(Style::Faint, &format!("{INDENT}  {line}"));
            self.line(&[line]);
        }
    }

    /// A line as it is.
    pub fn plain(&mut self, text: &str) {
        self.line(&[text.to_owned()]);
    }

    /// A line as it is, of something that is wrong.
    pub fn alarm(&mut self, text: &str) {
        self.line(&[self.styled(Style::Red, text)]);
    }

    /// Something is as it should be.
    pub fn ok(&mut self, text: &str) {
        self.line(&[INDENT.into(), self.styled(Style::Green, "ok"), format!("  {text}")]);
    }

    /// Something is not.
    pub fn fault(&mut self, text: &str) {
        self.line(&[INDENT.into(), self.styled(Style::Red, "NOT OK"), format!("  {text}")]);
    }

    fn wrapped(&mut self, text: &str, style: Option<Style>) {
        let mut line = String::new();
        for word in text.split_whitespace().chain(std::iter::once("")) {
            let full = line.len() + word.len() + 1 + INDENT.len() > WIDTH;
            if !line.is_empty() && (full || word.is_empty()) {
                let shown = style.map_or_else(|| line.clone(), |style| self.styled(style, &line));
                self.line(&[INDENT.into(), shown]);
                line.clear();
            }
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.colour { format!("\u{1b}[{}m{text}\u{1b}[0m", style as u8) } else { text.to_owned() }
    }

    fn line(&mut self, parts: &[String]) {
        // A reader that went away, as `head` does, is no reason to stop; but a watch has one then.
        self.gone |= writeln!(self.out, "{}", parts.concat().trim_end()).is_err();
    }
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("colour", &self.colour).finish_non_exhaustive()
    }
}

/// What is printed, kept to be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Paper(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().map_err(|_| io::Error::other("poisoned"))?.write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    /// What is on it.
    pub(super) fn text(&self) -> String {
        self.0.lock().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_and_loses_no_word() {
        let (paper, text) =
            (Paper::default(), "some words that are not very long ".repeat(9) + &"x".repeat(120));
        Terminal::to(Box::new(paper.clone())).say(&text);
        let shown = paper.text();
        assert_eq!(shown.split_whitespace().collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
        assert!(shown.lines().filter(|line| !line.contains('x')).all(|line| line.len() <= WIDTH), "{shown}");
        assert!(shown.lines().all(|line| line.starts_with(INDENT)), "{shown}");
    }

    #[test]
    fn colours_are_there_only_when_wanted() {
        for colour in [true, false] {
            let paper = Paper::default();
            let mut terminal = Terminal { colour, ..Terminal::to(Box::new(paper.clone())) };
            terminal.title("title");
            terminal.step(1, "step");
            terminal.ok("fine");
            terminal.quote("cut\u{2026}");
            terminal.alarm("wrong");
            assert_eq!(paper.text().contains('\u{1b}'), colour);
            assert!(paper.text().is_ascii() && paper.text().contains("cut..."));
        }
    }
}
