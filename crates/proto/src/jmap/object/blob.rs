//! Blobs: Blob/copy (RFC 8620 §6.3), Blob/upload, Blob/get and Blob/lookup (RFC 9404 §4), and the answer to
//! an upload (RFC 8620 §6.1).

use std::borrow::Cow;

use sha2::{Digest, Sha256, Sha512};

use crate::jmap::arguments::{Arguments, Ids, Reading};
use crate::jmap::capability::Capability;
use crate::jmap::error::MethodError;
use crate::jmap::form::Form;
use crate::jmap::id::{Id, IdRef};
use crate::jmap::json::{Json, Members, Raw, Slot, ToJson};
use crate::jmap::set_error::SetError;
use crate::jmap::standard::set::{creations, filled};
use crate::jmap::standard::{Create, Extra, Object, Property, Table, get};
use crate::jmap::value::{FromJson, Reader, Wrong};

/// Arguments of Blob/copy (RFC 8620 §6.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlobCopy {
    pub from_account_id: Id,
    pub account_id: Id,
    pub blob_ids: Ids,
}

impl BlobCopy {
    /// # Errors
    /// `invalidArguments`, `requestTooLarge`.
    pub fn read(mut arguments: Arguments, reading: &Reading<'_>) -> Result<Self, MethodError> {
        let from_account_id = arguments.required("fromAccountId")?;
        let account_id = arguments.account_id()?;
        let given: Vec<IdRef> = arguments.required("blobIds")?;
        arguments.finish()?;
        let blob_ids = Ids::resolve(given, reading.created_ids);
        if !reading.limits.may_set(blob_ids.len()) {
            return Err(MethodError::RequestTooLarge);
        }
        Ok(Self { from_account_id, account_id, blob_ids })
    }
}

/// Response of Blob/copy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlobCopyResponse {
    pub from_account_id: Id,
    pub account_id: Id,
    pub copied: Table<Id>,
    pub not_copied: Table<SetError>,
}

impl ToJson for BlobCopyResponse {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("fromAccountId", &self.from_account_id);
            object.put("accountId", &self.account_id);
            object.put("copied", &self.copied);
            object.put("notCopied", &self.not_copied);
        });
    }
}

/// The answer to an upload over HTTP (RFC 8620 §6.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Uploaded {
    pub account_id: Id,
    pub blob_id: Id,
    pub media_type: Box<str>,
    pub size: u64,
}

impl ToJson for Uploaded {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("accountId", &self.account_id);
            object.put("blobId", &self.blob_id);
            object.put("type", &self.media_type);
            object.put("size", &self.size);
        });
    }
}

/// Arguments of Blob/upload (RFC 9404 §4.1).
#[derive(Clone, PartialEq, Debug)]
pub struct BlobUpload {
    pub account_id: Id,
    pub create: Vec<Create<UploadObject>>,
}

/// UploadObject: what a blob is put together from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UploadObject {
    pub data: Vec<DataSource>,
    pub media_type: Option<Box<str>>,
}

/// DataSourceObject.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DataSource {
    /// These octets; base64 is decoded.
    Octets(Vec<u8>),
    Blob {
        blob_id: IdRef,
        offset: u64,
        /// `None`: to the end.
        length: Option<u64>,
    },
}

impl BlobUpload {
    /// # Errors
    /// `invalidArguments`; `requestTooLarge`, before any object is read.
    pub fn read(mut arguments: Arguments, reading: &Reading<'_>) -> Result<Self, MethodError> {
        let account_id = arguments.account_id()?;
        let create: Members = arguments.required("create")?;
        arguments.finish()?;
        if !reading.limits.may_set(create.len()) {
            return Err(MethodError::RequestTooLarge);
        }
        let create = creations(create, "create", |object| filled(object, upload))?;
        Ok(Self { account_id, create })
    }
}

fn upload(form: &mut Form<'_>) -> Option<UploadObject> {
    let data: Option<Vec<DataSource>> = form.required("data");
    if data.as_ref().is_some_and(|data| data.len() > koi_types::limits::JMAP_DATA_SOURCES_MAX) {
        form.wrong("data", format!("at most {} sources", koi_types::limits::JMAP_DATA_SOURCES_MAX));
    }
    let media_type = form.optional("type");
    Some(UploadObject { data: data?, media_type })
}

