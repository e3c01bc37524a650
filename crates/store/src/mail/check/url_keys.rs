//! B: a mailbox access key that cannot be read, or whose mailbox is gone, is dropped: URLs made with it are
//! good for nothing anyway.

use koi_types::Result;

use super::Check;
use crate::key::{self, UrlKeyOf, table};
use crate::record::url_key::UrlKeyRecord;

impl Check<'_> {
    pub(super) fn url_keys(&mut self) -> Result<()> {
        self.each(table::URL_KEY, |check, key, value| {
            let Some(UrlKeyOf { owner, mailbox }) = UrlKeyOf::of(key) else {
                check.superfluous(key, value, "a mailbox access key with a key that nobody makes");
                return Ok(());
            };
            if UrlKeyRecord::decode(value).is_none() {
                check.superfluous(key, value, "unreadable mailbox access key");
            } else if owner == check.account
                && !check.has(&key::mailbox(check.account, table::MAILBOX, mailbox))?
            {
                check.superfluous(key, value, "access key of a mailbox that does not exist");
            }
            Ok(())
        })
    }
}
