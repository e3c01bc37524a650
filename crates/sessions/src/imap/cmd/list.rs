//! LIST, plain and extended (RFC 9051 §6.3.9, RFC 3501 §6.3.8, RFC 3348 §3, RFC 5258 §3, RFC 5819 §2,
//! RFC 6154 §2, RFC 9590 §3), and the LIST responses of other commands (RFC 9051 §6.3.9.7).

use koi_mailbox::{Hierarchy, MailboxRow, NameNode, Snapshot};
use koi_proto::imap::command::{List, ListPattern, ListReturn, ListSelect, StatusItem};
use koi_proto::imap::response::{Attribute, ListEntry, NameEncoding, list, my_rights};
use koi_types::{ErrorKind, MailboxName, Result, Rights};

mod metadata;

use super::status::StatusWriter;
use crate::imap::core::Core;
use crate::imap::job::{Context, Job, Outcome, at_once};
use crate::imap::reply::Reply;
use crate::names::{Pattern, Walk};
use metadata::Metadata;

pub(crate) fn start(command: List) -> Box<dyn Job> {
    if is_separator_question(&command) {
        return at_once(|cx| {
            separator(cx);
            Ok(Reply::ok("LIST completed"))
        });
    }
    Box::new(Listing::new(command))
}

/// In another command's answer: one name as it is now, told by its old name too (RFC 9051 §6.3.9.7). Clients
/// without rev2 know nothing of it.
pub(super) fn tell(core: &Core, name: &MailboxName, old_name: Option<&str>, out: &mut Vec<u8>) -> Result<()> {
    if !core.rev2 {
        return Ok(());
    }
    let hierarchy = core.snapshot()?.all_names()?;
    line(&hierarchy, &Line { name, old_name, no_access: false }, core.names(), out);
    Ok(())
}

/// RFC 9051 §6.3.9: the reference is simply what the pattern is relative to.
pub(super) fn pattern(reference: &ListPattern, pattern: &ListPattern) -> Pattern {
    let (ListPattern::Text(reference), ListPattern::Text(pattern)) = (reference, pattern) else {
        return Pattern::NOTHING;
    };
    Pattern::new(&format!("{reference}{pattern}"))
}

/// A name that is told by itself.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) name: &'a MailboxName,
    pub(crate) old_name: Option<&'a str>,
    /// RFC 5465 §3.1: there may be a mailbox, but not for this user.
    pub(crate) no_access: bool,
}

/// One name as it is now, with all its attributes.
pub(crate) fn line(hierarchy: &Hierarchy, line: &Line<'_>, names: NameEncoding, out: &mut Vec<u8>) {
    let Line { name, old_name, no_access } = *line;
    let mut attributes = match hierarchy.node(name) {
        Some(node) => attributes(node, Style { extended: true, subscribed: true }, true),
        None => vec![Attribute::NonExistent],
    };
    attributes.extend(no_access.then_some(Attribute::NoAccess));
    let entry = ListEntry { name: name.as_str(), attributes: &attributes, subscribed_below: false, old_name };
    list(&entry, names, out);
}

fn is_separator_question(list: &List) -> bool {
    !list.extended && list.patterns.iter().all(|p| matches!(p, ListPattern::Text(text) if text.is_empty()))
}

/// RFC 9051 §6.3.9: an empty pattern asks for the separator and the root of the reference.
fn separator(cx: &mut Context<'_>) {
    let attributes = &[Attribute::NoSelect];
    let entry = ListEntry { name: "", attributes, subscribed_below: false, old_name: None };
    list(&entry, cx.core.names(), cx.out);
}

/// A LIST under way.
struct Listing {
    patterns: Vec<Pattern>,
    select: Selection,
    extended: bool,
    tell_subscribed: bool,
    /// RFC 5819 §2; empty for none.
    status: Vec<StatusItem>,
    /// RFC 9590 §3
    metadata: Metadata,
    /// RFC 8440 §3
    rights: bool,
    walk: Walk,
}

/// RFC 9051 §6.3.9.1: all that are given must hold. There are no remote mailboxes here.
#[derive(Clone, Copy)]
struct Selection {
    subscribed: bool,
    special_use: bool,
    recursive: bool,
}

