//! What a line of a script does to the world: users, mailboxes, deliveries, faults, the clock.

use koi_types::{Access, AccessSet, Mode};

use super::{Action, Fill};
use crate::world::altered::Altered;
use crate::world::dmtp::Brought;
use crate::world::plenty::Many;

// tidy-long: one arm for each word
pub(super) fn action(line: &str) -> Result<Action, String> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let words = || rest.split_whitespace().map(str::to_owned);
    match verb {
        "users:" => Ok(Action::Users(words().collect())),
        "mailbox:" => mailbox(rest),
        "set" => {
            let (name, value) = rest.split_once(' ').ok_or("set NAME VALUE")?;
            Ok(Action::Set { name: name.to_owned(), value: value.to_owned() })
        }
        "mailboxid" => {
            let (place, name) = rest.rsplit_once(' ').ok_or("mailboxid USER/MAILBOX NAME")?;
            let (user, mailbox) = place.split_once('/').ok_or("mailboxid USER/MAILBOX NAME")?;
            let (user, mailbox) = (user.to_owned(), mailbox.trim_matches('"').to_owned());
            Ok(Action::MailboxId { user, mailbox, name: name.to_owned() })
        }
        "upload" => {
            let (user, text) = rest.split_once(' ').ok_or("upload USER TEXT")?;
            Ok(Action::Upload { user: user.to_owned(), text: text.to_owned() })
        }
        "deliver" => {
            let (user, text) = rest.split_once(' ').ok_or("deliver USER TEXT")?;
            Ok(Action::Deliver { user: user.to_owned(), text: text.to_owned() })
        }
        "advance" => duration(rest).map(|millis| Action::Advance { millis }),
        "yield-takes" => duration(rest).map(|millis| Action::YieldTakes { millis }),
        "fault" => Ok(Action::Fault { name: rest.to_owned() }),
        "sent-copy" => {
            let (user, value) = rest.split_once(' ').ok_or("sent-copy USER on|off")?;
            Ok(Action::SentCopy { user: user.to_owned(), on: value == "on" })
        }
        "mode" => {
            let (rest, has_key) =
                rest.strip_suffix(" without-key").map_or((rest, true), |rest| (rest, false));
            let (user, mode) = rest.split_once(' ').ok_or("mode USER MODE")?;
            let mode = Mode::parse(mode).ok_or("mode USER TRUSTFUL|CAUTIOUS|PARANOID")?;
            Ok(Action::Mode { user: user.to_owned(), mode, has_key })
        }
        "stacie" => Ok(Action::Stacie { user: rest.to_owned() }),
        "key" => {
            let (name, former) = rest.split_once(" after ").unwrap_or((rest, ""));
            let former = (!former.is_empty()).then(|| former.to_owned());
            Ok(Action::Key { name: name.to_owned(), former })
        }
        "prime" => prime(rest),
        "brought" => brought(rest),
        "fingerprints" => {
            let (of, name) = rest.split_once(' ').ok_or("fingerprints USER|DOMAIN NAME")?;
            Ok(Action::Fingerprints { of: of.to_owned(), name: name.to_owned() })
        }
        "altered" => altered(rest),
        "signet" => signet(rest),
        "passwd" => {
            let (user, password) = rest.split_once(' ').ok_or("passwd USER PASSWORD")?;
            Ok(Action::Passwd { user: user.to_owned(), password: password.to_owned() })
        }
        "many" => many(rest),
        "app-password" => app_password(rest),
        "coi" => {
            let (user, filter) = rest.split_once(' ').ok_or("coi USER none|active|seen|off")?;
            let filter = Some(filter).filter(|filter| *filter != "off").map(str::to_owned);
            Ok(Action::Coi { user: user.to_owned(), filter })
        }
        "damage-rows" => damage_rows(rest),
        "account-gone" => Ok(Action::AccountGone { user: rest.to_owned() }),
        "remove" => Ok(Action::Remove { user: rest.to_owned() }),
        "shutdown" => Ok(Action::Shutdown),
        "housekeep" => Ok(Action::Housekeep),
        "quota" => quota(rest),
        "annotations" => annotations(rest),
        "damage" => damage(rest),
        _ => Err(format!("not an action: `{verb}`")),
    }
}

/// `hello alice bob Hi there`
fn prime(rest: &str) -> Result<Action, String> {
    let words: Vec<&str> = rest.splitn(4, ' ').collect();
    let [name, from, to, text] = words.as_slice() else { return Err("prime NAME FROM TO TEXT".to_owned()) };
    let [name, from, to, text] = [name, from, to, text].map(|word| (*word).to_owned());
    Ok(Action::Prime { name, from, to, text })
}

/// `hello good alice Hi there`
fn brought(rest: &str) -> Result<Action, String> {
    let words: Vec<&str> = rest.splitn(4, ' ').collect();
    let [name, how, to, text] = words.as_slice() else { return Err("brought NAME HOW TO TEXT".to_owned()) };
    let how = Brought::parse(how).ok_or_else(|| format!("not a way to bring a message: `{how}`"))?;
    let [name, to, text] = [name, to, text].map(|word| (*word).to_owned());
    Ok(Action::Brought { name, how, to, text })
}