impl FromJson for DataSource {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        let mut reader = Reader::of(value)?;
        let text: Option<Box<str>> = reader.optional("data:asText")?;
        let base64: Option<Box<str>> = reader.optional("data:asBase64")?;
        let blob_id: Option<IdRef> = reader.optional("blobId")?;
        let offset: Option<u64> = reader.optional("offset")?;
        let length: Option<u64> = reader.optional("length")?;
        reader.finish()?;
        match (text, base64, blob_id) {
            (Some(text), None, None) if offset.or(length).is_none() => {
                Ok(Self::Octets(text.into_string().into_bytes()))
            }
            (None, Some(base64), None) if offset.or(length).is_none() => {
                let octets = crate::sasl::base64_decode(base64.as_bytes());
                octets.map(Self::Octets).map_err(|_| Wrong::expected("base64").within("data:asBase64"))
            }
            (None, None, Some(blob_id)) => Ok(Self::Blob { blob_id, offset: offset.unwrap_or(0), length }),
            _ => Err(Wrong::expected("one of data:asText, data:asBase64 and blobId")),
        }
    }
}

/// What `created` says of a blob.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreatedBlob {
    pub id: Id,
    pub media_type: Option<Box<str>>,
    pub size: u64,
}

impl ToJson for CreatedBlob {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("id", &self.id);
            object.put("type", &self.media_type);
            object.put("size", &self.size);
        });
    }
}

/// Response of Blob/upload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlobUploadResponse {
    pub account_id: Id,
    pub created: Table<Raw>,
    pub not_created: Table<SetError>,
}

impl ToJson for BlobUploadResponse {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("accountId", &self.account_id);
            object.put("created", &self.created);
            object.put("notCreated", &self.not_created);
        });
    }
}

/// The data type of Blob/get.
#[derive(Debug)]
pub struct Blobs;

/// What Blob/get shows (RFC 9404 §4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BlobProperty {
    Id,
    DataAsText,
    DataAsBase64,
    /// As text if it is some, else as base64.
    Data,
    Digest(DigestAlgorithm),
    Size,
}

/// `supportedDigestAlgorithms` (RFC 9404 §3.1); names of the HTTP Digest Algorithms registry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DigestAlgorithm {
    Sha256,
    Sha512,
}

impl DigestAlgorithm {
    /// The best first.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha512 => "sha-512",
        }
    }

    #[must_use]
    pub fn digest(self, octets: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(octets).to_vec(),
            Self::Sha512 => Sha512::digest(octets).to_vec(),
        }
    }
}

impl Property for BlobProperty {
    fn parse(name: &str) -> Option<Self> {
        if let Some(algorithm) = name.strip_prefix("digest:") {
            return DigestAlgorithm::ALL
                .into_iter()
                .find(|known| known.name() == algorithm)
                .map(Self::Digest);
        }
        match name {
            "id" => Some(Self::Id),
            "data:asText" => Some(Self::DataAsText),
            "data:asBase64" => Some(Self::DataAsBase64),
            "data" => Some(Self::Data),
            "size" => Some(Self::Size),
            _ => None,
        }
    }
    fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Id => "id".into(),
            Self::DataAsText => "data:asText".into(),
            Self::DataAsBase64 => "data:asBase64".into(),
            Self::Data => "data".into(),
            Self::Digest(algorithm) => format!("digest:{}", algorithm.name()).into(),
            Self::Size => "size".into(),
        }
    }
}

/// The octets that Blob/get is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlobRange {
    pub offset: u64,
    /// `None`: to the end.
    pub length: Option<u64>,
}

impl Extra for BlobRange {
    fn take(arguments: &mut Arguments, _: &Reading<'_>) -> Result<Self, MethodError> {
        let offset = arguments.optional("offset")?.unwrap_or(0);
        Ok(Self { offset, length: arguments.optional("length")? })
    }
}

impl Object for Blobs {
    const TYPE: &'static str = "Blob";
    type Property = BlobProperty;
    type GetExtra = BlobRange;
    fn default_properties() -> Vec<BlobProperty> {
        vec![BlobProperty::Data, BlobProperty::Size]
    }
}

