//! J: settings that cannot be read are reported, for nobody knows what was asked for; what was remembered of
//! filed chat is dropped.

use koi_types::Result;

use super::Check;
use crate::key::{COI_FILED, table};
use crate::record::coi::{CoiSettings, FiledChatRecord};

impl Check<'_> {
    pub(super) fn coi(&mut self) -> Result<()> {
        self.each(table::COI, |check, key, value| {
            match key.get(5..) {
                Some([0]) if CoiSettings::decode(value).is_some() => {}
                Some([0]) => check.report(key, "unreadable settings of COI: it is not enabled"),
                Some([COI_FILED, hash @ ..])
                    if hash.len() == 8 && FiledChatRecord::decode(value).is_some() => {}
                _ => check.superfluous(key, value, "unreadable row about filed chat"),
            }
            Ok(())
        })
    }
}