/// `forged signature hello`
fn altered(rest: &str) -> Result<Action, String> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let [name, how, of] = words.as_slice() else { return Err("altered NAME HOW TEXT".to_owned()) };
    let how = Altered::parse(how).ok_or_else(|| format!("not a way to alter a message: `{how}`"))?;
    Ok(Action::Altered { name: (*name).to_owned(), how, of: (*of).to_owned() })
}

/// `theirs example.net`, `carols carol@example.net carol2 after carol`
fn signet(rest: &str) -> Result<Action, String> {
    let mut words = rest.split_whitespace().map(str::to_owned);
    let (Some(name), Some(of)) = (words.next(), words.next()) else {
        return Err("signet NAME DOMAIN, or signet NAME ADDRESS KEY [after KEY]".to_owned());
    };
    let key = words.next();
    let former = words.nth(1);
    Ok(Action::Signet { name, of, key, former })
}

/// `alice realms 63`
fn many(rest: &str) -> Result<Action, String> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let [user, what, count] = words.as_slice() else { return Err("many USER WHAT NUMBER".to_owned()) };
    let what = Many::parse(what).ok_or_else(|| format!("not something there are many of: `{what}`"))?;
    let count = count.parse().map_err(|_| format!("not a number: {count}"))?;
    Ok(Action::Many { user: (*user).to_owned(), what, count })
}

/// `alice keys`
fn damage_rows(rest: &str) -> Result<Action, String> {
    let kind = match rest.split_once(' ').map(|(_, what)| what) {
        Some("keys") => koi_store::key::DMAP_KEY,
        Some("realms") => koi_store::key::DMAP_REALM,
        Some("signets") => koi_store::key::DMAP_SIGNET,
        _ => return Err("damage-rows USER keys|realms|signets".to_owned()),
    };
    let user = rest.split(' ').next().unwrap_or_default().to_owned();
    Ok(Action::DamageRows { user, kind })
}

/// `alice/INBOX 2`
fn damage(rest: &str) -> Result<Action, String> {
    let found =
        rest.rsplit_once(' ').and_then(|(name, uid)| Some((name.split_once('/')?, uid.parse().ok()?)));
    let ((user, mailbox), uid) = found.ok_or("damage USER/MAILBOX UID")?;
    Ok(Action::Damage { user: user.to_owned(), mailbox: mailbox.to_owned(), uid })
}

/// `alice phone imap submission`
fn app_password(rest: &str) -> Result<Action, String> {
    let mut words = rest.split_whitespace();
    let (Some(user), Some(name)) = (words.next(), words.next()) else {
        return Err("app-password USER NAME USES".to_owned());
    };
    let access = words.map(|word| Access::parse(word).ok_or_else(|| format!("no such use: {word}")));
    let access = access.collect::<Result<AccessSet, String>>()?;
    Ok(Action::AppPassword { user: user.to_owned(), name: name.to_owned(), access })
}

/// `alice`, `alice messages 3`, `alice octets 1000 messages 3`
fn quota(rest: &str) -> Result<Action, String> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let (user, limits) = words.split_first().ok_or("quota USER [octets N] [messages N]")?;
    let (mut octets, mut messages) = (None, None);
    for limit in limits.chunks(2) {
        let number = limit.get(1).and_then(|n| n.parse().ok()).ok_or("quota: a number is missing")?;
        match limit.first() {
            Some(&"octets") => octets = Some(number),
            Some(&"messages") => messages = Some(number),
            _ => return Err(format!("quota: octets or messages, not `{rest}`")),
        }
    }
    Ok(Action::Quota { user: (*user).to_owned(), octets, messages })
}

/// `alice/INBOX 999`, `alice/ 10`
fn annotations(rest: &str) -> Result<Action, String> {
    let wrong = || format!("annotations USER/[MAILBOX] NUMBER, not `{rest}`");
    let (user, rest) = rest.split_once('/').ok_or_else(wrong)?;
    let (mailbox, count) = rest.rsplit_once(' ').ok_or_else(wrong)?;
    let count = count.parse().map_err(|_| wrong())?;
    Ok(Action::Annotations { user: user.to_owned(), mailbox: mailbox.to_owned(), count })
}

/// `alice/INBOX`, `alice/INBOX 3 messages`, `alice/INBOX hello other`; a name with blanks is put in quotes.
fn mailbox(rest: &str) -> Result<Action, String> {
    let (user, rest) = rest.split_once('/').ok_or("mailbox: USER/MAILBOX")?;
    let (mailbox, rest) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or("quote is not closed")?,
        None => rest.split_once(' ').unwrap_or((rest, "")),
    };
    let mut words = rest.split_whitespace().peekable();
    let mut fill = Vec::new();
    while let Some(word) = words.next() {
        match word.parse() {
            Ok(count) => {
                words.next_if(|w| w.starts_with("message"));
                fill.push(Fill::Count(count));
            }
            Err(_) => fill.push(Fill::Text(word.to_owned())),
        }
    }
    Ok(Action::Mailbox { user: user.to_owned(), mailbox: mailbox.to_owned(), fill })
}

fn duration(text: &str) -> Result<i64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let scale = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("no such unit of time: `{unit}`")),
    };
    number.parse::<i64>().map(|n| n * scale).map_err(|_| format!("no number in `{text}`"))
}
