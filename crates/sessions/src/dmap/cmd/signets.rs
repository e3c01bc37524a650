//! GETSIGNET, ADDSIGNET, DELETESIGNET, LISTSIGNETS (DMAP-00 §7.5): the user's ring of signets, and those of
//! this server's own users and organisations.
//!
//! What is neither in the ring nor ours is looked up where it belongs, and verified before it is given out. A
//! client verifies everything itself; VALIDATION says what the server has.

use koi_dime::{Fingerprint as Print, OrgSignet, UserSignet};
use koi_mailbox::Snapshot;
use koi_mailbox::dmap::{LocalSignets, NewSignet, SignetRow};
use koi_proto::dmap::command::{AddSignet, GetSignet, Lookup, Version};
use koi_proto::dmap::id::{Fingerprint, SignetAddress};
use koi_proto::dmap::response::{Check, Signet, SignetItem, SignetState, Source};
use koi_proto::dmap::{DateTime, Response};
use koi_types::{Cause, ErrorKind, MailError, Result, Timestamp, ZoneOffset};

use crate::dmap::core::Core;
use crate::dmap::job::{Context, Job, Outcome, Submitted, at_once, ran_twice, write};
use crate::dmap::reply::Reply;
use crate::names::Pattern;
use crate::session::{Effect, EffectResult, FoundSignets, SignetLookup};

pub(crate) fn show(get: GetSignet) -> Box<dyn Job> {
    Box::new(Getting::Begin(Box::new(get)))
}

enum Getting {
    Begin(Box<GetSignet>),
    /// The edge was asked.
    Asked(Box<GetSignet>),
    Over,
}

impl Job for Getting {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        match std::mem::replace(self, Self::Over) {
            Self::Begin(get) => {
                let found = find(cx.core, &get)?;
                if found.is_empty() && is_elsewhere(cx.core, &get) {
                    let wanted = wanted(&get);
                    *self = Self::Asked(get);
                    return Ok(Outcome::Effect(Effect::Signets(wanted)));
                }
                shown(cx, found)
            }
            Self::Asked(get) => match cx.core.effect.take() {
                Some(EffectResult::Signets(found)) => {
                    let found = of_others(&get, &*found?, cx.core.now);
                    shown(cx, found)
                }
                _ => {
                    *self = Self::Asked(get);
                    Ok(Outcome::NeedInput)
                }
            },
            Self::Over => Err(ran_twice()),
        }
    }
}

fn shown(cx: &mut Context<'_>, found: Vec<Signet>) -> Result<Outcome> {
    if found.is_empty() {
        let text = "no signet of this address is known";
        return Err(MailError::new(ErrorKind::NotFound, text).because(Cause::NoSignet));
    }
    found.into_iter().for_each(|signet| Response::Signet(signet).push(cx.out));
    Ok(Outcome::Done(Reply::ok("GETSIGNET completed")))
}

/// Another server may know more than is known here.
fn is_elsewhere(core: &Core, get: &GetSignet) -> bool {
    let address = get.address.as_str();
    let domain = address.rsplit_once('@').map_or(address, |(_, domain)| domain);
    get.lookup != Lookup::Ring && core.service.organisation(domain).is_none()
}

fn wanted(get: &GetSignet) -> SignetLookup {
    SignetLookup {
        address: get.address.as_str().into(),
        fingerprint: match get.version {
            Version::Fingerprint(fingerprint) => Some(Print(fingerprint.0)),
            Version::Current | Version::History => None,
        },
        history: matches!(get.version, Version::History),
    }
}

/// As others gave them, the newest first: of a user, or of an organisation.
fn of_others(get: &GetSignet, found: &FoundSignets, now: Timestamp) -> Vec<Signet> {
    let organisation = found.organisation.object();
    let mut checks = vec![Check::SelfSigned];
    if found.is_validated {
        checks.push(Check::Dnssec);
    }
    let items = |state: SignetState, checks: Vec<Check>, object: Vec<u8>| {
        vec![
            SignetItem::Status(state),
            SignetItem::Source(Source::Dmtp),
            SignetItem::Validation(checks),
            SignetItem::Fetched(DateTime { at: now, zone: ZoneOffset(0) }),
            SignetItem::Record(Some(found.record.clone())),
            SignetItem::Data(Some(object)),
        ]
    };
    if !get.address.as_str().contains('@') {
        let fingerprint = Fingerprint(found.organisation.core_fingerprint().0);
        let items = items(SignetState::Current, checks, organisation);
        return vec![Signet { address: get.address.clone(), fingerprint, items }];
    }
    checks.push(Check::Organisation);
    let all = found.users.iter().enumerate().map(|(at, user)| {
        // One that was asked for by its fingerprint may be an old one.
        let state = match get.version {
            Version::Fingerprint(_) => SignetState::Unknown,
            Version::Current | Version::History if at == 0 => SignetState::Current,
            Version::Current | Version::History => SignetState::Update,
        };
        let mut items = items(state, checks.clone(), user.object());
        items.push(SignetItem::Org(Some(organisation.clone())));
        Signet { address: get.address.clone(), fingerprint: Fingerprint(user.core_fingerprint().0), items }
    });
    let is_asked_for = |signet: &Signet| match get.version {
        Version::Fingerprint(wanted) => signet.fingerprint == wanted,
        Version::Current | Version::History => true,
    };
    all.filter(is_asked_for).collect()
}

