//! ESEARCH (RFC 7377 §2): one search in several mailboxes, one after the other, without selecting any.

use std::collections::{HashSet, VecDeque};

use koi_mailbox::{Account, Hierarchy, NameNode, SearchRun};
use koi_proto::imap::command::{Charset, MailboxArg, MailboxSource, MultiSearch, ReturnOption};
use koi_proto::imap::response::MailboxCorrelator;
use koi_types::{AccountId, ErrorKind, MailError, MailboxId, MailboxName, Result};

use super::found::{self, Correlator, Found, Returns};
use super::meaning::{self, Meaning};
use super::{filters, search};
use crate::imap::core::Core;
use crate::imap::job::{Context, Job, Outcome};
use crate::imap::progress::Work;
use crate::imap::reply::Reply;
use crate::selected::{Selected, View};

pub(crate) fn start(command: MultiSearch) -> Box<dyn Job> {
    Box::new(Searching { command, targets: None, run: None, messages: 0, octets: 0 })
}

/// Mailboxes begun or finished in one step.
const MAILBOXES_PER_STEP_MAX: usize = 64;

struct Searching {
    command: MultiSearch,
    /// What is still to be searched.
    targets: Option<VecDeque<Target>>,
    run: Option<Run>,
    /// What the mailboxes before have cost.
    messages: u64,
    octets: u64,
}

struct Target {
    account: Account,
    name: MailboxName,
    mailbox: MailboxId,
}

/// The search of one mailbox.
struct Run {
    search: SearchRun,
    target: Target,
    view: Selected,
    selected: bool,
}

impl Job for Searching {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        if self.targets.is_none() {
            if let Some(reply) = self.begin(cx)? {
                return Ok(Outcome::Done(reply));
            }
            self.targets = Some(targets(cx.core, &self.command.sources)?);
        }
        let listed = self.targets.as_ref().map_or(0, targets_octets);
        cx.require_room(listed)?;
        for _ in 0..MAILBOXES_PER_STEP_MAX {
            let Some(run) = &mut self.run else {
                let Some(target) = self.targets.as_mut().and_then(VecDeque::pop_front) else {
                    return Ok(Outcome::Done(Reply::ok("ESEARCH completed")));
                };
                match self.search(cx, target) {
                    Ok(Ok(run)) => self.run = run,
                    Ok(Err(reply)) => return Ok(Outcome::Done(reply)),
                    Err(error) if is_hidden(&error) => {}
                    Err(error) => return Err(error),
                }
                continue;
            };
            let finished = match run.search.advance() {
                Err(error) if is_hidden(&error) => {
                    self.run = None;
                    continue;
                }
                done => done?,
            };
            let work = search::work(&run.search);
            let done = self.messages.saturating_add(work.done.unwrap_or(0));
            let octets = self.octets.saturating_add(work.octets);
            let others = run.view.memory_octets() + listed;
            run.search.let_go_beyond(cx.core.room_octets().saturating_sub(others));
            let memory = run.search.memory_octets() + others;
            cx.slice(Work { done: Some(done), total: None, octets }, memory)?;
            if !finished {
                return Ok(Outcome::Yield);
            }
            (self.messages, self.octets) = (done, octets);
            if let Some(run) = self.run.take() {
                self.answer(cx, &run)?;
            }
            if cx.out.len() >= koi_types::limits::OUTPUT_OCTETS_HIGH {
                return Ok(Outcome::OutputFull);
            }
        }
        Ok(Outcome::Yield)
    }
}

/// RFC 7377 §2.2: what may not be read, or no longer, is as good as not there.
const fn is_hidden(error: &MailError) -> bool {
    matches!(error.kind, ErrorKind::NoPermission | ErrorKind::NotFound)
}

