//! Which events of which mailbox a client wants to hear of (RFC 5465 §3.1 and §6).
//!
//! Nothing is worked out beforehand: a mailbox is asked for by its name, its subscription and its use when
//! something has happened to it, so that new ones and renamed ones are in it at once (RFC 5465 §6.4). What
//! others share is asked for by its name or its subscription: it is not personal, and nobody's inbox (RFC
//! 5465 §6.2, RFC 2342 §3).

use koi_mailbox::{Hierarchy, MailboxService, OTHER_USERS};
use koi_proto::imap::command::{Events, MailboxArg, NotifyGroup, NotifyMailboxes};
use koi_types::MailboxName;
use koi_types::name::SEPARATOR;

/// The groups of NOTIFY SET.
#[derive(Debug, Default)]
pub(crate) struct Interest {
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    mailboxes: Mailboxes,
    events: Events,
}

#[derive(Debug)]
enum Mailboxes {
    Inboxes,
    Personal,
    Subscribed,
    Subtree(Vec<MailboxName>),
    Named(Vec<MailboxName>),
}

/// A name that may be among those asked for.
#[derive(Clone, Copy)]
pub(crate) struct Candidate<'a> {
    pub(crate) name: &'a MailboxName,
    pub(crate) subscribed: bool,
    /// Mail may be delivered there.
    pub(crate) inbox: bool,
    /// A name of another user, whether or not it is shared.
    pub(crate) of_others: bool,
}

impl<'a> Candidate<'a> {
    /// As the name is in a hierarchy, whether or not there is such a mailbox.
    pub(crate) fn new(name: &'a MailboxName, hierarchy: &Hierarchy, service: &MailboxService) -> Self {
        let subscribed = hierarchy.node(name).is_some_and(|node| node.subscribed);
        let of_others = is_of_others(name);
        Self { name, subscribed, inbox: !of_others && service.options().may_deliver_to(name), of_others }
    }
}

pub(super) fn is_of_others(name: &MailboxName) -> bool {
    let rest = name.as_str().strip_prefix(OTHER_USERS);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(SEPARATOR))
}

impl Interest {
    pub(crate) fn new(groups: Vec<NotifyGroup>) -> Self {
        // RFC 5465 §3.1: a name no mailbox can have is ignored.
        let names =
            |names: Vec<MailboxArg>| names.iter().filter_map(|name| name.name().ok()).cloned().collect();
        let groups = groups.into_iter().map(|NotifyGroup { mailboxes, events }| Group {
            mailboxes: match mailboxes {
                NotifyMailboxes::Inboxes => Mailboxes::Inboxes,
                NotifyMailboxes::Personal => Mailboxes::Personal,
                NotifyMailboxes::Subscribed => Mailboxes::Subscribed,
                NotifyMailboxes::Subtree(all) => Mailboxes::Subtree(names(all)),
                NotifyMailboxes::Mailboxes(all) => Mailboxes::Named(names(all)),
            },
            events,
        });
        Self { groups: groups.collect() }
    }
    /// Octets of memory it takes.
    pub(crate) fn memory_octets(&self) -> usize {
        let name = |name: &MailboxName| size_of::<MailboxName>() + name.as_str().len();
        let group = |group: &Group| match &group.mailboxes {
            Mailboxes::Subtree(names) | Mailboxes::Named(names) => {
                size_of::<Group>() + names.iter().map(name).sum::<usize>()
            }
            _ => size_of::<Group>(),
        };
        self.groups.iter().map(group).sum()
    }
    /// Whether nothing is wanted of any mailbox.
    pub(crate) fn is_empty(&self) -> bool {
        self.groups.iter().all(|group| group.events.is_empty())
    }
    /// Whether it may be that something is wanted of mailboxes of others.
    pub(super) fn may_concern_others(&self) -> bool {
        let mut groups = self.groups.iter().filter(|group| !group.events.is_empty());
        groups.any(|group| match &group.mailboxes {
            Mailboxes::Inboxes | Mailboxes::Personal => false,
            Mailboxes::Subscribed => true,
            Mailboxes::Subtree(names) | Mailboxes::Named(names) => names.iter().any(is_of_others),
        })
    }
    /// What is wanted of a mailbox: what all groups it is in ask for (RFC 5465 §6). NONE takes away what
    /// groups ask for that say less precisely which mailboxes they mean; it would mean nothing otherwise.
    pub(crate) fn of(&self, candidate: Candidate<'_>) -> Events {
        let matching = || self.groups.iter().filter(|group| group.mailboxes.contain(candidate));
        let nones = matching().filter(|group| group.events.is_empty());
        let none = nones.map(|group| group.mailboxes.precision()).max().unwrap_or(0);
        let asked = matching().filter(|group| group.mailboxes.precision() >= none);
        asked.fold(Events::NONE, |all, group| all | group.events)
    }
    /// Whether changes of the server's annotations are wanted: those belong to no mailbox.
    pub(crate) fn wants_server(&self) -> bool {
        self.groups.iter().any(|group| group.events.contains(Events::SERVER_METADATA_CHANGE))
    }
}

