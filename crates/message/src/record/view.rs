//! The record of an envelope, read where it lies: FETCH ENVELOPE over a whole mailbox allocates nothing for
//! it.

use super::read::Reader;
use super::{Corrupt, REPLY_TO_IS_FROM, SENDER_IS_FROM, envelope_front};
use crate::envelope::Faithful;

/// An [`Envelope`](crate::Envelope) borrowed from its record.
#[derive(Clone, Debug)]
pub struct EnvelopeView<'a> {
    pub date: Option<&'a [u8]>,
    pub subject: Option<&'a [u8]>,
    pub from: Addresses<'a>,
    pub sender: Addresses<'a>,
    pub reply_to: Addresses<'a>,
    pub to: Addresses<'a>,
    pub cc: Addresses<'a>,
    pub bcc: Addresses<'a>,
    pub in_reply_to: Option<&'a [u8]>,
    pub message_id: Option<&'a [u8]>,
    pub faithful: Faithful,
}

/// An [`Address`](crate::Address) borrowed from a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressView<'a> {
    pub name: Option<&'a [u8]>,
    pub route: Option<&'a [u8]>,
    pub mailbox: Option<&'a [u8]>,
    pub host: Option<&'a [u8]>,
}

/// The addresses of one list, in order.
#[derive(Clone, Debug)]
pub struct Addresses<'a> {
    octets: &'a [u8],
    left: usize,
}

impl<'a> EnvelopeView<'a> {
    /// Checks all of the record, so that nothing can go wrong later.
    pub fn of(record: &'a [u8]) -> Result<EnvelopeView<'a>, Corrupt> {
        let mut reader = Reader::new(record);
        let faithful = envelope_front(&mut reader)?;
        let same = reader.octet()?;
        if same > SENDER_IS_FROM | REPLY_TO_IS_FROM {
            return Err(reader.corrupt("unknown envelope flag"));
        }
        let date = reader.optional_octets()?;
        let subject = reader.optional_octets()?;
        let from = addresses(&mut reader)?;
        let sender = if same & SENDER_IS_FROM != 0 { from.clone() } else { addresses(&mut reader)? };
        let reply_to = if same & REPLY_TO_IS_FROM != 0 { from.clone() } else { addresses(&mut reader)? };
        let view = EnvelopeView {
            date,
            subject,
            from,
            sender,
            reply_to,
            to: addresses(&mut reader)?,
            cc: addresses(&mut reader)?,
            bcc: addresses(&mut reader)?,
            in_reply_to: reader.optional_octets()?,
            message_id: reader.optional_octets()?,
            faithful,
        };
        reader.finish()?;
        Ok(view)
    }
}

fn addresses<'a>(reader: &mut Reader<'a>) -> Result<Addresses<'a>, Corrupt> {
    let left = reader.count(4)?;
    let octets = reader.rest();
    for _ in 0..left {
        address(reader)?;
    }
    Ok(Addresses { octets, left })
}

fn address<'a>(reader: &mut Reader<'a>) -> Result<AddressView<'a>, Corrupt> {
    Ok(AddressView {
        name: reader.optional_octets()?,
        route: reader.optional_octets()?,
        mailbox: reader.optional_octets()?,
        host: reader.optional_octets()?,
    })
}

impl<'a> Iterator for Addresses<'a> {
    type Item = AddressView<'a>;

    fn next(&mut self) -> Option<AddressView<'a>> {
        self.left = self.left.checked_sub(1)?;
        let mut reader = Reader::new(self.octets);
        let address = address(&mut reader).ok()?;
        self.octets = reader.rest();
        Some(address)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Addresses<'_> {}
