//! What a person sees: lines on standard output, complaints on standard error, passwords without echo,
//! progress bars.

use std::fmt::Display;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use koi_server::Problem;
use koi_server::admin::Progress;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// A password is not longer than this.
const PASSWORD_OCTETS_MAX: u64 = 1024;

/// One line on standard output. Nobody reading it any more (`koi … | head`) is no error.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// A whole text on standard output, at once.
pub(crate) fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A line on standard error.
pub(crate) fn note(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// What went wrong, on standard error.
pub(crate) fn complain(problem: &Problem) {
    note(format_args!("koi: {problem}"));
}

/// A new password: asked for twice without echo at a terminal, else one line of standard input.
pub(crate) fn new_password(account: &str) -> Result<String, Problem> {
    if !io::stdin().is_terminal() {
        return read_password_line();
    }
    let first = ask(&format!("New password for {account}: "))?;
    let second = ask("The same again: ")?;
    if first != second {
        return Err(Problem::usage("the two passwords differ", "try again"));
    }
    Ok(first)
}

/// The password an account has: asked for once.
pub(crate) fn known_password(account: &str) -> Result<String, Problem> {
    if !io::stdin().is_terminal() {
        return read_password_line();
    }
    ask(&format!("Password of {account}: "))
}

fn ask(question: &str) -> Result<String, Problem> {
    let mut screen = io::stderr().lock();
    let _ = screen.write_all(question.as_bytes()).and_then(|()| screen.flush());
    let answer = {
        let _hidden = NoEcho::new()?;
        read_password_line()
    };
    let _ = screen.write_all(b"\n");
    answer
}

fn read_password_line() -> Result<String, Problem> {
    let mut line = String::new();
    let input = io::stdin().lock();
    let read = io::Read::take(input, PASSWORD_OCTETS_MAX).read_line(&mut line);
    read.map_err(|e| Problem::new(format!("cannot read the password: {e}"), "type it as one line of UTF-8"))?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        return Err(Problem::usage("the password is empty", "type one, or use --generate"));
    }
    Ok(password)
}

/// Echo is off until this is dropped.
struct NoEcho(rustix::termios::Termios);

impl NoEcho {
    fn new() -> Result<Self, Problem> {
        let failed =
            |e| Problem::new(format!("cannot hide what you type: {e}"), "pipe the password in instead");
        let before = tcgetattr(io::stdin()).map_err(failed)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden).map_err(failed)?;
        Ok(Self(before))
    }
}

impl Drop for NoEcho {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}

/// Between two plain lines of progress.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// A bar on a terminal, a line now and then elsewhere.
pub(crate) struct Bar {
    what: &'static str,
    bar: Option<ProgressBar>,
    last: Instant,
}

impl Bar {
    pub(crate) fn new(what: &'static str) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::no_length();
            let style = "{prefix} {bar:40} {percent:>3}% {human_pos}/{human_len} {msg} {per_sec} {eta}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            bar.set_prefix(what);
            bar
        });
        Self { what, bar, last: Instant::now() }
    }
    pub(crate) fn show(&mut self, progress: &Progress) {
        let Progress { done, total, unit } = progress;
        match &self.bar {
            Some(bar) => {
                bar.set_length(*total);
                bar.set_position(*done);
                bar.set_message(unit.clone());
            }
            None if self.last.elapsed() >= PLAIN_EVERY => {
                self.last = Instant::now();
                note(format_args!("{}: {done} of {total} {unit}", self.what));
            }
            None => {}
        }
    }
    pub(crate) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
