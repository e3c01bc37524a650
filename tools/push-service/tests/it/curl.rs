//! curl, with what every push request needs.

use std::io::Write as _;
use std::process::{Command, Stdio};

use koi_push_service::{Http, PushService};

/// What curl has to say.
#[derive(Debug)]
pub(crate) struct Said {
    /// Its exit code: 28 for too slow, 52 for nothing, 56 for a reset.
    pub(crate) code: i32,
    pub(crate) status: String,
    pub(crate) version: String,
    /// The header fields of the answer, in lower case.
    pub(crate) head: String,
    pub(crate) body_octets: u64,
}

pub(crate) const USUAL: &[&str] = &["-HTTL: 30", "-HContent-Encoding: aes128gcm", "-HUrgency: high"];

/// POSTs `body` to a URL, trusting the service's authority only.
pub(crate) fn post(service: &PushService, url: &str, http: Http, more: &[&str], body: &[u8]) -> Said {
    let mut ca = tempfile::NamedTempFile::new().unwrap();
    ca.write_all(service.ca_pem().as_bytes()).unwrap();
    let head = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "20", "-o", "/dev/null", "--data-binary", "@-", "-HExpect:"]);
    command.args(["-w", "%{http_code} %{http_version} %{size_download}", "--noproxy", ""]);
    command.arg(if http == Http::Two { "--http2" } else { "--http1.1" });
    command.arg("--cacert").arg(ca.path()).arg("-D").arg(head.path()).args(more).arg(url);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(body).unwrap();
    let output = child.wait_with_output().unwrap();
    let written = String::from_utf8(output.stdout).unwrap();
    let mut words = written.split(' ').map(str::to_owned);
    let mut word = || words.next().unwrap_or_default();
    let (status, version, octets) = (word(), word(), word());
    Said {
        code: output.status.code().unwrap(),
        status,
        version,
        head: std::fs::read_to_string(head.path()).unwrap().to_lowercase(),
        body_octets: octets.parse().unwrap_or_default(),
    }
}
