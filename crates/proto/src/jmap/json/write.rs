//! From values to octets. A [`Slot`] is a place for exactly one value; objects and arrays close themselves.
//! So whatever is written is one I-JSON value, and nothing is built before it is written.

use super::read::is_noncharacter;
use super::{Json, Member, Number};

/// A place where one value is missing. What is dropped unfilled is `null`.
#[must_use = "a slot that is not filled says null"]
pub struct Slot<'w>(Option<&'w mut Vec<u8>>);

/// An object that is being written; it ends where this is dropped.
pub struct ObjectWriter<'w> {
    out: &'w mut Vec<u8>,
    is_empty: bool,
}

/// An array that is being written; it ends where this is dropped.
pub struct ArrayWriter<'w> {
    out: &'w mut Vec<u8>,
    is_empty: bool,
}

/// What can stand in a slot.
pub trait ToJson {
    fn write(&self, slot: Slot<'_>);
}

/// A value that is written already.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Raw(String);

/// The items of an array that are written already: a long list that is made piece by piece.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Items {
    octets: Vec<u8>,
    count: usize,
}

impl<'w> Slot<'w> {
    pub fn new(out: &'w mut Vec<u8>) -> Self {
        Self(Some(out))
    }
    pub fn null(self) {}
    pub fn boolean(self, value: bool) {
        self.text(if value { "true" } else { "false" });
    }
    pub fn number(self, value: u64) {
        self.text(&value.to_string());
    }
    pub fn int(self, value: i64) {
        self.text(&value.to_string());
    }
    pub fn string(mut self, value: &str) {
        if let Some(out) = self.0.take() {
            push_string(value, out);
        }
    }
    pub fn raw(self, value: &Raw) {
        self.text(&value.0);
    }
    pub fn items(mut self, items: &Items) {
        if let Some(out) = self.0.take() {
            out.push(b'[');
            out.extend_from_slice(&items.octets);
            out.push(b']');
        }
    }
    /// Writes an object.
    pub fn members(mut self, write: impl FnOnce(&mut ObjectWriter<'w>)) {
        if let Some(out) = self.0.take() {
            out.push(b'{');
            write(&mut ObjectWriter { out, is_empty: true });
        }
    }
    /// Writes an array.
    pub fn array(mut self, write: impl FnOnce(&mut ArrayWriter<'w>)) {
        if let Some(out) = self.0.take() {
            out.push(b'[');
            write(&mut ArrayWriter { out, is_empty: true });
        }
    }
    /// Writes an array of these.
    pub fn each<T>(self, values: impl IntoIterator<Item = T>, write: impl Fn(T, Slot<'_>)) {
        self.array(|array| values.into_iter().for_each(|value| write(value, array.item())));
    }
    /// Octets that are a value.
    fn text(mut self, value: &str) {
        if let Some(out) = self.0.take() {
            out.extend_from_slice(value.as_bytes());
        }
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        if let Some(out) = self.0.take() {
            out.extend_from_slice(b"null");
        }
    }
}

impl ObjectWriter<'_> {
    /// The slot of a member. A name must be used once; that is for the caller to see to.
    pub fn member(&mut self, name: &str) -> Slot<'_> {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.out.push(b',');
        }
        push_string(name, self.out);
        self.out.push(b':');
        Slot::new(self.out)
    }
    pub fn put(&mut self, name: &str, value: &(impl ToJson + ?Sized)) {
        value.write(self.member(name));
    }
    /// The member is left out when there is no value.
    pub fn put_some(&mut self, name: &str, value: Option<&(impl ToJson + ?Sized)>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }
}

impl Drop for ObjectWriter<'_> {
    fn drop(&mut self) {
        self.out.push(b'}');
    }
}

impl ArrayWriter<'_> {
    pub fn item(&mut self) -> Slot<'_> {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.out.push(b',');
        }
        Slot::new(self.out)
    }
}

impl Drop for ArrayWriter<'_> {
    fn drop(&mut self) {
        self.out.push(b']');
    }
}

impl Raw {
    #[must_use]
    pub fn build(write: impl FnOnce(Slot<'_>)) -> Self {
        let mut out = Vec::new();
        write(Slot::new(&mut out));
        // What a slot writes is UTF-8; the other branch is for the compiler.
        Self(String::from_utf8(out).unwrap_or_default())
    }
    #[must_use]
    pub fn of(value: &(impl ToJson + ?Sized)) -> Self {
        Self::build(|slot| value.write(slot))
    }
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The value as values are read.
    ///
    /// # Errors
    /// It nests deeper than what is read may.
    pub fn parse(&self) -> Result<Json, super::NotJson> {
        super::read::read(self.0.as_bytes())
    }
}

impl Items {
    pub fn push(&mut self, write: impl FnOnce(Slot<'_>)) {
        if self.count > 0 {
            self.octets.push(b',');
        }
        self.count += 1;
        write(Slot::new(&mut self.octets));
    }
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
    /// Octets written so far; a list is bounded by its maker.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.octets.len()
    }
}

impl<T: ToJson> FromIterator<T> for Items {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut items = Self::default();
        values.into_iter().for_each(|value| items.push(|slot| value.write(slot)));
        items
    }
}

