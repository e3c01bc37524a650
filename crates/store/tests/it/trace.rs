//! Reads what `strace -f -xx` wrote about a process and turns it into the events of `sim`, LMDB's own
//! writes included.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::sim::Event;

/// System calls to trace; everything that changes files, and what says which file a descriptor is.
pub(crate) const CALLS: &str = "openat,close,lseek,pwrite64,pwritev,pwritev2,write,writev,fsync,fdatasync,msync,ftruncate,\
fallocate,rename,renameat,renameat2,unlink,unlinkat,dup,fcntl";

/// What the process did to the files below one folder, and when it said what.
#[derive(Default)]
pub(crate) struct Trace {
    pub(crate) events: Vec<Event>,
    /// Names of files by their number in the events.
    pub(crate) files: Vec<PathBuf>,
    /// After so many events the process had said this number.
    pub(crate) said: Vec<Said>,
    names: BTreeMap<PathBuf, usize>,
    descriptors: BTreeMap<i64, Descriptor>,
    /// Begun, not finished, by thread.
    begun: BTreeMap<u64, Begun>,
    octets: BTreeMap<usize, u64>,
}

pub(crate) struct Said {
    pub(crate) events: usize,
    pub(crate) number: u64,
}

#[derive(Clone)]
struct Descriptor {
    path: PathBuf,
    file: Option<usize>,
    durable: bool,
    at: u64,
}

struct Begun {
    text: String,
    events: usize,
}

impl Trace {
    /// `folder` is the store; `said` the file the process wrote its numbers to, a line each.
    pub(crate) fn read(text: &str, folder: &Path, said: &Path) -> Self {
        let mut trace = Self::default();
        for line in text.lines() {
            trace.line(line, folder, said);
        }
        trace
    }
    fn line(&mut self, line: &str, folder: &Path, said: &Path) {
        let Some((thread, rest)) = line.split_once(char::is_whitespace) else { return };
        let (Ok(thread), rest) = (thread.parse::<u64>(), rest.trim_start()) else { return };
        if let Some(begun) = rest.strip_suffix("<unfinished ...>") {
            self.begin(begun);
            let begun = Begun { text: begun.trim_end().to_owned(), events: self.events.len() };
            self.begun.insert(thread, begun);
        } else if let Some((_, resumed)) = rest.split_once(" resumed>") {
            if let Some(begun) = self.begun.remove(&thread)
                && !begun.text.starts_with("close")
            {
                self.finish(&format!("{}{resumed}", begun.text), begun.events, folder, said);
            }
        } else {
            self.finish(rest, self.events.len(), folder, said);
        }
    }
    /// A write under way may reach the disk from now on; a descriptor being closed may be given to
    /// another thread.
    fn begin(&mut self, text: &str) {
        let Some(call) = Call::parse(text) else { return };
        if call.name.contains("write") {
            self.write(&call, false);
        } else if call.name == "close" {
            call.number(0).and_then(|number| self.descriptors.remove(&number));
        }
    }
    fn finish(&mut self, text: &str, started: usize, folder: &Path, said: &Path) {
        let Some(call) = Call::parse(text) else { return };
        let Some(result) = call.result.filter(|result| *result >= 0) else { return };
        let descriptor = call.number(0).and_then(|number| self.descriptors.get(&number).cloned());
        let file = descriptor.as_ref().and_then(|descriptor| descriptor.file);
        match call.name.as_str() {
            "openat" => self.open(&call, result, folder, said),
            "close" => drop(call.number(0).and_then(|number| self.descriptors.remove(&number))),
            "dup" | "fcntl" if call.name == "dup" || call.text.contains("F_DUPFD") => {
                descriptor.and_then(|descriptor| self.descriptors.insert(result, descriptor));
            }
            "write" if descriptor.as_ref().is_some_and(|d| d.path == said) => {
                let number = String::from_utf8(call.octets()).unwrap().trim().parse().unwrap();
                self.said.push(Said { events: self.events.len(), number });
            }
            "pwrite64" | "pwritev" | "pwritev2" | "write" | "writev" => self.write(&call, true),
            "fsync" | "fdatasync" => match (file, descriptor) {
                (Some(file), _) => self.events.push(Event::Flush { file, started }),
                (None, Some(_)) => self.events.push(Event::SyncDir),
                _ => {}
            },
            "ftruncate" => {
                if let (Some(file), Some(octets)) = (file, call.number(1)) {
                    self.events.push(Event::SetOctets { file, octets: octets as u64 });
                }
            }
            // LMDB seeks, then writes several pages at once.
            "lseek" => {
                if let Some(descriptor) = call.number(0).and_then(|number| self.descriptors.get_mut(&number))
                {
                    descriptor.at = result as u64;
                }
            }
            "msync" | "fallocate" => {}
            _ => self.name(&call),
        }
    }
    fn open(&mut self, call: &Call, result: i64, folder: &Path, said: &Path) {
        let path = self.path(call, 0);
        let inside = path.starts_with(folder) && path.file_name().is_none_or(|name| name != "lock.mdb");
        if !inside && path != said {
            self.descriptors.remove(&result);
            return;
        }
        // All files of the store are made while we look, so anything else that is opened is a folder.
        let regular = inside && (call.text.contains("O_CREAT") || self.names.contains_key(&path));
        let file = regular.then(|| match self.names.get(&path) {
            Some(file) => *file,
            None => {
                self.files.push(path.clone());
                let file = self.files.len() - 1;
                self.names.insert(path.clone(), file);
                self.events.push(Event::Create { path: path.clone(), file });
                file
            }
        });
        let durable = call.text.contains("O_DSYNC") || call.text.contains("O_SYNC");
        self.descriptors.insert(result, Descriptor { path, file, durable, at: 0 });
    }
    fn write(&mut self, call: &Call, finished: bool) {
        let Some(number) = call.number(0) else { return };
        let Some(descriptor) = self.descriptors.get_mut(&number) else { return };
        let Some(file) = descriptor.file else { return };
        let octets = call.octets();
        let offset = match call.name.as_str() {
            "write" | "writev" => descriptor.at,
            _ => call.last_number(),
        };
        if finished {
            descriptor.at = offset + octets.len() as u64;
        }
        let durable = finished && (descriptor.durable || call.text.contains("RWF_DSYNC"));
        self.events.push(Event::Write { file, offset, octets: octets.into(), durable });
    }
    fn name(&mut self, call: &Call) {
        match call.name.as_str() {
            "unlink" | "unlinkat" => {
                let path = self.path(call, 0);
                if self.names.remove(&path).is_some() {
                    self.events.push(Event::Remove { path });
                }
            }
            "rename" | "renameat" | "renameat2" => {
                let (from, to) = (self.path(call, 0), self.path(call, 1));
                let moved: Vec<_> =
                    self.names.keys().filter(|path| path.starts_with(&from)).cloned().collect();
                for path in &moved {
                    let file = self.names.remove(path).unwrap();
                    let inside = path.strip_prefix(&from).unwrap();
                    let target = if inside.as_os_str().is_empty() { to.clone() } else { to.join(inside) };
                    self.names.insert(target, file);
                }
                if !moved.is_empty() {
                    self.events.push(Event::Rename { from, to });
                }
            }
            _ => {}
        }
    }
    /// The `at`th name of a call; relative ones are below the descriptor before them.
    fn path(&self, call: &Call, at: usize) -> PathBuf {
        let name = call.strings().into_iter().nth(at).unwrap_or_default();
        let name = PathBuf::from(String::from_utf8_lossy(&name).into_owned());
        let below = call.number(0).and_then(|number| self.descriptors.get(&number));
        match below {
            Some(descriptor) if name.is_relative() => descriptor.path.join(name),
            _ => name,
        }
    }
}

