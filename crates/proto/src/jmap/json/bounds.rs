//! What is checked of octets before a single value is built: how deep they nest and how many values they may
//! be. One pass, no memory.

use koi_types::limits;

use super::NotJson;

/// How much structure is accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Objects and arrays within each other.
    pub depth_max: usize,
    /// Values, each of which takes memory however short it is.
    pub values_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { depth_max: limits::JMAP_DEPTH_MAX, values_max: limits::JMAP_VALUES_MAX }
    }
}

impl Bounds {
    /// Octets that are no JSON at all may pass: the reader finds that out, within these bounds.
    pub(super) fn check(&self, octets: &[u8]) -> Result<(), NotJson> {
        let mut depth = 0usize;
        // Every value but the first stands behind one of these; an upper bound, since empty objects and
        // arrays have none.
        let mut values = 1usize;
        let mut rest = octets.iter();
        while let Some(octet) = rest.next() {
            match octet {
                b'"' => skip_string(&mut rest),
                b'[' | b'{' => {
                    depth += 1;
                    values += 1;
                    if depth > self.depth_max {
                        return Err(NotJson::TooDeep { depth_max: self.depth_max });
                    }
                }
                b']' | b'}' => depth = depth.saturating_sub(1),
                b',' => values += 1,
                _ => {}
            }
            if values > self.values_max {
                return Err(NotJson::TooManyValues { values_max: self.values_max });
            }
        }
        Ok(())
    }
}

fn skip_string(rest: &mut std::slice::Iter<'_, u8>) {
    while let Some(octet) = rest.next() {
        match octet {
            b'"' => return,
            b'\\' => {
                rest.next();
            }
            _ => {}
        }
    }
}
