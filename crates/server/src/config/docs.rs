//! Prints the table of keys: `docs/CONFIG.md` and `koi config show --defaults`.

use std::fmt::Write as _;

use super::keys::{Fallback, KEYS, Key, Reload, SECTIONS};
use super::raw::Raw;

/// `docs/CONFIG.md`.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::from(
        "# Configuration\n\n\
         One TOML file, `koi.toml`; `koi quickstart` writes one, `koi serve --config koi.toml` reads it.\n\
         Keys that are not listed here are refused with their line. Paths are relative to the folder of the\n\
         file. SIGHUP reads the file and the certificates again without dropping a session; keys marked\n\
         *restart* wait for the next start.\n\n\
         This page is made from the table in `crates/server/src/config/keys.rs`;\n\
         `koi config show --defaults` prints the same as a file to start from.\n",
    );
    for (section, about) in SECTIONS {
        let _ = write!(
            out,
            "\n## [{section}]\n\n{about}\n\n\
             | key | type | default | unit | changes at | meaning | example |\n"
        );
        out.push_str("|---|---|---|---|---|---|---|\n");
        for key in of_section(section) {
            let reload = if key.reload == Reload::Live { "SIGHUP" } else { "restart" };
            let _ = writeln!(
                out,
                "| `{}` | {} | {} | {} | {reload} | {} | `{}` |",
                key.short(),
                key.kind.describe(),
                default_in_words(key),
                key.unit,
                key.doc.replace('|', "\\|"),
                key.example,
            );
        }
    }
    out
}

/// A whole file with every key at its default; what has none is a comment with the example.
#[must_use]
pub fn defaults_file() -> String {
    let mut out = String::new();
    for (section, about) in SECTIONS {
        let _ = write!(out, "{}# {about}\n[{section}]\n", if out.is_empty() { "" } else { "\n" });
        for key in of_section(section) {
            let unit = if key.unit.is_empty() { String::new() } else { format!(" ({})", key.unit) };
            let _ = writeln!(out, "# {}{unit}", key.doc);
            let _ = match key.default {
                Fallback::Required => writeln!(out, "# required, e.g.\n# {} = {}", key.short(), key.example),
                Fallback::Nothing => writeln!(out, "# {} = {}", key.short(), key.example),
                Fallback::Value(value) => writeln!(out, "{} = {value}", key.short()),
            };
        }
    }
    out
}

/// Every value in force, defaults included.
#[must_use]
pub fn in_force(raw: &Raw) -> String {
    let mut out = String::new();
    for (section, _) in SECTIONS {
        let _ = writeln!(out, "{}[{section}]", if out.is_empty() { "" } else { "\n" });
        for key in of_section(section) {
            let _ = match raw.value(key.name) {
                Some(value) => writeln!(out, "{} = {}", key.short(), value.as_toml()),
                None => writeln!(out, "# {} is not set", key.short()),
            };
        }
    }
    out
}

fn of_section(section: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |k| k.section() == section)
}

fn default_in_words(key: &Key) -> String {
    match key.default {
        Fallback::Required => "required".into(),
        Fallback::Nothing => "not set".into(),
        Fallback::Value(value) => format!("`{value}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_document_in_the_repository_is_up_to_date() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/CONFIG.md");
        let expected = markdown();
        if std::env::var_os("KOI_BLESS").is_some() {
            std::fs::write(&file, &expected).unwrap();
        }
        let found = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(found == expected, "docs/CONFIG.md is out of date: run the test again with KOI_BLESS=1");
    }

    #[test]
    fn the_file_of_defaults_is_valid_but_for_what_is_required() {
        let raw = super::super::raw::parse(Path::new("koi.toml"), &defaults_file()).unwrap();
        let problem = super::super::resolve::resolve(&raw).unwrap_err();
        assert!(problem.what.contains("server.hostname is missing"), "{problem}");
    }

    #[test]
    fn every_key_is_in_a_section_and_its_example_is_valid() {
        for key in KEYS {
            assert!(SECTIONS.iter().any(|(s, _)| *s == key.section()), "{}", key.name);
            let text = format!("[{}]\n{} = {}\n", key.section(), key.short(), key.example);
            super::super::raw::parse(Path::new("koi.toml"), &text).unwrap();
        }
    }
}
