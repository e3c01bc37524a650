//! Messages of one size to send again and again, each made different by a number put into it.

use crate::corpus;

/// The place in every pool message that is overwritten by a number, 16 digits.
pub(crate) const SERIAL: &str = "0123456789abcdef";

/// How many different messages a pool holds.
const POOL_MESSAGES: u64 = 1_000;

/// Messages of one size.
pub(crate) struct Pool {
    messages: Vec<Vec<u8>>,
    salt: u64,
}

impl Pool {
    /// A pool of messages of about `octets` octets; `salt` makes its messages differ from another pool's.
    pub(crate) fn new(octets: usize, salt: u64) -> Self {
        let one = |number| corpus::with_serial(salt, number, octets, SERIAL);
        Self { messages: (0..POOL_MESSAGES).map(one).collect(), salt }
    }

    /// Appends message `serial` to `out`.
    pub(crate) fn write(&self, serial: u64, out: &mut Vec<u8>) {
        let at = serial.checked_rem(self.messages.len() as u64).unwrap_or(0) as usize;
        let Some(message) = self.messages.get(at) else { return };
        let start = out.len();
        out.extend_from_slice(message);
        let digits = format!("{:04x}{serial:012x}", self.salt & 0xffff);
        let copy = out.get_mut(start..).unwrap_or_default();
        let mark = SERIAL.as_bytes();
        let places = [memchr::memmem::find(copy, mark), memchr::memmem::rfind(copy, mark)];
        for place in places.into_iter().flatten() {
            if let Some(field) = copy.get_mut(place..place + mark.len()) {
                field.copy_from_slice(digits.as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Pool, SERIAL};

    #[test]
    fn each_number_gives_another_message() {
        let pool = Pool::new(4_096, 7);
        let (mut one, mut two) = (Vec::new(), Vec::new());
        pool.write(1, &mut one);
        pool.write(1_001, &mut two);
        assert_eq!(one.len(), two.len());
        assert_ne!(one, two);
        let text = String::from_utf8(one).unwrap();
        assert_eq!(text.matches("0007000000000001").count(), 2);
        assert!(!text.contains(SERIAL));
    }
}