/// A blob to be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blob {
    pub id: Id,
    /// Octets of the whole blob.
    pub size: u64,
    /// The octets within the range; need not be there when only the size is asked for.
    pub selected: Vec<u8>,
    /// The range passes the end of the blob, or begins behind it.
    pub is_truncated: bool,
    /// Of the selected octets, for each digest that was asked for, in that order.
    pub digests: Vec<Vec<u8>>,
}

impl Blob {
    pub fn write(&self, properties: &[BlobProperty], slot: Slot<'_>) {
        let text = std::str::from_utf8(&self.selected).ok();
        let mut problem = false;
        let mut shown: Vec<BlobProperty> = Vec::new();
        for property in properties {
            let property = match (property, text) {
                (BlobProperty::Data, Some(_)) => BlobProperty::DataAsText,
                (BlobProperty::Data, None) => {
                    problem = true;
                    BlobProperty::DataAsBase64
                }
                (BlobProperty::DataAsText, None) => {
                    problem = true;
                    BlobProperty::DataAsText
                }
                (other, _) => *other,
            };
            if !shown.contains(&property) {
                shown.push(property);
            }
        }
        slot.members(|object| {
            object.put("id", &self.id);
            object.put_some("isTruncated", self.is_truncated.then_some(&true));
            object.put_some("isEncodingProblem", problem.then_some(&true));
            let mut digests = self.digests.iter();
            for property in shown {
                let name = property.name();
                match property {
                    BlobProperty::DataAsText => object.put(&name, &text),
                    BlobProperty::DataAsBase64 => object.put(&name, &base64(&self.selected)),
                    BlobProperty::Digest(_) => {
                        object.put(&name, &digests.next().map(|digest| base64(digest)))
                    }
                    BlobProperty::Size => object.put(&name, &self.size),
                    BlobProperty::Id | BlobProperty::Data => {}
                }
            }
        });
    }
}

fn base64(octets: &[u8]) -> String {
    crate::sasl::base64_encode(octets)
}

/// The types that Blob/lookup looks into (`supportedTypeNames`, RFC 9404 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LookupType {
    Mailbox,
    Thread,
    Email,
}

impl LookupType {
    pub const ALL: [Self; 3] = [Self::Mailbox, Self::Thread, Self::Email];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mailbox => "Mailbox",
            Self::Thread => "Thread",
            Self::Email => "Email",
        }
    }
}

/// Arguments of Blob/lookup (RFC 9404 §4.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlobLookup {
    pub account_id: Id,
    pub types: Vec<LookupType>,
    pub ids: Ids,
}

impl BlobLookup {
    /// # Errors
    /// `invalidArguments`, `requestTooLarge`; `unknownDataType`, also for a type of an unused capability.
    pub fn read(mut arguments: Arguments, reading: &Reading<'_>) -> Result<Self, MethodError> {
        let account_id = arguments.account_id()?;
        let names: Vec<Box<str>> = arguments.required("typeNames")?;
        let ids = get::ids(&mut arguments, "ids", reading)?;
        let ids = ids.ok_or_else(|| MethodError::invalid("ids is missing"))?;
        arguments.finish()?;
        let mut types = Vec::new();
        for name in names {
            let known = LookupType::ALL.into_iter().find(|known| known.name() == &*name);
            let known = known.filter(|_| reading.using.contains(Capability::Mail));
            let known = known.ok_or_else(|| MethodError::UnknownDataType {
                description: format!("there is no looking into {name}").into(),
            })?;
            if !types.contains(&known) {
                types.push(known);
            }
        }
        Ok(Self { account_id, types, ids })
    }
}

/// BlobInfo: who refers to a blob.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlobInfo {
    pub id: Id,
    /// One for each type that was asked for.
    pub matched: Vec<Matched>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Matched {
    pub lookup_type: LookupType,
    pub ids: Vec<Id>,
}

impl ToJson for BlobInfo {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("id", &self.id);
            object.member("matchedIds").members(|object| {
                self.matched.iter().for_each(|matched| object.put(matched.lookup_type.name(), &matched.ids));
            });
        });
    }
}

/// Response of Blob/lookup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlobLookupResponse {
    pub account_id: Id,
    pub list: Vec<BlobInfo>,
    /// Ids that are none.
    pub not_found: Vec<IdRef>,
}

impl ToJson for BlobLookupResponse {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("accountId", &self.account_id);
            object.put("list", &self.list);
            object.put("notFound", &self.not_found);
        });
    }
}
