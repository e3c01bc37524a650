//! Annotations (RFC 5464) of a mailbox beside its messages, `koi-annotations.jsonl`, and those of the server
//! in the folder of INBOX, `koi-server-annotations.jsonl`: a JSON object per line. Settings of the account
//! that clients see as annotations lie beside these, in `koi-settings.jsonl`. Push subscriptions are not
//! among them: they are bound to the keys of one server, and hold secrets.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use koi_mailbox::{Account, AnnotationChange, AnnotationRow};
use koi_proto::sasl::{base64_decode, base64_encode};
use koi_types::EntryName;
use koi_types::annotation::{Depth, Target};
use serde::{Deserialize, Serialize};

use super::export::create;
use super::lines::read_line;
use super::{Moved, inside, sidecar};
use crate::problem::Problem;

/// The file of the server's.
const OF_SERVER: &str = "koi-server-annotations.jsonl";
/// The file of a mailbox.
const OF_MAILBOX: &str = "koi-annotations.jsonl";
/// The file of the settings that clients see as annotations of the server.
const OF_SETTINGS: &str = "koi-settings.jsonl";
/// One line: a value in which every octet is written as `\u001b`, and its name.
const LINE_OCTETS_MAX: usize = 6 * koi_types::limits::ANNOTATION_VALUE_OCTETS_MAX + 4096;

/// One of the two values is there.
#[derive(Serialize, Deserialize)]
struct Line {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// What is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

fn file_of(target: Target) -> &'static str {
    match target {
        Target::Server => OF_SERVER,
        Target::Mailbox(_) => OF_MAILBOX,
    }
}

/// Writes the file, unless there is nothing to write.
pub(super) fn export(account: &Account, target: Target, folder: &Path) -> Result<(), Problem> {
    write(account, target, &folder.join(file_of(target)), &|row| !row.is_setting())
}

/// The same with the settings.
pub(super) fn export_settings(account: &Account, folder: &Path) -> Result<(), Problem> {
    write(account, Target::Server, &folder.join(OF_SETTINGS), &AnnotationRow::is_portable_setting)
}

fn write(
    account: &Account,
    target: Target,
    path: &Path,
    wanted: &dyn Fn(&AnnotationRow) -> bool,
) -> Result<(), Problem> {
    let snapshot = account.snapshot()?;
    let mut out: Option<BufWriter<File>> = None;
    for scope in ["/private", "/shared"] {
        let Ok(scope) = EntryName::new(scope) else { continue };
        for row in snapshot.annotations(target, &scope, Depth::Infinity)? {
            if !wanted(&row) {
                continue;
            }
            let Some(value) = snapshot.annotation_value(target, &row)? else { continue };
            let text = std::str::from_utf8(&value).ok().map(str::to_owned);
            let base64 = text.is_none().then(|| base64_encode(&value));
            let out = match &mut out {
                Some(out) => out,
                None => out.insert(BufWriter::new(create(path)?)),
            };
            let line = Line { name: row.name.to_string(), text, base64 };
            sidecar::write(out, &line).map_err(Problem::file("write", path))?;
        }
    }
    let Some(out) = out else { return Ok(()) };
    let file = out.into_inner().map_err(|e| Problem::file("write", path)(e.into_error()))?;
    file.sync_all().map_err(Problem::file("write", path))
}

/// Reads the file, if it is there, and sets what is in it. What is refused is left out and told.
pub(super) fn import(
    account: &Account,
    target: Target,
    folder: &Path,
    moved: &mut Moved,
) -> Result<(), Problem> {
    read(account, target, &folder.join(file_of(target)), moved)
}

/// The same with the settings.
pub(super) fn import_settings(account: &Account, folder: &Path, moved: &mut Moved) -> Result<(), Problem> {
    read(account, Target::Server, &folder.join(OF_SETTINGS), moved)
}

fn read(account: &Account, target: Target, path: &Path, moved: &mut Moved) -> Result<(), Problem> {
    let Some(file) = inside::open_if_there(path)? else { return Ok(()) };
    let mut input = BufReader::new(file);
    let mut line = Vec::new();
    let mut number = 0u64;
    while read_line(&mut input, LINE_OCTETS_MAX, &mut line).map_err(Problem::file("read", path))? > 0 {
        number += 1;
        let done = match change(&line) {
            Ok(change) => account.set_annotations(target, vec![change]).wait().map_err(|e| e.to_string()),
            Err(why) => Err(why),
        };
        if let Err(why) = done {
            moved.left_out.add(format_args!("{}:{number}", path.display()), why);
        }
    }
    Ok(())
}

fn change(line: &[u8]) -> Result<AnnotationChange, String> {
    let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let name = EntryName::new(&line.name).map_err(|_| format!("`{}` is no entry name", line.name))?;
    let value = match (line.text, line.base64) {
        (Some(text), None) => text.into_bytes(),
        (None, Some(base64)) => base64_decode(base64.as_bytes()).map_err(str::to_owned)?,
        _ => return Err("one of `text` and `base64` must be there".into()),
    };
    Ok(AnnotationChange { name, value: Some(value.into()) })
}