impl Searching {
    fn returns(&self) -> Returns<'_> {
        Returns(self.command.search.returns.as_deref().unwrap_or_default())
    }
    /// What is wrong with the command, if anything is.
    fn begin(&mut self, cx: &mut Context<'_>) -> Result<Option<Reply>> {
        let search = &mut self.command.search;
        if let Some(reply) = filters::expand(cx.core, search.charset, &mut search.keys)? {
            return Ok(Some(reply));
        }
        let returns = self.returns();
        let (saves, updates) = (returns.wants(ReturnOption::Save), returns.wants(ReturnOption::Update));
        let search = &self.command.search;
        let bad = if saves && !self.command.only_selected() {
            Some("only a search of the selected mailbox can be saved")
        } else if updates && cx.core.selected.is_none() {
            Some("no mailbox is selected that could be followed")
        } else if returns.wants(ReturnOption::Relevancy) && !search.keys.iter().any(meaning::has_fuzzy) {
            Some("RELEVANCY needs a FUZZY key")
        } else {
            search::reused_tag(cx, returns)
        };
        if search.keys.iter().any(meaning::has_modseq) {
            cx.core.enable_condstore(cx.out);
        }
        Ok(bad.map(Reply::bad))
    }
    /// Begins with one mailbox; nothing when it is gone or may not be read.
    fn search(&self, cx: &Context<'_>, target: Target) -> Result<std::result::Result<Option<Run>, Reply>> {
        let open = cx.core.selected.as_deref();
        let open = open
            .filter(|open| open.view.mailbox == target.mailbox && open.account.id() == target.account.id());
        let (view, known) = {
            let snapshot = target.account.snapshot()?;
            let Some(row) = snapshot.mailbox(target.mailbox)? else { return Ok(Ok(None)) };
            let at = View { uids: snapshot.uids(row.id)?, modseq: row.highest_modseq, read_only: true };
            let known = open.map_or_else(|| at.uids.0.clone(), |open| open.view.known().clone());
            (Selected::new(row.id, row.name.clone(), row.uidvalidity, at), known)
        };
        let search = &self.command.search;
        if search.charset == Charset::Unknown {
            return Ok(Err(meaning::unknown_charset()));
        }
        let here = open.map_or(&view, |open| &open.view);
        let meaning = Meaning { view: here, now: cx.core.now };
        let filter = match meaning.by(cx.core.comparator.collation, &search.keys) {
            Ok(filter) => filter,
            Err(reply) => return Ok(Err(*reply)),
        };
        let run = match self.returns().wants(ReturnOption::Relevancy) {
            true => target.account.search_ranked(target.mailbox, known, &filter)?,
            false => target.account.search(target.mailbox, known, &filter)?,
        };
        Ok(Ok(Some(Run { search: run, target, view, selected: open.is_some() })))
    }
    /// RFC 7377 §2.1: a mailbox without a match is not named.
    fn answer(&self, cx: &mut Context<'_>, run: &Run) -> Result<()> {
        let scores = found::scores(&run.search);
        let modseq = run.search.modseq();
        let found = Found { uids: &run.search.found().0, sorted: None, modseq, scores: &scores };
        let returns = self.returns();
        if run.selected {
            self.keep(cx, &found)?;
        }
        // RFC 5182 §2.1: SAVE alone asks for no answer.
        if found.uids.is_empty() || returns.0 == [ReturnOption::Save] {
            return Ok(());
        }
        let mailbox = MailboxCorrelator {
            name: run.target.name.as_str(),
            encoding: cx.core.names(),
            uid_validity: run.view.uid_validity,
        };
        let correlator = Correlator { tag: cx.tag, mailbox: Some(mailbox), by_uid: true };
        let modseq = modseq.filter(|_| self.command.search.keys.iter().any(meaning::has_modseq));
        let numbered = found.numbered(&run.view, true);
        found::write(&correlator, returns, &found, &numbered, modseq, cx.out);
        Ok(())
    }
    /// What is kept of the result in the selected mailbox.
    fn keep(&self, cx: &mut Context<'_>, found: &Found<'_>) -> Result<()> {
        let returns = self.returns();
        if returns.wants(ReturnOption::Save) {
            let saved = returns.picked(found).unwrap_or_else(|| found.uids.clone());
            search::save(cx, saved);
        }
        search::follow(cx, &self.command.search, &[], found)
    }
}

/// What a list of mailboxes takes in memory, names counted as long as most are.
fn targets_octets(targets: &VecDeque<Target>) -> usize {
    targets.len() * (size_of::<Target>() + 64)
}

/// The mailboxes of the sources, each once (RFC 7377 §2.2). Those that are not there are left out, as are
/// those that this user may not see: nothing tells the two apart.
fn targets(core: &Core, sources: &[MailboxSource]) -> Result<VecDeque<Target>> {
    let (own, all) = {
        let snapshot = core.snapshot()?;
        (snapshot.hierarchy(), snapshot.all_names()?)
    };
    let mut collected = Collected { core, targets: VecDeque::new(), known: HashSet::new() };
    for source in sources {
        match source {
            MailboxSource::Selected => {
                let open = core.open()?;
                collected.add(&open.account, &open.view.name, open.view.mailbox);
            }
            // RFC 5465 §6.2
            MailboxSource::Inboxes => {
                collected.names(&own, |node| core.service.options().may_deliver_to(&node.name))?;
            }
            MailboxSource::Personal => collected.names(&own, |_| true)?,
            MailboxSource::Subscribed => collected.names(&all, |node| node.subscribed)?,
            MailboxSource::Mailboxes(names) => collected.named(names, &all, |_, _| false)?,
            MailboxSource::Subtree(names) => collected.named(names, &all, |_, _| true)?,
            MailboxSource::SubtreeOne(names) => {
                collected.named(names, &all, |above, name| name.parent().as_ref() == Some(above))?;
            }
        }
    }
    Ok(collected.targets)
}

struct Collected<'a> {
    core: &'a Core,
    targets: VecDeque<Target>,
    /// Which they are.
    known: HashSet<(AccountId, MailboxId)>,
}

impl Collected<'_> {
    fn add(&mut self, account: &Account, name: &MailboxName, mailbox: MailboxId) {
        if self.known.insert((account.id(), mailbox)) {
            self.targets.push_back(Target { account: account.clone(), name: name.clone(), mailbox });
        }
    }
    /// Those of these names that are `wanted`, in order.
    fn names(&mut self, names: &Hierarchy, wanted: impl Fn(&NameNode) -> bool) -> Result<()> {
        names.nodes().filter(|node| wanted(node)).try_for_each(|node| self.node(node))
    }
    /// The mailboxes of these names, and of those among `all` below them that are `wanted`.
    fn named(
        &mut self,
        names: &[MailboxArg],
        all: &Hierarchy,
        wanted: impl Fn(&MailboxName, &MailboxName) -> bool,
    ) -> Result<()> {
        for name in names.iter().filter_map(|name| name.name().ok()) {
            // One that is shared need not be listed.
            if let Ok(account) = self.core.account_of(name)
                && let Some(row) = account.snapshot()?.mailbox_named(name)?
            {
                self.add(&account, &row.name, row.id);
            }
            for node in all.below(name).filter(|node| wanted(name, &node.name)) {
                self.node(node)?;
            }
        }
        Ok(())
    }
    fn node(&mut self, node: &NameNode) -> Result<()> {
        let Some(mailbox) = node.mailbox else { return Ok(()) };
        let own = self.core.account()?;
        match mailbox.owner.map_or_else(|| Ok(own.clone()), |owner| own.of(owner)) {
            Ok(account) => self.add(&account, &node.name, mailbox.id),
            Err(error) if is_hidden(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
