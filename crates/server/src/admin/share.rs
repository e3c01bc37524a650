//! `koi account share`: who may do what with mailboxes of an account (RFC 4314), as an administrator says it.

use koi_mailbox::{Account, AclChange, MailboxRow};
use koi_types::{MailboxName, Rights};

use super::ShareLine;
use crate::problem::Problem;

/// Words for rights that go together. They are also letters in some order, and win.
const WORDS: [(&str, &str); 3] = [("read", "lrs"), ("write", "lrswite"), ("full", "lrswipkxtea")];

pub(super) fn set(account: &Account, mailbox: &str, user: &str, rights: &str) -> Result<(), Problem> {
    let rights = parse(rights)?;
    let row = find(account, mailbox)?;
    Ok(account.set_acl(row.id, user, AclChange::Replace(rights)).wait()?)
}

pub(super) fn remove(account: &Account, mailbox: &str, user: &str) -> Result<(), Problem> {
    let row = find(account, mailbox)?;
    Ok(account.set_acl(row.id, user, AclChange::Replace(Rights::NONE)).wait()?)
}

pub(super) fn list(account: &Account, mailbox: Option<&str>) -> Result<Vec<ShareLine>, Problem> {
    let rows = match mailbox {
        Some(name) => vec![find(account, name)?],
        None => account.snapshot()?.mailboxes()?,
    };
    let mut lines = Vec::new();
    for row in rows {
        // The owner comes first, and has every right.
        let shared = account.acl(row.id)?.into_iter().skip(1);
        lines.extend(shared.map(|entry| ShareLine {
            mailbox: row.name.as_str().to_owned(),
            user: entry.identifier.into(),
            rights: entry.rights.to_string(),
        }));
    }
    Ok(lines)
}

fn find(account: &Account, mailbox: &str) -> Result<MailboxRow, Problem> {
    let missing = || {
        let remedy = "`koi account share list` and any mail client show the names there are";
        Problem::usage(format!("there is no mailbox `{mailbox}`"), remedy)
    };
    let name = MailboxName::new(mailbox).map_err(|_| missing())?;
    account.snapshot()?.mailbox_named(&name)?.ok_or_else(missing)
}

fn parse(text: &str) -> Result<Rights, Problem> {
    let letters = WORDS.iter().find(|(word, _)| *word == text).map_or(text, |(_, letters)| letters);
    let wrong = |what: String| {
        let words: Vec<String> = WORDS.iter().map(|(word, letters)| format!("{word} ({letters})")).collect();
        Problem::usage(what, format!("write letters of RFC 4314, or one of: {}", words.join(", ")))
    };
    match Rights::parse(letters) {
        Ok(rights) if rights.is_empty() => Err(wrong("no rights are given".into())),
        Ok(rights) => Ok(rights),
        Err(letter) => Err(wrong(format!("`{letter}` in `{text}` is not a right"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: RFC 4314 §2.1
    #[test]
    fn words_and_letters() {
        for (text, letters) in [
            ("read", "lrs"),
            ("write", "lrswite"),
            ("full", "lrswipkxtea"),
            ("lr", "lr"),
            ("lrswipcda", "lrswipkxtea"),
        ] {
            assert_eq!(parse(text).unwrap(), Rights::parse(letters).unwrap(), "{text}");
        }
        assert_eq!(
            parse("dear").unwrap(),
            Rights::parse("read").unwrap(),
            "a word wins only as it is written"
        );
        for bad in ["", "reading", "lrq", "Read"] {
            let problem = parse(bad).unwrap_err();
            assert!(problem.remedy.contains("write (lrswite)"), "{bad}: {problem}");
        }
    }
}
