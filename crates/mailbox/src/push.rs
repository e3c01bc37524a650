//! Subscriptions to push, which clients see and change as annotations of the server (COI-webpush
//! §subscriptions).

use koi_store::mail::AccountTxn;
use koi_types::{EntryName, ErrorKind, MailError, Result};

use crate::annotation::Annotation;
use crate::service::Lent;
use crate::snapshot::Snapshot;

/// All entries below `/private/vendor/vendor.dovecot/webpush`.
pub(crate) fn list(_snapshot: &Snapshot<'_>) -> Result<Vec<Annotation>> {
    Ok(Vec::new())
}

/// Sets or removes one of them, or says why not.
pub(crate) fn set(
    _lent: &Lent,
    _account: &mut AccountTxn<'_>,
    name: &EntryName,
    _value: Option<&[u8]>,
) -> Result<()> {
    Err(MailError::new(ErrorKind::InvalidInput, format!("unable to set {name}")))
}
