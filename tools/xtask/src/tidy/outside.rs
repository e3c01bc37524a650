//! The checkout stands alone: no file points at a folder that only one machine has.

use super::finding::{Finding, Rule};
use crate::failure::Failure;
use crate::repo::Repo;

const OUTSIDE: Rule = Rule {
    name: "outside-path",
    why: "whoever clones the project has nothing but the project",
    fix: "say the thing itself instead of where it lay on one machine",
};

const NOTE: Rule = Rule {
    name: "unfinished-script",
    why: "what is merged is whole; a note to oneself is read by nobody",
    fix: "finish it, or open an issue and say in docs/STATUS.md what is missing",
};

/// Split so that this file does not find itself.
const PATHS: &[&str] = &[concat!("../", "shared"), concat!("/work", "/"), concat!("/ro", "ot/")];
const NOTES: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];
const NOTED: &[&str] = &[".py", ".sh", ".script", ".toml", ".yml", ".yaml", ".conf"];

pub(crate) fn check(repo: &Repo, findings: &mut Vec<Finding>) -> Result<(), Failure> {
    for path in repo.files()? {
        // Messages of tests/mail are data: octets as they came, not our words.
        if path.ends_with(".eml") || path == "Cargo.lock" {
            continue;
        }
        let Ok(text) = std::fs::read(repo.root.join(&path)) else { continue };
        let Ok(text) = String::from_utf8(text) else { continue };
        let is_script = NOTED.iter().any(|end| path.ends_with(end));
        for (index, line) in text.lines().enumerate() {
            for word in PATHS.iter().filter(|word| points_outside(line, word)) {
                findings.push(Finding::new(&OUTSIDE, &path, index + 1, format!("contains `{word}`")));
            }
            if is_script && NOTES.iter().any(|note| line.contains(note)) {
                findings.push(Finding::new(&NOTE, &path, index + 1, line.trim()));
            }
        }
    }
    Ok(())
}

/// The word stands at the beginning of a path, not in the middle of one.
fn points_outside(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_paths_count() {
        let word = concat!("/work", "/");
        assert!(points_outside(&format!("see {word}x"), word));
        assert!(points_outside(&format!("\"{word}x\""), word));
        assert!(!points_outside(&format!("docs{word}x"), word));
        assert!(!points_outside("frame/workflow", word));
    }
}
