//! The settings of COI as annotations (COI-server §getting-coi-namespace-configuration/imap, COI-server
//! §configure-coi-usage/imap, COI-server §configure-message-filtering/imap): exactly the documented names,
//! values and refusals.

use koi_store::mail::AccountTxn;
use koi_store::mail::coi::coi_settings;
use koi_store::record::coi::MessageFilter;
use koi_types::{EntryName, ErrorKind, MailError, Result};

use super::{disable, enable, set_filter};
use crate::annotation::Annotation;
use crate::annotation::special::entry;
use crate::service::Lent;
use crate::snapshot::Snapshot;

pub(super) const ENABLED: &str = "/private/vendor/vendor.dovecot/coi/config/enabled";
const MAILBOX_ROOT: &str = "/private/vendor/vendor.dovecot/coi/config/mailbox-root";
const MESSAGE_FILTER: &str = "/private/vendor/vendor.dovecot/coi/config/message-filter";

/// All entries below `/private/vendor/vendor.dovecot/coi`. Where COI is not offered there are none.
pub(crate) fn list(snapshot: &Snapshot<'_>) -> Result<Vec<Annotation>> {
    let Some(names) = &snapshot.options.coi else { return Ok(Vec::new()) };
    let settings = coi_settings(&*snapshot.view, snapshot.account)?;
    let enabled = settings.enabled.then(|| entry(ENABLED, "yes"));
    let root = entry(MAILBOX_ROOT, names.root.as_str());
    let filter = settings.filter.map(|filter| entry(MESSAGE_FILTER, filter.name()));
    Ok([enabled, Some(root), filter].into_iter().flatten().flatten().collect())
}

/// Whether it is one that clients set.
pub(crate) fn is_set_by_clients(name: &EntryName) -> bool {
    matches!(&*name.key(), ENABLED | MESSAGE_FILTER)
}

/// Sets or removes one of them, or says why not.
pub(crate) fn set(
    lent: &Lent,
    account: &mut AccountTxn<'_>,
    name: &EntryName,
    value: Option<&[u8]>,
) -> Result<()> {
    let cannot = |text: String| Err(MailError::new(ErrorKind::Unsupported, text));
    let Some(names) = &lent.options.coi else {
        return cannot(format!("unable to set {name}: COI is not offered here"));
    };
    match (&*name.key(), value) {
        (ENABLED, None) => disable(account),
        (ENABLED, Some(b"yes")) => enable(account, names),
        (ENABLED, Some(other)) => cannot(format!("invalid value for {ENABLED}: \"{}\"", shown(other))),
        (MESSAGE_FILTER, None) => set_filter(account, names, None),
        (MESSAGE_FILTER, Some(value)) => match filter_named(value) {
            Some(filter) => set_filter(account, names, Some(filter)),
            None => cannot(format!("invalid value for {MESSAGE_FILTER}: {}", shown(value))),
        },
        _ => cannot(format!("unable to set {name}")),
    }
}

fn filter_named(value: &[u8]) -> Option<MessageFilter> {
    MessageFilter::ALL.into_iter().find(|filter| filter.name().as_bytes() == value)
}

/// What a client wrote, for its own eyes: short, and nothing but printable ASCII.
fn shown(value: &[u8]) -> String {
    let visible = |octet: &u8| if (0x20..0x7f).contains(octet) { char::from(*octet) } else { '?' };
    let mut text: String = value.iter().take(SHOWN_OCTETS_MAX).map(visible).collect();
    if value.len() > SHOWN_OCTETS_MAX {
        text.push_str("...");
    }
    text
}

const SHOWN_OCTETS_MAX: usize = 60;
