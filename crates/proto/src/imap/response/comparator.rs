//! COMPARATOR (RFC 5255 §4.8).

use super::string::push_astring;

/// ```abnf
/// comparator-data = "COMPARATOR" SP comp-sel-quoted
///                   [SP "(" comp-id-quoted *(SP comp-id-quoted) ")"]       ; RFC 5255 §4.10
/// ```
/// `inverted`: the active one orders backwards. `matching` is left out unless there are several.
pub fn comparator(active: &str, inverted: bool, matching: &[&str], out: &mut Vec<u8>) {
    out.extend_from_slice(b"* COMPARATOR ");
    let sign = if inverted { "-" } else { "" };
    push_astring(format!("{sign}{active}").as_bytes(), out);
    if matching.len() > 1 {
        for (at, name) in matching.iter().enumerate() {
            out.extend_from_slice(if at == 0 { b" (" } else { b" " });
            push_astring(name.as_bytes(), out);
        }
        out.push(b')');
    }
    out.extend_from_slice(b"\r\n");
}