impl<T: ToJson + ?Sized> ToJson for &T {
    fn write(&self, slot: Slot<'_>) {
        (**self).write(slot);
    }
}
impl<T: ToJson + ?Sized> ToJson for Box<T> {
    fn write(&self, slot: Slot<'_>) {
        (**self).write(slot);
    }
}
impl ToJson for str {
    fn write(&self, slot: Slot<'_>) {
        slot.string(self);
    }
}
impl ToJson for String {
    fn write(&self, slot: Slot<'_>) {
        slot.string(self);
    }
}
impl ToJson for bool {
    fn write(&self, slot: Slot<'_>) {
        slot.boolean(*self);
    }
}
impl ToJson for u64 {
    fn write(&self, slot: Slot<'_>) {
        slot.number(*self);
    }
}
impl ToJson for u32 {
    fn write(&self, slot: Slot<'_>) {
        slot.number(u64::from(*self));
    }
}
impl<T: ToJson> ToJson for Option<T> {
    fn write(&self, slot: Slot<'_>) {
        if let Some(value) = self {
            value.write(slot);
        }
    }
}
impl<T: ToJson> ToJson for [T] {
    fn write(&self, slot: Slot<'_>) {
        slot.each(self, |value, slot| value.write(slot));
    }
}
impl<T: ToJson> ToJson for Vec<T> {
    fn write(&self, slot: Slot<'_>) {
        self.as_slice().write(slot);
    }
}
impl ToJson for Raw {
    fn write(&self, slot: Slot<'_>) {
        slot.raw(self);
    }
}
impl ToJson for Items {
    fn write(&self, slot: Slot<'_>) {
        slot.items(self);
    }
}
impl ToJson for Number {
    fn write(&self, slot: Slot<'_>) {
        match self {
            Self::Unsigned(value) => slot.number(*value),
            Self::Negative(value) => slot.int(*value),
            // JSON has no infinities; none was read.
            Self::Float(value) if !value.is_finite() => slot.null(),
            Self::Float(value) => slot.text(&format!("{value:?}")),
        }
    }
}
impl ToJson for Json {
    fn write(&self, slot: Slot<'_>) {
        match self {
            Self::Null => slot.null(),
            Self::Bool(value) => slot.boolean(*value),
            Self::Number(value) => value.write(slot),
            Self::String(value) => slot.string(value),
            Self::Array(items) => items.write(slot),
            Self::Object(members) => members.write(slot),
        }
    }
}
impl ToJson for super::Members {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            for Member { name, value } in self {
                object.put(name, value);
            }
        });
    }
}

/// RFC 8259 §7, and U+FFFD for what I-JSON forbids (RFC 7493 §2.1): texts come out of mail.
fn push_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut plain_from = 0;
    for (at, octet) in text.bytes().enumerate() {
        let Some(escape) = escape(octet, text, at) else { continue };
        out.extend_from_slice(text.as_bytes().get(plain_from..at).unwrap_or_default());
        out.extend_from_slice(escape.text.as_bytes());
        plain_from = at + escape.octets;
    }
    out.extend_from_slice(text.as_bytes().get(plain_from..).unwrap_or_default());
    out.push(b'"');
}

/// What stands for the character that begins here.
struct Escape {
    text: std::borrow::Cow<'static, str>,
    /// Of the character.
    octets: usize,
}

fn escape(octet: u8, text: &str, at: usize) -> Option<Escape> {
    let short = match octet {
        b'"' => "\\\"",
        b'\\' => "\\\\",
        b'\n' => "\\n",
        b'\r' => "\\r",
        b'\t' => "\\t",
        0..0x20 => return Some(Escape { text: format!("\\u{octet:04x}").into(), octets: 1 }),
        // No noncharacter begins with a smaller octet.
        0xef.. => {
            let character = text.get(at..)?.chars().next().filter(|c| is_noncharacter(*c))?;
            return Some(Escape { text: "\u{fffd}".into(), octets: character.len_utf8() });
        }
        _ => return None,
    };
    Some(Escape { text: short.into(), octets: 1 })
}