/// The ring first, unless the client wants to know what is true now; then our own.
fn find(core: &Core, get: &GetSignet) -> Result<Vec<Signet>> {
    let address = get.address.as_str();
    let local = core.service.local_signets(address)?;
    let ours = local.as_ref().map(|local| of_local(&get.address, local)).unwrap_or_default();
    let snapshot = core.snapshot()?;
    let asked = match get.version {
        Version::Fingerprint(fingerprint) => Some(Print(fingerprint.0)),
        Version::Current | Version::History => None,
    };
    let is_history = matches!(get.version, Version::History);
    let in_ring = match get.lookup {
        Lookup::Refresh => None,
        // The ring has one of them.
        Lookup::Usual if is_history && local.is_none() => None,
        Lookup::Usual | Lookup::Ring => ring(&snapshot, get, asked.as_ref(), &ours)?,
    };
    if get.lookup == Lookup::Ring {
        return Ok(in_ring.into_iter().collect());
    }
    Ok(match get.version {
        // Newest first; what is in the ring is one of them, or somebody else's.
        Version::History if !ours.is_empty() => ours,
        Version::Fingerprint(wanted) => {
            let one = ours.into_iter().find(|signet| signet.fingerprint == wanted);
            in_ring.or(one).into_iter().collect()
        }
        Version::Current | Version::History => {
            in_ring.or_else(|| ours.into_iter().next()).into_iter().collect()
        }
    })
}

fn ring(
    snapshot: &Snapshot<'_>,
    get: &GetSignet,
    fingerprint: Option<&Print>,
    ours: &[Signet],
) -> Result<Option<Signet>> {
    let row = match snapshot.signet(get.address.as_str(), fingerprint) {
        // Nobody can have a signet of it.
        Err(error) if error.kind == ErrorKind::InvalidInput => None,
        row => row?,
    };
    Ok(row.map(|row| of_ring(&get.address, row, ours)))
}

fn of_ring(address: &SignetAddress, row: SignetRow, ours: &[Signet]) -> Signet {
    let fingerprint = Fingerprint(row.fingerprint.0);
    let state = match ours.first() {
        Some(current) if current.fingerprint == fingerprint => SignetState::Current,
        Some(_) => SignetState::Update,
        None => SignetState::Unknown,
    };
    let mut items = vec![
        SignetItem::Status(state),
        SignetItem::Source(Source::Ring),
        SignetItem::Validation(vec![Check::SelfSigned]),
        SignetItem::Fetched(DateTime { at: row.fetched_at, zone: ZoneOffset(0) }),
        SignetItem::Data(Some(row.object)),
    ];
    items.push(SignetItem::Meta(row.meta));
    Signet { address: address.clone(), fingerprint, items }
}

/// Those of ours, the newest first: of a user, or of an organisation.
fn of_local(address: &SignetAddress, local: &LocalSignets) -> Vec<Signet> {
    if !address.as_str().contains('@') {
        return vec![of_organisation(address, &local.organisation)];
    }
    let shown = |(at, user): (usize, &UserSignet)| {
        let state = if at == 0 { SignetState::Current } else { SignetState::Update };
        let items = vec![
            SignetItem::Status(state),
            SignetItem::Source(Source::Local),
            SignetItem::Validation(vec![Check::SelfSigned, Check::Organisation]),
            SignetItem::Data(Some(user.object().to_vec())),
            SignetItem::Org(Some(local.organisation.object().to_vec())),
        ];
        let fingerprint = Fingerprint(user.core_fingerprint().0);
        Signet { address: address.clone(), fingerprint, items }
    };
    local.users.iter().enumerate().map(shown).collect()
}

fn of_organisation(address: &SignetAddress, organisation: &OrgSignet) -> Signet {
    let items = vec![
        SignetItem::Status(SignetState::Current),
        SignetItem::Source(Source::Local),
        SignetItem::Validation(vec![Check::SelfSigned]),
        SignetItem::Data(Some(organisation.object().to_vec())),
    ];
    let fingerprint = Fingerprint(organisation.core_fingerprint().0);
    Signet { address: address.clone(), fingerprint, items }
}

pub(crate) fn add(add: AddSignet) -> Box<dyn Job> {
    write(
        move |cx| {
            let new = NewSignet {
                address: add.address.as_str().into(),
                object: add.signet,
                // What the client trusts stands in its META, which the server cannot read. Who knows better
                // than the chain of custody takes the old one out first.
                is_verified: false,
                meta: add.meta.and_then(|change| change.octets().map(<[u8]>::to_vec)),
            };
            cx.core.account()?.add_signet(&new).map(Submitted::Pending)
        },
        |_, added| added.map(|()| Reply::ok("ADDSIGNET completed")),
    )
}

pub(crate) fn delete(address: SignetAddress, fingerprint: Option<Fingerprint>) -> Box<dyn Job> {
    write(
        move |cx| {
            let fingerprint = fingerprint.map(|fingerprint| Print(fingerprint.0));
            Ok(Submitted::Pending(cx.core.account()?.delete_signet(address.as_str(), fingerprint)))
        },
        |_, deleted| match deleted? {
            0 => Err(MailError::new(ErrorKind::NotFound, "no such signet")),
            _ => Ok(Reply::ok("DELETESIGNET completed")),
        },
    )
}

pub(crate) fn list(pattern: &str) -> Box<dyn Job> {
    let pattern = Pattern::of_addresses(pattern);
    at_once(move |cx| {
        for row in cx.core.snapshot()?.signets()? {
            if !pattern.matches(&row.address) {
                continue;
            }
            let Some(address) = SignetAddress::new(&row.address) else { continue };
            let fingerprint = Fingerprint(row.fingerprint.0);
            Response::Signet(Signet { address, fingerprint, items: Vec::new() }).push(cx.out);
        }
        Ok(Reply::ok("LISTSIGNETS completed"))
    })
}
