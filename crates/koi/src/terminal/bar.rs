//! How far something is that takes long: a bar on a terminal, a line now and then elsewhere.
//!
//! It is drawn on standard error and gone in the end; what came of it is said by whoever began. Must not:
//! write anything on standard output.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use koi_server::admin::Progress;

use super::note;

/// Between two plain lines of progress.
const PLAIN_EVERY: Duration = Duration::from_secs(5);
const STYLE: &str = "{prefix} {bar:40} {percent:>3}% {human_pos}/{human_len} {msg} {per_sec} {eta}";

pub(crate) struct Bar {
    what: &'static str,
    shown: Shown,
}

enum Shown {
    Drawn(ProgressBar),
    /// When the last line was written.
    Lines(Instant),
}

impl Bar {
    pub(crate) fn new(what: &'static str) -> Self {
        match io::stderr().is_terminal() {
            true => Self::on(what, ProgressDrawTarget::stderr()),
            false => Self { what, shown: Shown::Lines(Instant::now()) },
        }
    }
    fn on(what: &'static str, target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template(STYLE) {
            bar.set_style(style);
        }
        bar.set_prefix(what);
        Self { what, shown: Shown::Drawn(bar) }
    }
    pub(crate) fn show(&mut self, progress: &Progress) {
        let Progress { done, total, unit } = progress;
        match &mut self.shown {
            Shown::Drawn(bar) => {
                bar.set_length(*total);
                bar.set_position(*done);
                bar.set_message(unit.clone());
            }
            Shown::Lines(last) => {
                if let Some(line) = line(self.what, progress, last.elapsed()) {
                    *last = Instant::now();
                    note(line);
                }
            }
        }
    }
    /// Nothing of it stays.
    pub(crate) fn finish(self) {
        if let Shown::Drawn(bar) = self.shown {
            bar.finish_and_clear();
        }
    }
}

/// What is written where nothing can be drawn, when nothing was for so long.
fn line(what: &str, progress: &Progress, silent_for: Duration) -> Option<String> {
    let Progress { done, total, unit } = progress;
    (silent_for >= PLAIN_EVERY).then(|| format!("{what}: {done} of {total} {unit}"))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;

    use super::*;

    /// A terminal of one line: what stands there now, and what stood there before.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<Vec<String>>>);

    impl Screen {
        fn now(&self) -> String {
            self.0.lock().unwrap().last().cloned().unwrap_or_default()
        }
        fn target(&self) -> ProgressDrawTarget {
            ProgressDrawTarget::term_like_with_hz(Box::new(self.clone()), 255)
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            120
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            let mut lines = self.0.lock().unwrap();
            match lines.last_mut() {
                Some(line) => line.push_str(text),
                None => lines.push(text.to_owned()),
            }
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            self.0.lock().unwrap().push(String::new());
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn at(done: u64, total: u64) -> Progress {
        Progress { done, total, unit: "messages".into() }
    }

    #[test]
    fn a_bar_says_how_far_it_is_and_goes() {
        let screen = Screen::default();
        let mut bar = Bar::on("import", screen.target());
        for (done, parts) in [
            (0, ["import ░░", "  0%", " 0/2,000 messages "]),
            (500, ["import █████████", " 25%", " 500/2,000 messages "]),
            (2_000, ["import ████████████████████████████████████████ ", "100%", " 2,000/2,000 messages "]),
        ] {
            bar.show(&at(done, 2_000));
            let line = screen.now();
            assert!(parts.iter().all(|part| line.contains(part)), "{line}");
        }
        let Shown::Drawn(drawn) = &bar.shown else { panic!() };
        assert!(!drawn.is_finished());
        bar.finish();
        assert_eq!(screen.now().trim(), "");
    }

    /// It became more than was known, or nothing at all was to be done.
    #[test]
    fn a_bar_takes_any_numbers() {
        let screen = Screen::default();
        let mut bar = Bar::on("export", screen.target());
        for (done, total, part) in [(3, 2, "3/2 "), (0, 0, "0/0 "), (7, 100, "  7% 7/100 ")] {
            bar.show(&at(done, total));
            assert!(screen.now().contains(part), "{}", screen.now());
        }
        bar.finish();
        assert_eq!(screen.now().trim(), "");
    }

    #[test]
    fn where_there_is_no_terminal_lines_come_now_and_then() {
        let secs = Duration::from_secs;
        assert_eq!(line("import", &at(500, 2_000), secs(4)), None);
        assert_eq!(line("import", &at(500, 2_000), secs(5)).unwrap(), "import: 500 of 2000 messages");
        // Nothing is drawn on it.
        let screen = Screen::default();
        let mut bar = Bar { what: "import", shown: Shown::Lines(Instant::now()) };
        bar.show(&at(1, 2));
        bar.finish();
        assert_eq!(screen.now(), "");
    }
}
