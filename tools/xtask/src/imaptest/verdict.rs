//! What ImapTest said, judged; and what it left out without saying which.

use std::path::Path;

use super::server::Server;
use crate::failure::Failure;

/// The scripted groups and what they need.
pub(super) struct Groups(Vec<Group>);

struct Group {
    name: String,
    /// In lower case.
    capabilities: Vec<String>,
}

/// A group that was not run, and for want of what.
pub(super) struct Skipped {
    name: String,
    missing: Vec<String>,
}

impl Groups {
    /// A script's header ends at its first empty line; `capabilities:` is one of its fields.
    pub(super) fn read(folder: &Path) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", folder.display()));
        let mut groups = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !path.is_file() || name.contains('.') {
                continue;
            }
            let text = std::fs::read(&path).map_err(failed)?;
            let text = String::from_utf8_lossy(&text).into_owned();
            let header = text.lines().take_while(|line| !line.is_empty());
            let needs = header.filter_map(|line| line.split_once(':'));
            let needs = needs.filter(|field| field.0.eq_ignore_ascii_case("capabilities"));
            let capabilities = needs.flat_map(|field| field.1.split_whitespace());
            let capabilities = capabilities.map(str::to_ascii_lowercase).collect();
            groups.push(Group { name, capabilities });
        }
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self(groups))
    }

    /// Those that the server's capabilities are not enough for.
    pub(super) fn skipped(&self, server: &Server) -> Result<Vec<Skipped>, Failure> {
        let offered = server.capabilities()?;
        let missing = |group: &Group| -> Vec<String> {
            group.capabilities.iter().filter(|needed| !offered.contains(needed)).cloned().collect()
        };
        let skipped =
            self.0.iter().map(|group| Skipped { name: group.name.clone(), missing: missing(group) });
        Ok(skipped.filter(|skipped| !skipped.missing.is_empty()).collect())
    }
}

/// Every group is run: there is nothing for which Koi leaves one out.
/// `72 test groups: 2 failed, 30 skipped due to missing capabilities`
pub(super) fn scripts(said: &str, skipped: &[Skipped]) -> Result<(), Failure> {
    let not_run =
        |Skipped { name, missing }: &Skipped| format!("{name} was not run: {} is missing", missing.join(" "));
    let mut wrong: Vec<String> = skipped.iter().map(not_run).collect();
    match said.lines().find(|line| line.contains(" test groups: ")) {
        Some(line) if line.contains(" test groups: 0 failed") => {}
        Some(line) => wrong.push(line.to_owned()),
        None => wrong.push("it did not come to its end".to_owned()),
    }
    verdict(&wrong)
}

/// Whether it stopped where a client who has just selected the mailbox marks all of it as deleted: ImapTest
/// looks into what that client was told of each message, and it was told of none yet, nor need be.
pub(super) fn stopped_itself(said: &str) -> bool {
    let mut panics = said.lines().filter(|line| line.starts_with("Panic:"));
    panics.next().is_some_and(|line| line.contains("array_idx_modifiable_i")) && panics.next().is_none()
}

/// Anything it calls an error is one: it knows what each of its clients must see. A line about a client that
/// waits for more than 15 s is one too. With `uses_everything`, so is a command that was never answered OK.
pub(super) fn stress(said: &str, uses_everything: bool) -> Result<(), Failure> {
    let words = ["Error", "Fatal", "Panic", "Warning", "stalled for"];
    // What is gone has no flags that could be told, and the answer says that it is (RFC 5530 §3).
    let is_gone = |line: &str| line.contains("STORE didn't") && line.contains("OK [EXPUNGEISSUED]");
    let is_wrong = |line: &&str| words.iter().any(|word| line.contains(word)) && !is_gone(line);
    let mut wrong: Vec<String> = said.lines().filter(is_wrong).take(50).map(str::to_owned).collect();
    let totals: Vec<&str> = said.lines().skip_while(|line| *line != "Totals:").collect();
    totals.iter().for_each(|line| println!("{line}"));
    match (totals.get(1), totals.last()) {
        (Some(names), Some(counts)) => {
            let pairs = names.split_whitespace().zip(counts.split_whitespace());
            let unused = pairs.filter(|(_, count)| *count == "0" && uses_everything);
            wrong.extend(unused.map(|(name, _)| format!("{name} was never done")));
        }
        _ => wrong.push("it did not come to its end".to_owned()),
    }
    verdict(&wrong)
}

fn verdict(wrong: &[String]) -> Result<(), Failure> {
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(wrong.join("\n  "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_failed_or_was_not_run_is_a_failure() {
        let skipped = |missing: &str| Skipped { name: "sort".into(), missing: vec![missing.into()] };
        let good = "72 test groups: 0 failed, 30 skipped due to missing capabilities\n";
        assert!(scripts(good, &[]).is_ok());
        assert!(scripts(good, &[skipped("sort")]).is_err());
        assert!(scripts("72 test groups: 10 failed, 0 skipped\n", &[]).is_err());
        assert!(scripts("", &[]).is_err());
        let totals = "Totals:\nLogi Stor \n100%  80% \n  17    0 \n";
        assert!(stress(totals, false).is_ok());
        assert!(stress(totals, true).is_err());
        assert!(stress(&totals.replace(" 0 ", " 3 "), true).is_ok());
        assert!(stress(&format!("  2   0  20/ 20 (1 stalled >3s)\n{totals}"), false).is_ok());
        assert!(stress(&format!(" - 7 stalled for 16 secs in command: 7.4\n{totals}"), false).is_err());
        assert!(stress(&format!("Error: test1[3]: UID 5 was lost\n{totals}"), false).is_err());
        let gone = "Error: test1[3]: STORE didn't return FETCH FLAGS for seq 5 (expunged=?): 3.7 ";
        assert!(stress(&format!("{gone}OK [EXPUNGEISSUED] done\n{totals}"), false).is_ok());
        assert!(stress(&format!("{gone}OK done\n{totals}"), false).is_err());
        assert!(stress("", false).is_err());
        let stopped = "Panic: file array.c: line 10 (array_idx_modifiable_i): assertion failed: (idx < …)\n";
        assert!(stopped_itself(stopped) && stress(stopped, false).is_err());
        assert!(
            !stopped_itself("Panic: file client.c: line 7: assertion failed\n") && !stopped_itself(totals)
        );
    }
}
