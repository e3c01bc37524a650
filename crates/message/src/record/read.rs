//! Primitives of the record format, reading. Nothing is allocated that the record does not hold.

use super::Corrupt;

pub(crate) struct Reader<'a> {
    record: &'a [u8],
    pos: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(record: &'a [u8]) -> Reader<'a> {
        Reader { record, pos: 0 }
    }

    pub(crate) fn corrupt(&self, what: &'static str) -> Corrupt {
        Corrupt { at: self.pos, what }
    }

    pub(crate) fn version(&mut self, known: u8) -> Result<(), Corrupt> {
        if self.octet()? == known { Ok(()) } else { Err(self.corrupt("unknown record version")) }
    }

    pub(crate) fn finish(self) -> Result<(), Corrupt> {
        if self.pos == self.record.len() { Ok(()) } else { Err(self.corrupt("octets behind the record")) }
    }

    /// What was not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.record.get(self.pos..).unwrap_or_default()
    }

    pub(crate) fn octet(&mut self) -> Result<u8, Corrupt> {
        let octet = *self.record.get(self.pos).ok_or(self.corrupt("record ends early"))?;
        self.pos += 1;
        Ok(octet)
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Corrupt> {
        match self.octet()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.corrupt("neither yes nor no")),
        }
    }

    pub(crate) fn number(&mut self) -> Result<u32, Corrupt> {
        let mut number = 0_u64;
        for shift in [0, 7, 14, 21, 28] {
            let octet = self.octet()?;
            number |= u64::from(octet & 0x7f) << shift;
            if octet < 0x80 {
                return u32::try_from(number).map_err(|_| self.corrupt("number too large"));
            }
        }
        Err(self.corrupt("number too long"))
    }

    /// A position written as a distance from `base`.
    pub(crate) fn position(&mut self, base: u32) -> Result<u32, Corrupt> {
        let distance = self.number()?;
        base.checked_add(distance).ok_or(self.corrupt("position beyond 32 bits"))
    }

    /// A number of entries of at least `octets_min` each.
    pub(crate) fn count(&mut self, octets_min: usize) -> Result<usize, Corrupt> {
        let count = self.number()? as usize;
        let left = self.record.len() - self.pos;
        if count.saturating_mul(octets_min) > left {
            return Err(self.corrupt("more entries than octets"));
        }
        Ok(count)
    }

    pub(crate) fn octets(&mut self) -> Result<&'a [u8], Corrupt> {
        let len = self.number()? as usize;
        self.take(len)
    }

    pub(crate) fn optional_octets(&mut self) -> Result<Option<&'a [u8]>, Corrupt> {
        match self.number()? {
            0 => Ok(None),
            len => self.take(len as usize - 1).map(Some),
        }
    }

    pub(crate) fn optional(&mut self) -> Result<Option<Vec<u8>>, Corrupt> {
        Ok(self.optional_octets()?.map(<[u8]>::to_vec))
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Corrupt> {
        let octets = self.record.get(self.pos..).and_then(|rest| rest.get(..len));
        let octets = octets.ok_or(self.corrupt("string reaches beyond the record"))?;
        self.pos += len;
        Ok(octets)
    }
}
