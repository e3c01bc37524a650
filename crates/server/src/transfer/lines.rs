//! Lines and line ends of message files.

use std::io::{self, BufRead};

/// Reads one line with its end, at most `max` octets of it; the rest of a longer line comes as further lines.
/// 0 at the end of the file.
pub(super) fn read_line(input: &mut dyn BufRead, max: usize, line: &mut Vec<u8>) -> io::Result<usize> {
    line.clear();
    loop {
        let there = match input.fill_buf() {
            Ok(there) => there,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let room = max.saturating_sub(line.len());
        let end = there.iter().position(|b| *b == b'\n').map(|at| at + 1);
        let taken = end.unwrap_or(there.len()).min(room);
        line.extend(there.iter().take(taken));
        input.consume(taken);
        if taken == 0 || line.ends_with(b"\n") || line.len() >= max {
            return Ok(line.len());
        }
    }
}

/// Makes every line end CRLF, unless the first line already ends so: then the octets are kept as they are.
pub(super) fn to_crlf(octets: Vec<u8>) -> Vec<u8> {
    let first_end = octets.iter().position(|b| *b == b'\n');
    let kept = first_end.is_none_or(|at| at > 0 && octets.get(at - 1) == Some(&b'\r'));
    if kept {
        return octets;
    }
    let mut out = Vec::with_capacity(octets.len() + octets.len() / 32 + 16);
    let mut last = 0;
    for octet in octets {
        if octet == b'\n' && last != b'\r' {
            out.push(b'\r');
        }
        out.push(octet);
        last = octet;
    }
    out
}
