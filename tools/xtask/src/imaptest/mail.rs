//! The messages that ImapTest's clients append: each with a Message-ID of its own, by which ImapTest knows
//! what a message is and compares all that it is told of it, in conversations, in several forms and sizes.

use std::fmt::Write;

const MESSAGES: usize = 240;
/// Messages of one conversation.
const CONVERSATION: usize = 6;
const WORDS: [&str; 12] = [
    "carp", "pond", "lantern", "stone", "willow", "bridge", "water", "autumn", "garden", "bamboo", "moss",
    "heron",
];

/// All of them as an mbox file.
pub(super) fn mbox() -> String {
    let mut mbox = String::new();
    for number in 0..MESSAGES {
        mbox.push_str("From koi@example.org  Fri Feb 22 17:06:23 2008\n");
        head(number, &mut mbox);
        body(number, &mut mbox);
        mbox.push('\n');
    }
    mbox
}

fn head(number: usize, mbox: &mut String) {
    let conversation = number / CONVERSATION;
    let first = conversation * CONVERSATION;
    let topic = word(conversation * 5);
    let re = if number > first { "re: " } else { "" };
    let _ = writeln!(mbox, "Message-ID: <{number}@imaptest.example.org>");
    let _ = writeln!(mbox, "From: {} <{}@example.org>", word(number), word(number * 7 + 1));
    let _ = writeln!(mbox, "To: {}@example.net, list@example.net", word(number * 3));
    // In small letters of ASCII: ImapTest compares subjects octet by octet with what it searches for, and
    // cuts what it searches for out of them, in the middle of a character too.
    let _ = writeln!(mbox, "Subject: {re}=?utf-8?q?k=6Fi?= {topic} {conversation}");
    let _ = writeln!(
        mbox,
        "Date: {} Mar 2024 {:02}:30:{:02} +0100",
        1 + conversation % 28,
        1 + number % 22,
        number % 60
    );
    if number > first {
        let parent = first + (number - first - 1) / 2;
        let _ = writeln!(mbox, "In-Reply-To: <{parent}@imaptest.example.org>");
        let _ =
            writeln!(mbox, "References: <{first}@imaptest.example.org>\n <{parent}@imaptest.example.org>");
    }
    mbox.push_str("MIME-Version: 1.0\n");
}

fn body(number: usize, mbox: &mut String) {
    match number % 4 {
        0 => mbox.push_str("\nshort\n"),
        1 => {
            mbox.push_str(
                "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nKöi\n",
            );
            text(number, 20, mbox);
        }
        2 => {
            mbox.push_str("Content-Type: multipart/mixed; boundary=\"the border\"\n\n--the border\n\n");
            text(number, 5, mbox);
            mbox.push_str("--the border\nContent-Type: image/png; name=a.png\n");
            mbox.push_str("Content-Transfer-Encoding: base64\nContent-Disposition: attachment\n\n");
            mbox.push_str(
                &"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk\n".repeat(1 + number % 50),
            );
            mbox.push_str("--the border--\n");
        }
        _ => {
            mbox.push_str("Content-Type: message/rfc822\n\nSubject: inside\nFrom: a@example.org\n\n");
            text(number, 1 + number * 3 % 400, mbox);
        }
    }
}

fn text(number: usize, lines: usize, mbox: &mut String) {
    for line in 0..lines {
        let words: Vec<&str> = (0..8).map(|at| word(number + line * 5 + at * at)).collect();
        mbox.push_str(&words.join(" "));
        mbox.push('\n');
    }
}

fn word(number: usize) -> &'static str {
    WORDS.get(number % WORDS.len()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_message_has_its_own_id() {
        let mbox = mbox();
        let ids: BTreeSet<&str> = mbox.lines().filter(|line| line.starts_with("Message-ID: ")).collect();
        let begins = mbox.lines().filter(|line| line.starts_with("From ")).count();
        assert_eq!((ids.len(), begins), (MESSAGES, MESSAGES));
    }
}