impl Mailboxes {
    fn contain(&self, candidate: Candidate<'_>) -> bool {
        let name = candidate.name;
        match self {
            Self::Inboxes => candidate.inbox,
            Self::Personal => !candidate.of_others,
            Self::Subscribed => candidate.subscribed,
            Self::Subtree(tops) => tops.iter().any(|top| name == top || name.is_below(top)),
            Self::Named(names) => names.contains(name),
        }
    }
    const fn precision(&self) -> u8 {
        match self {
            Self::Personal => 0,
            Self::Inboxes | Self::Subscribed => 1,
            Self::Subtree(_) => 2,
            Self::Named(_) => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interest(text: &str) -> Interest {
        let line = format!("a NOTIFY SET {text}");
        let parsed = koi_proto::imap::command::parse(line.as_bytes(), false).unwrap();
        match parsed.command {
            koi_proto::imap::Command::Notify(koi_proto::imap::command::Notify::Set(set)) => {
                Interest::new(set.groups)
            }
            other => panic!("{other:?}"),
        }
    }

    fn of(interest: &Interest, name: &str, subscribed: bool) -> Events {
        let name = MailboxName::new(name).unwrap();
        let of_others = is_of_others(&name);
        interest.of(Candidate { name: &name, subscribed, inbox: name.is_inbox(), of_others })
    }

    // spec: RFC 5465 §6; RFC 5465 §6.2; RFC 5465 §6.3; RFC 5465 §6.4; RFC 5465 §6.5; RFC 5465 §6.6
    #[test]
    fn groups_add_up() {
        let all = interest(
            "(mailboxes INBOX (MessageNew MessageExpunge)) (personal (SubscriptionChange)) \
             (subtree (Lists \"%\") (MailboxName)) (subscribed (MailboxMetadataChange))",
        );
        assert_eq!(of(&all, "inbox", false), Events::MESSAGES | Events::SUBSCRIPTION_CHANGE);
        assert_eq!(of(&all, "Lists/a/b", false), Events::MAILBOX_NAME | Events::SUBSCRIPTION_CHANGE);
        assert_eq!(of(&all, "Lists", false), Events::MAILBOX_NAME | Events::SUBSCRIPTION_CHANGE);
        assert_eq!(of(&all, "Listser", false), Events::SUBSCRIPTION_CHANGE);
        let both = Events::MAILBOX_METADATA_CHANGE | Events::SUBSCRIPTION_CHANGE;
        assert_eq!(of(&all, "x", true), both);
        let inboxes = interest("(inboxes (MailboxName))");
        assert_eq!(of(&inboxes, "INBOX", false), Events::MAILBOX_NAME);
        assert_eq!(of(&inboxes, "x", false), Events::NONE);
        assert!(interest("(personal NONE)").is_empty() && !all.is_empty());
    }

    // spec: RFC 5465 §6.2; RFC 5465 §6.4
    #[test]
    fn what_others_share_is_asked_for_by_name() {
        let subscribed = interest("(subscribed (MailboxName))");
        assert!(subscribed.may_concern_others());
        assert_eq!(of(&subscribed, "Other Users/bob@x/a", true), Events::MAILBOX_NAME);
        let personal = interest("(personal (MailboxName)) (inboxes (MailboxName))");
        assert_eq!(of(&personal, "Other Users/bob@x/a", true), Events::NONE);
        assert_eq!(of(&personal, "Other Users of it", false), Events::MAILBOX_NAME);
        assert!(!personal.may_concern_others());
        let subtree = interest("(subtree \"Other Users/bob@x\" (MailboxName))");
        assert_eq!(of(&subtree, "Other Users/bob@x/a", false), Events::MAILBOX_NAME);
        assert_eq!(of(&subtree, "Other Users/ann@x/a", false), Events::NONE);
        assert!(subtree.may_concern_others());
        assert!(!interest("(subtree \"Other Users\" NONE)").may_concern_others());
    }

    // spec: RFC 5465 §8
    #[test]
    fn none_takes_from_what_is_less_precise() {
        let but_junk = interest("(personal (MailboxName)) (mailboxes Junk NONE)");
        assert_eq!(of(&but_junk, "Junk", false), Events::NONE);
        assert_eq!(of(&but_junk, "Sent", false), Events::MAILBOX_NAME);
        let only_sent = interest("(personal NONE) (mailboxes Sent (MailboxName))");
        assert_eq!(of(&only_sent, "Sent", false), Events::MAILBOX_NAME);
        assert_eq!(of(&only_sent, "Junk", false), Events::NONE);
    }
}
