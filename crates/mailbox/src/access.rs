//! Whose account a mailbox name belongs to (RFC 2342 §5).

use koi_types::{MailboxName, Result};

use crate::account::Account;

impl Account {
    /// The account that has, or would have, the mailbox of a name, as this user may use it. The user's names
    /// are good for it as they are. `NotFound` when there cannot be such a mailbox.
    pub fn whose(&self, _name: &MailboxName) -> Result<Self> {
        Ok(self.clone())
    }
}
