//! A terminal whose content is redrawn in place. It is as before when the command ends.

use console::Term;

use crate::output::{CommandError, one_line};

/// The other screen of the terminal, cursor hidden; lines that are too long are cut, not wrapped.
const OPEN: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const CLOSE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// The terminal on stdout.
pub(super) struct Screen(Term);

impl Screen {
    pub(super) fn open() -> Self {
        let terminal = Term::stdout();
        // Drawing reports the failure.
        let _ = terminal.write_str(OPEN);
        Self(terminal)
    }

    /// Shows these lines, as many as there is room for, and nothing else.
    pub(super) fn draw(&self, lines: &[String]) -> Result<(), CommandError> {
        let (rows, _) = self.0.size();
        let mut drawn = String::from("\x1b[H");
        for (number, line) in lines.iter().take(usize::from(rows)).enumerate() {
            drawn += if number > 0 { "\r\n" } else { "" };
            drawn += &one_line(line);
            drawn += "\x1b[K";
        }
        drawn += "\x1b[J";
        self.0.write_str(&drawn).map_err(CommandError::of)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Without a terminal there is nothing to restore.
        let _ = self.0.write_str(CLOSE);
    }
}
