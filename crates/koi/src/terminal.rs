//! What a person sees: lines on standard output, complaints on standard error, passwords without echo,
//! progress bars.

mod bar;

use std::fmt::Display;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use koi_server::Problem;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

pub(crate) use bar::Bar;

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
