//! A client that believes what it is told of a mailbox, and says where it must not have been told so.

use std::collections::BTreeSet;

use koi_testkit::world::World;

use crate::contexts::{List, all};

/// What a client may ask to hear of its mailbox; the first is everything at once.
pub(super) const NOTIFY: [&str; 7] = [
    "NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))",
    "NOTIFY SET (selected-delayed (MessageNew (uid flags) MessageExpunge FlagChange))",
    "NOTIFY SET (selected (MessageNew (flags body.peek[]) MessageExpunge)) (personal (MailboxName))",
    "NOTIFY SET STATUS (selected-delayed (MessageNew MessageExpunge)) \
     (mailboxes other (MessageNew MessageExpunge))",
    "NOTIFY SET (selected NONE) (personal (MessageNew MessageExpunge FlagChange))",
    "NOTIFY SET (inboxes (MessageNew MessageExpunge FlagChange SubscriptionChange))",
    "NOTIFY NONE",
];

/// The tag of the search whose changes are told.
const FOLLOWED: &str = "followed";

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Expunges {
    Allowed,
    Forbidden,
}

/// What a client knows of one message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Message {
    uid: Option<u32>,
    flags: Option<BTreeSet<String>>,
}

pub(super) struct Client {
    pub(super) peer: u32,
    pub(super) user: &'static str,
    /// As this user calls it, quoted where that is needed.
    pub(super) mailbox: &'static str,
    /// Capabilities it enables, if any.
    pub(super) enable: &'static str,
    /// By message sequence number; with UIDONLY those it has been told of, by UID.
    pub(super) messages: Vec<Message>,
    /// With UIDONLY: how many there are, known or not.
    exists: usize,
    /// Flags and keywords that FLAGS has named.
    known_flags: BTreeSet<String>,
    /// UIDs that were recent in its session.
    pub(super) recent: BTreeSet<u32>,
    pub(super) idling: bool,
    /// Which NOTIFY it gave.
    pub(super) notify: Option<usize>,
    /// The search it follows, and what it found.
    followed: Option<(&'static str, List)>,
}

impl Client {
    pub(super) fn new(peer: u32, user: &'static str, mailbox: &'static str, world: &mut World) -> Self {
        world.open_imap(peer, true);
        world.send(peer, format!("l LOGIN {user} secret\r\n").as_bytes());
        world.peer(peer).unwrap().said.clear();
        Self {
            peer,
            user,
            mailbox,
            enable: "",
            messages: Vec::new(),
            exists: 0,
            known_flags: BTreeSet::new(),
            recent: BTreeSet::new(),
            idling: false,
            notify: None,
            followed: None,
        }
    }
    pub(super) fn begin(&mut self, world: &mut World) -> Result<(), String> {
        match self.enable {
            "" => Ok(()),
            names => self.command(world, &format!("ENABLE {names}"), Expunges::Allowed),
        }
    }
    pub(super) fn select(&mut self, world: &mut World) -> Result<(), String> {
        self.messages.clear();
        self.exists = 0;
        self.known_flags.clear();
        self.followed = None;
        self.command(world, &format!("SELECT {}", self.mailbox), Expunges::Allowed)?;
        self.learn(world)
    }
    /// No message sequence numbers (RFC 9586 §3).
    fn uid_only(&self) -> bool {
        self.enable.contains("UIDONLY")
    }
    pub(super) fn send(&self, world: &mut World, line: &str) {
        world.send(self.peer, line.as_bytes());
    }
    pub(super) fn command(
        &mut self,
        world: &mut World,
        command: &str,
        expunges: Expunges,
    ) -> Result<(), String> {
        self.tagged(world, "t", command, expunges).map(|_| ())
    }
    fn tagged(
        &mut self,
        world: &mut World,
        tag: &str,
        command: &str,
        expunges: Expunges,
    ) -> Result<String, String> {
        self.send(world, &format!("{tag} {command}\r\n"));
        let said = self.read(world, expunges);
        let said = said.map_err(|e| format!("client {} ({}): {command}: {e}", self.peer, self.enable))?;
        // With NOTIFY more may come at once.
        let end = said.lines().find_map(|line| line.strip_prefix(tag)).unwrap_or_default();
        match end.starts_with(" OK") || end.starts_with(" NO [EXPUNGEISSUED]") {
            true => Ok(said),
            false => Err(format!("client {} ({}): {command}: {said}", self.peer, self.enable)),
        }
    }
    /// A command on the messages from one to another place, by whichever numbers the client may use.
    pub(super) fn on(
        &mut self,
        world: &mut World,
        command: &str,
        (a, b): (usize, usize),
        rest: &str,
    ) -> Result<(), String> {
        let takes_away = matches!(command, "MOVE" | "REPLACE");
        let expunges = if takes_away || self.uid_only() { Expunges::Allowed } else { Expunges::Forbidden };
        let number = |at: usize| match self.uid_only() {
            true => self.messages[at - 1].uid.unwrap(),
            false => at as u32,
        };
        let set = if a == b { number(a).to_string() } else { format!("{}:{}", number(a), number(b)) };
        let uid = if self.uid_only() { "UID " } else { "" };
        self.command(world, &format!("{uid}{command} {set} {rest}"), expunges)
    }
    /// STORE on what was saved (RFC 5182 §2.1).
    pub(super) fn on_found(&mut self, world: &mut World, rest: &str) -> Result<(), String> {
        match self.uid_only() {
            true => self.command(world, &format!("UID STORE $ {rest}"), Expunges::Allowed),
            false => self.command(world, &format!("STORE $ {rest}"), Expunges::Forbidden),
        }
    }
    pub(super) fn save(&mut self, world: &mut World) -> Result<(), String> {
        match self.uid_only() {
            true => self.command(world, "UID SEARCH RETURN (SAVE) SEEN", Expunges::Allowed),
            false => self.command(world, "UID SEARCH RETURN (SAVE) 1:* SEEN", Expunges::Forbidden),
        }
    }
    pub(super) fn find(&mut self, world: &mut World, what: &str) -> Result<(), String> {
        match self.uid_only() {
            true => self.command(world, &format!("UID SEARCH {what}"), Expunges::Allowed),
            false => self.command(world, &format!("SEARCH {what}"), Expunges::Forbidden),
        }
    }
    /// From now on it is told what changes in the result (RFC 5267 §4.3), of one search at a time.
    pub(super) fn follow(&mut self, world: &mut World, what: &'static str) -> Result<(), String> {
        if self.followed.is_none() {
            let search = format!("UID SEARCH RETURN (UPDATE ALL) {what}");
            // Changes may come with the answer, behind it.
            self.send(world, &format!("{FOLLOWED} {search}\r\n"));
            let said = String::from_utf8_lossy(&world.peer(self.peer).unwrap().said).into_owned();
            let numbers = all(&said).ok_or_else(|| format!("client {}: {search}: {said}", self.peer))?;
            self.followed = Some((what, List::by_uid(FOLLOWED, numbers)));
            self.read(world, Expunges::Allowed)?;
        }
        Ok(())
    }
    /// What it followed is what a fresh search finds.
    pub(super) fn compare_search(&mut self, world: &mut World) -> Result<(), String> {
        let Some((what, _)) = self.followed else { return Ok(()) };
        let search = format!("UID SEARCH RETURN (ALL) {what}");
        let said = self.tagged(world, "fresh", &search, Expunges::Allowed)?;
        let answer = said.lines().find(|line| line.starts_with("* ESEARCH (TAG \"fresh\")"));
        let expected = answer.and_then(all).ok_or(said)?;
        let told = self.followed.take().map(|(_, list)| list.numbers);
        match told.as_ref() == Some(&expected) {
            true => Ok(()),
            false => {
                let Self { peer, enable, .. } = self;
                Err(format!("client {peer} ({enable}): {what}: told {told:?}, found {expected:?}"))
            }
        }
    }
    pub(super) fn notify(&mut self, world: &mut World, which: usize) -> Result<(), String> {
        self.notify = Some(which);
        self.command(world, NOTIFY[which], Expunges::Allowed)
    }
    /// RFC 5465 §6.1: between commands it comes only where it was asked for at once.
    pub(super) fn expunges_between_commands(&self) -> Expunges {
        let at_once = self.notify.is_some_and(|which| NOTIFY[which].contains("(selected (Message"));
        if self.idling || at_once { Expunges::Allowed } else { Expunges::Forbidden }
    }
    pub(super) fn stop_idling(&mut self, world: &mut World) -> Result<(), String> {
        if self.idling {
            self.read(world, Expunges::Allowed)?;
            self.idling = false;
            self.send(world, "DONE\r\n");
            self.read(world, Expunges::Allowed)?;
            self.learn(world)?;
        }
        Ok(())
    }
    /// Asks for what it does not know of new messages.
    pub(super) fn learn(&mut self, world: &mut World) -> Result<(), String> {
        if self.uid_only() {
            return self.learn_uids(world);
        }
        while let Some(at) = self.messages.iter().position(|m| m.uid.is_none() || m.flags.is_none()) {
            let number = at + 1;
            self.command(world, &format!("FETCH {number}:* (UID FLAGS)"), Expunges::Forbidden)?;
        }
        Ok(())
    }
    /// The same with UIDONLY.
    fn learn_uids(&mut self, world: &mut World) -> Result<(), String> {
        // That there are more may be told behind the first answer.
        for _ in 0..3 {
            if self.messages.len() == self.exists && self.messages.iter().all(|m| m.flags.is_some()) {
                return Ok(());
            }
            self.command(world, "UID FETCH 1:* (FLAGS)", Expunges::Allowed)?;
        }
        Err(format!("client {}: {} exist, but {:?}", self.peer, self.exists, self.messages))
    }
    /// A client that is not told knows by itself what it did.
    pub(super) fn store_silently(
        &mut self,
        world: &mut World,
        (a, b): (usize, usize),
        sign: &str,
        flag: &str,
    ) -> Result<(), String> {
        let there = self.messages[a.min(b) - 1..a.max(b)].to_vec();
        self.on(world, "STORE", (a, b), &format!("{sign}FLAGS.SILENT ({flag})"))?;
        for (at, before) in there.iter().enumerate() {
            // With UIDONLY some may have gone.
            let uid_only = self.uid_only();
            let mut messages = self.messages.iter_mut();
            let found = match uid_only {
                true => messages.find(|message| message.uid == before.uid),
                false => messages.nth(a.min(b) - 1 + at),
            };
            let Some(message) = found else { continue };
            let flags = message.flags.get_or_insert_default();
            match sign {
                "+" => drop(flags.insert(flag.to_owned())),
                "-" => drop(flags.remove(flag)),
                _ => *flags = BTreeSet::from([flag.to_owned()]),
            }
        }
        Ok(())
    }
    pub(super) fn read(&mut self, world: &mut World, expunges: Expunges) -> Result<String, String> {
        let said = std::mem::take(&mut world.peer(self.peer).unwrap().said);
        let said = String::from_utf8_lossy(&said).into_owned();
        for line in said.lines() {
            self.line(line, expunges).map_err(|e| format!("`{line}`: {e}\nin\n{said}"))?;
        }
        Ok(said)
    }
    fn line(&mut self, line: &str, expunges: Expunges) -> Result<(), String> {
        let Some(rest) = line.strip_prefix("* ") else { return Ok(()) };
        if let Some(set) = rest.strip_prefix("VANISHED ") {
            return self.vanished(set, expunges);
        }
        if let Some(flags) = rest.strip_prefix("FLAGS (") {
            self.known_flags = words(flags);
            return Ok(());
        }
        if let Some(change) = rest.strip_prefix("ESEARCH (TAG \"followed\")")
            && let Some((_, list)) = &mut self.followed
            && (change.contains(" ADDTO ") || change.contains(" REMOVEFROM "))
        {
            return list.change(change);
        }
        let (number, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let Ok(number) = number.parse::<usize>() else { return Ok(()) };
        let word = rest.split_once(' ').map_or(rest, |(word, _)| word);
        match word {
            "RECENT" if self.enable.contains("rev2") => return Err("RECENT under IMAP4rev2".to_owned()),
            "EXISTS" if self.uid_only() && number < self.exists => {
                return Err("EXISTS never shrinks".to_owned());
            }
            "EXISTS" if self.uid_only() => self.exists = number,
            "FETCH" | "EXPUNGE" if self.uid_only() => return Err(format!("{word} under UIDONLY")),
            "UIDFETCH" if self.uid_only() => self.uid_fetched(number as u32, rest)?,
            "EXISTS" if number < self.messages.len() => return Err("EXISTS never shrinks".to_owned()),
            "EXISTS" => self.messages.resize(number, Message::default()),
            "EXPUNGE" if self.enable.contains("QRESYNC") => return Err("EXPUNGE under QRESYNC".to_owned()),
            "EXPUNGE" if expunges == Expunges::Forbidden => {
                return Err("EXPUNGE must not come here".to_owned());
            }
            "EXPUNGE" if number == 0 || number > self.messages.len() => {
                return Err("no such message".to_owned());
            }
            "EXPUNGE" => drop(self.messages.remove(number - 1)),
            "FETCH" => {
                let message = self.messages.get_mut(number.wrapping_sub(1)).ok_or("no such message")?;
                if fetched(message, rest, &self.known_flags)? {
                    self.recent.extend(message.uid);
                }
            }
            "UIDFETCH" => return Err("UIDFETCH without UIDONLY".to_owned()),
            _ => {}
        }
        Ok(())
    }
    /// RFC 9586 §3.3: the message has its place by its UID.
    fn uid_fetched(&mut self, uid: u32, rest: &str) -> Result<(), String> {
        let at = self.messages.partition_point(|message| message.uid < Some(uid));
        if self.messages.get(at).is_none_or(|message| message.uid != Some(uid)) {
            if self.messages.len() == self.exists {
                return Err("one more than there are".to_owned());
            }
            self.messages.insert(at, Message { uid: Some(uid), flags: None });
        }
        if fetched(&mut self.messages[at], rest, &self.known_flags)? {
            self.recent.insert(uid);
        }
        Ok(())
    }
    /// RFC 7162 §3.2.10.2: every UID is one message less, also when the client has not asked for its UID yet.
    fn vanished(&mut self, set: &str, expunges: Expunges) -> Result<(), String> {
        let asked_for = self.enable.contains("QRESYNC") || self.uid_only();
        if !asked_for || expunges == Expunges::Forbidden {
            return Err("VANISHED must not come here".to_owned());
        }
        for uid in crate::qresync::uids(set) {
            let known = self.messages.iter().position(|m| m.uid == Some(uid));
            if self.uid_only() {
                self.exists = self.exists.checked_sub(1).ok_or("more than there were")?;
                known.map(|at| self.messages.remove(at));
                continue;
            }
            let after =
                self.messages.iter().rposition(|m| m.uid.is_some_and(|u| u < uid)).map_or(0, |at| at + 1);
            let unknown = self.messages.get(after).filter(|m| m.uid.is_none()).map(|_| after);
            let at = known.or(unknown).ok_or_else(|| format!("no UID {uid} here"))?;
            self.messages.remove(at);
        }
        Ok(())
    }
}

fn words(list: &str) -> BTreeSet<String> {
    let list = list.split_once(')').map_or(list, |(list, _)| list);
    list.split_whitespace().map(str::to_owned).collect()
}

/// Answers whether it is recent.
fn fetched(message: &mut Message, rest: &str, known_flags: &BTreeSet<String>) -> Result<bool, String> {
    if let Some((_, after)) = rest.split_once("(UID ").or_else(|| rest.split_once(" UID ")) {
        let uid = after.split([' ', ')']).next().and_then(|uid| uid.parse().ok());
        if message.uid.is_some() && message.uid != uid {
            return Err(format!("its UID was {:?}", message.uid));
        }
        message.uid = uid;
    }
    if let Some((_, after)) = rest.split_once("FLAGS (") {
        let mut flags = words(after);
        let recent = flags.remove("\\Recent");
        if let Some(unknown) = flags.iter().find(|flag| !known_flags.contains(*flag)) {
            return Err(format!("FLAGS has not named {unknown}"));
        }
        message.flags = Some(flags);
        return Ok(recent);
    }
    Ok(false)
}
