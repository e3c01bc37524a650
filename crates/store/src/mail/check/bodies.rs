//! Bodies: table B of account 0 against the emails that refer to them.

use koi_types::{BlobId, Result};

use super::{BodyKey, Check, Finding, Fix, References, Right};
use crate::body::Scope;
use crate::engine::body_row::{self, BodyRow};
use crate::key;
use crate::record::email::EmailRecord;

const TABLE: u8 = b'B';

impl Check<'_> {
    /// The body an email refers to is known, and lies where the email says.
    pub(super) fn body_of(&mut self, key: &[u8], scope: Scope, email: &EmailRecord<'_>) -> Result<()> {
        let blob = email.body.blob;
        let row = self.read.get(&body_row::key(scope, &blob))?;
        let known = row.as_deref().map(|row| BodyRow::decode(&blob, row));
        match known {
            Some(Ok(row)) if row.body == email.body => {}
            Some(Ok(_)) => self.report(key, "an email's body lies elsewhere than its row says"),
            Some(Err(_)) => {}
            None => {
                let right = BodyRow { body: email.body, references: 1 };
                let body_key = body_row::key(scope, &blob);
                self.missing(&body_key, "a body that is referred to has no row", right.encode());
            }
        }
        Ok(())
    }
    pub(super) fn bodies(&mut self, references: References) -> Result<()> {
        self.each(TABLE, |check, key, value| {
            let scope = key::part(key, 5).map(|octets| Scope(u32::from_be_bytes(octets)));
            let (Some(scope), Some(blob)) = (scope, key::part(key, 9).map(BlobId)) else {
                check.report(key, "a body's row has a key of the wrong form");
                return Ok(());
            };
            let Ok(row) = BodyRow::decode(&blob, value) else {
                check.report(key, "a body's row cannot be read");
                return Ok(());
            };
            let counted = references.counts.get(&BodyKey { scope, blob }).copied().unwrap_or(0);
            if counted == row.references || references.uncertain && counted < row.references {
                return Ok(());
            }
            if counted == 0 {
                let fix = Fix { found: Some(value.into()), right: Right::NoBody { scope, blob } };
                check.findings.push(Finding {
                    key: key.into(),
                    problem: "a body nobody refers to",
                    fix: Some(fix),
                });
                return Ok(());
            }
            let right = BodyRow { references: counted, ..row }.encode();
            check.wrong(key, value, "a body's references are counted wrong", right);
            Ok(())
        })?;
        Ok(())
    }
}

/// The same row with another count.
pub(super) fn with_references(blob: &BlobId, row: &[u8], references: u64) -> Result<Vec<u8>> {
    let row = BodyRow::decode(blob, row)?;
    Ok(BodyRow { references, ..row }.encode())
}
