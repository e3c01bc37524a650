//! The server's side of `admin.sock`.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};

use super::{Answer, LINE_OCTETS_MAX, Request};
use crate::problem::Problem;

/// Answers one request; progress goes to the sender. Runs on a thread of its own.
pub type Answerer =
    dyn Fn(Request, &mut super::OnProgress<'_>) -> Result<super::Reply, Problem> + Send + Sync;

/// Progress lines that may wait for a client; the work waits for a client that does not read them.
const PROGRESS_MAX: usize = 16;
/// Commands that are answered at the same time; more wait.
const CONVERSATIONS_MAX: usize = 32;
/// A path of a socket may not be longer (`sun_path`).
const PATH_OCTETS_MAX: usize = 100;

/// The socket; its file goes when it is dropped.
pub struct AdminSocket {
    listener: UnixListener,
    file: PathBuf,
}

impl AdminSocket {
    /// Binds. A file left by a killed server is taken away: the folder's lock says that nobody uses it.
    pub fn bind(data: &Path) -> Result<Self, Problem> {
        let file = crate::folder::admin_socket(data);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Problem::file("remove the old", &file)(error));
            }
            _ => {}
        }
        let listener =
            reach(&file, |short| UnixListener::bind(short)).map_err(Problem::file("bind", &file))?;
        let owner_only = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&file, owner_only).map_err(Problem::file("set the mode of", &file))?;
        Ok(Self { listener, file })
    }

    /// Answers for ever.
    pub async fn serve(self, answerer: Arc<Answerer>) {
        let places = Arc::new(Semaphore::new(CONVERSATIONS_MAX));
        loop {
            // Never closed, so there is always a permit in the end.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let answerer = Arc::clone(&answerer);
                    tokio::spawn(async move {
                        converse(stream, answerer).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept on admin.sock");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// Calls `with` with a path short enough for a socket: through the opened folder when the path itself is too
/// long.
pub(super) fn reach<T>(file: &Path, with: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    if file.as_os_str().len() <= PATH_OCTETS_MAX {
        return with(file);
    }
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let folder = std::fs::File::open(folder)?;
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(&folder);
    with(&Path::new("/proc/self/fd").join(descriptor.to_string()).join(name))
}

async fn converse(stream: UnixStream, answerer: Arc<Answerer>) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = String::new();
        match (&mut read).take(LINE_OCTETS_MAX).read_line(&mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) if line.len() as u64 >= LINE_OCTETS_MAX && !line.ends_with('\n') => {
                let what = format!("a request of more than {LINE_OCTETS_MAX} octets is not taken");
                let problem = Problem::usage(what, "name less in one command");
                // What follows belongs to it, and is not read.
                let _ = send(&mut write, &Answer::Failed(problem.into())).await;
                return;
            }
            Ok(_) => {}
        }
        if answer(&line, &answerer, &mut write).await.is_err() {
            return;
        }
    }
}

async fn answer(
    line: &str,
    answerer: &Arc<Answerer>,
    write: &mut tokio::net::unix::OwnedWriteHalf,
) -> io::Result<()> {
    let request: Request = match serde_json::from_str(line) {
        Ok(request) => request,
        Err(error) => {
            let problem =
                Problem::usage(format!("not a request: {error}"), "use the `koi` of the same version");
            return send(write, &Answer::Failed(problem.into())).await;
        }
    };
    let (progress, mut lines) = mpsc::channel(PROGRESS_MAX);
    let answerer = Arc::clone(answerer);
    let work = tokio::task::spawn_blocking(move || {
        // A client that went away does not stop the work: half an import would be worse.
        answerer(request, &mut |p| drop(progress.blocking_send(p)))
    });
    while let Some(progress) = lines.recv().await {
        // Reading must go on, or the work would wait for ever.
        let _ = send(write, &Answer::Progress(progress)).await;
    }
    let answer = match work.await {
        Ok(Ok(reply)) => Answer::Done(reply),
        Ok(Err(problem)) => Answer::Failed(problem.into()),
        Err(_) => Answer::Failed(Problem::new("the request failed inside the server", "see its log").into()),
    };
    send(write, &answer).await
}

async fn send(write: &mut tokio::net::unix::OwnedWriteHalf, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    write.write_all(&line).await
}