impl Listing {
    fn new(command: List) -> Self {
        let selects = |option: ListSelect| command.select.contains(&option);
        let select = Selection {
            subscribed: selects(ListSelect::Subscribed),
            special_use: selects(ListSelect::SpecialUse),
            recursive: selects(ListSelect::RecursiveMatch),
        };
        // RFC 9051 §6.3.9: empty patterns mean nothing in the extended form.
        let is_wanted =
            |pattern: &&ListPattern| !matches!(pattern, ListPattern::Text(text) if text.is_empty());
        let patterns = command.patterns.iter().filter(is_wanted);
        let patterns = patterns.map(|text| pattern(&command.reference, text)).collect();
        let mut status = Vec::new();
        for option in &command.returns {
            if let ListReturn::Status(items) = option {
                status
                    .extend(items.iter().filter(|item| !status.contains(*item)).copied().collect::<Vec<_>>());
            }
        }
        // RFC 9051 §6.3.9.1: the selection option SUBSCRIBED implies the return option.
        let tell_subscribed = select.subscribed || command.returns.contains(&ListReturn::Subscribed);
        let rights = command.returns.contains(&ListReturn::MyRights);
        let extended = command.extended;
        let metadata = Metadata::new(&command.returns);
        let walk = Walk::default();
        Self { patterns, select, extended, tell_subscribed, status, rights, metadata, walk }
    }
    fn node(&self, cx: &Listed<'_>, hierarchy: &Hierarchy, node: &NameNode, out: &mut Vec<u8>) -> Result<()> {
        if !self.matches(node) {
            return Ok(());
        }
        let selected = self.select.takes(node);
        let subscribed_below = self.select.recursive && self.takes_below(hierarchy, node, selected);
        if !selected && !subscribed_below {
            return Ok(());
        }
        // RFC 9051 §6.3.9.8: no STATUS of a name that is only told for what is below it.
        let row = match selected && !self.status.is_empty() {
            true => existing(cx.row(node))?,
            false => None,
        };
        let selectable = self.status.is_empty() || !selected || row.is_some();
        let style = Style { extended: cx.extended, subscribed: self.tell_subscribed };
        let attributes = attributes(node, style, selectable);
        let name = node.name.as_str();
        let entry = ListEntry { name, attributes: &attributes, subscribed_below, old_name: None };
        list(&entry, cx.status.names, out);
        // RFC 8440 §4: a name that is no mailbox, or only told for what is below it, has no MYRIGHTS.
        if let Some(mailbox) = node.mailbox.filter(|_| self.rights && selected) {
            my_rights(name, cx.status.names, mailbox.rights, out);
        }
        row.map_or(Ok(()), |row| cx.write(node, &row, out))?;
        // RFC 9590 §3: only of what was selected for itself, and is a mailbox.
        node.mailbox
            .filter(|_| selected)
            .map_or(Ok(()), |mailbox| self.metadata.begin(cx, name, mailbox, out))
    }
    fn matches(&self, node: &NameNode) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(node.name.as_str()))
    }
    /// RFC 9051 §6.3.9.3: a name that is not selected itself is told only for something below it that is
    /// selected and not told.
    fn takes_below(&self, hierarchy: &Hierarchy, node: &NameNode, selected: bool) -> bool {
        let mut below = hierarchy.below(&node.name).filter(|below| self.select.takes(below));
        below.any(|below| selected || !self.matches(below))
    }
}

impl Selection {
    fn takes(self, node: &NameNode) -> bool {
        let any = self.subscribed || self.special_use;
        let subscribed = !self.subscribed || node.subscribed;
        let special_use = !self.special_use || node.role().is_some();
        if any { subscribed && special_use } else { node.is_there() }
    }
}

/// What all names of one step are told with.
struct Listed<'a> {
    core: &'a Core,
    items: &'a [StatusItem],
    snapshot: &'a Snapshot<'a>,
    status: StatusWriter<'a>,
    extended: bool,
}

impl Listed<'_> {
    /// RFC 4314 §4: STATUS needs `r`.
    fn row(&self, node: &NameNode) -> Result<Option<MailboxRow>> {
        let Some(owner) = node.mailbox.and_then(|mailbox| mailbox.owner) else {
            return self.snapshot.mailbox_of(node);
        };
        let row = self.core.account()?.of(owner)?.snapshot()?.mailbox_of(node)?;
        Ok(row.filter(|row| row.rights.contains(Rights::READ)))
    }
    fn write(&self, node: &NameNode, row: &MailboxRow, out: &mut Vec<u8>) -> Result<()> {
        let Some(owner) = node.mailbox.and_then(|mailbox| mailbox.owner) else {
            return self.status.write(row, out);
        };
        let account = self.core.account()?.of(owner)?;
        StatusWriter::new(self.core, &account, &account.snapshot()?, self.items).write(row, out)
    }
}

impl Job for Listing {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        // RFC 7162 §3.1: asking for HIGHESTMODSEQ shows that the client knows CONDSTORE.
        if self.status.contains(&StatusItem::HighestModSeq) {
            cx.core.enable_condstore(cx.out);
        }
        let mut walk = std::mem::take(&mut self.walk);
        let account = cx.core.account()?;
        let snapshot = account.snapshot()?;
        let listed = Listed {
            core: cx.core,
            items: &self.status,
            status: StatusWriter::new(cx.core, account, &snapshot, &self.status),
            snapshot: &snapshot,
            extended: self.extended || cx.core.rev2,
        };
        if !self.metadata.go_on(&listed, cx.out)? {
            self.walk = walk;
            return Ok(Outcome::OutputFull);
        }
        let stopped =
            walk.step(&snapshot, cx.out, |hierarchy, node, out| self.node(&listed, hierarchy, node, out))?;
        self.walk = walk;
        if self.metadata.is_owing() {
            return Ok(Outcome::OutputFull);
        }
        Ok(stopped.map_or_else(|| Outcome::Done(Reply::ok("LIST completed")), Outcome::from))
    }
}

/// RFC 5819 §2: a mailbox whose counters cannot be read is told without them, as is one of a user who was
/// removed meanwhile.
fn existing(row: Result<Option<MailboxRow>>) -> Result<Option<MailboxRow>> {
    match row {
        Err(error) if matches!(error.kind, ErrorKind::Corrupt | ErrorKind::NotFound) => Ok(None),
        row => row,
    }
}

/// How attributes are told.
#[derive(Clone, Copy)]
struct Style {
    /// RFC 5258 §3.4: the client knows `\NonExistent`.
    extended: bool,
    subscribed: bool,
}

fn attributes(node: &NameNode, style: Style, selectable: bool) -> Vec<Attribute> {
    let mut attributes = Vec::with_capacity(4);
    // RFC 9051 §7.3.1: a name that is only a level of hierarchy cannot be selected.
    if node.mailbox.is_none() {
        attributes.push(if style.extended { Attribute::NonExistent } else { Attribute::NoSelect });
    } else if !selectable {
        attributes.push(Attribute::NoSelect);
    }
    attributes.push(if node.has_children() { Attribute::HasChildren } else { Attribute::HasNoChildren });
    if style.subscribed && node.subscribed {
        attributes.push(Attribute::Subscribed);
    }
    attributes.extend(node.role().map(Attribute::Role));
    attributes
}
