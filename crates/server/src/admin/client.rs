//! The command's side: asks the running server, or does it on the files when none runs.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;

use super::{Answer, OnProgress, Reply, Request, execute};
use crate::config::Config;
use crate::problem::Problem;
use crate::service::Service;

/// Asks whoever has the data folder.
pub fn ask(config: &Config, request: &Request, progress: &mut OnProgress<'_>) -> Result<Reply, Problem> {
    match connect(config)? {
        Some(stream) => converse(stream, request, progress),
        None => {
            let missing = || {
                Problem::usage(
                    format!("there is no data folder {}", config.data.display()),
                    "make one with `koi quickstart`, or start `koi serve` once",
                )
            };
            config.data.is_dir().then_some(()).ok_or_else(missing)?;
            let repairing = matches!(request, Request::Check { repair: true });
            let service = if repairing { Service::open_repairing(config)? } else { Service::open(config)? };
            execute::execute(&service, request, progress)
        }
    }
}

/// The running server's socket; `None` when no server runs.
pub fn connect(config: &Config) -> Result<Option<UnixStream>, Problem> {
    let file = crate::folder::admin_socket(&config.data);
    match super::socket::reach(&file, |short| UnixStream::connect(short)) {
        Ok(stream) => Ok(Some(stream)),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => Ok(None),
        Err(error) => Err(Problem::file("reach the server through", &file)(error)),
    }
}

fn converse(
    mut stream: UnixStream,
    request: &Request,
    progress: &mut OnProgress<'_>,
) -> Result<Reply, Problem> {
    let broken = |e: io::Error| {
        Problem::new(
            format!("the server ended the conversation: {e}"),
            "see the server's log; ask `koi status`",
        )
    };
    let mut line = serde_json::to_vec(request).map_err(|e| broken(e.into()))?;
    line.push(b'\n');
    stream.write_all(&line).map_err(broken)?;
    let mut lines = BufReader::new(stream).lines();
    if *request == Request::Shutdown {
        // The socket closes when the process ends; the answer may or may not come before.
        while let Some(Ok(_)) = lines.next() {}
        return Ok(Reply::Done);
    }
    for line in lines {
        match serde_json::from_str(&line.map_err(broken)?).map_err(|e| broken(e.into()))? {
            Answer::Progress(step) => progress(step),
            Answer::Done(reply) => return Ok(reply),
            Answer::Failed(failure) => return Err(failure.into()),
        }
    }
    Err(broken(io::ErrorKind::UnexpectedEof.into()))
}