/// One system call as text.
struct Call {
    name: String,
    text: String,
    result: Option<i64>,
}

impl Call {
    fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once('(')?;
        let name_is_one = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let (inside, result) = match rest.rsplit_once(") ") {
            Some((inside, result)) => {
                let result = result.trim_start().strip_prefix('=')?.trim_start();
                (inside, result.split_whitespace().next()?.parse().ok())
            }
            None => (rest, None),
        };
        name_is_one.then(|| Self { name: name.to_owned(), text: inside.to_owned(), result })
    }
    /// All strings among the arguments.
    fn strings(&self) -> Vec<Vec<u8>> {
        self.text.split('"').skip(1).step_by(2).map(unhex).collect()
    }
    /// What is written: one string, or several in an array.
    fn octets(&self) -> Vec<u8> {
        self.strings().concat()
    }
    /// Arguments that are neither strings nor arrays.
    fn plain(&self) -> Vec<String> {
        let outside: String = self.text.split('"').step_by(2).collect::<Vec<_>>().join("S");
        let mut depth = 0i32;
        let flat: String = outside
            .chars()
            .filter(|c| {
                depth += i32::from(matches!(c, '[' | '{')) - i32::from(matches!(c, ']' | '}'));
                depth == 0
            })
            .collect();
        flat.split(',').map(|part| part.trim().to_owned()).collect()
    }
    fn number(&self, at: usize) -> Option<i64> {
        self.plain().get(at)?.parse().ok()
    }
    /// The offset is the last number of a positioned write.
    fn last_number(&self) -> u64 {
        self.plain().iter().rev().find_map(|part| part.parse().ok()).unwrap()
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.split("\\x").skip(1);
    digits.map(|pair| u8::from_str_radix(&pair[..2], 16).unwrap()).collect()
}
