//! Mailbox (RFC 8621 §2).

use koi_types::Rights;

use super::print;
use crate::jmap::arguments::{Arguments, Reading};
use crate::jmap::error::MethodError;
use crate::jmap::form::Form;
use crate::jmap::id::{Id, IdRef};
use crate::jmap::json::{Slot, ToJson};
use crate::jmap::patch::{Change, Claim, Patch};
use crate::jmap::set_error::SetError;
use crate::jmap::standard::{Condition, Extra, Object, Property, Queried, Settable, SortKey, properties};

/// The data type.
#[derive(Debug)]
pub struct Mailboxes;

properties! {
    /// The properties of a Mailbox.
    pub MailboxProperty {
        Id "id",
        Name "name",
        ParentId "parentId",
        Role "role",
        SortOrder "sortOrder",
        TotalEmails "totalEmails",
        UnreadEmails "unreadEmails",
        TotalThreads "totalThreads",
        UnreadThreads "unreadThreads",
        MyRights "myRights",
        IsSubscribed "isSubscribed",
    }
}

impl MailboxProperty {
    /// RFC 8621 §2.2: what `updatedProperties` names when nothing else has changed.
    pub const COUNTS: [Self; 4] =
        [Self::TotalEmails, Self::UnreadEmails, Self::TotalThreads, Self::UnreadThreads];
}

/// A Mailbox to be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mailbox {
    pub id: Id,
    pub name: Box<str>,
    pub parent_id: Option<Id>,
    /// In lower case.
    pub role: Option<Box<str>>,
    pub sort_order: u32,
    pub total_emails: u64,
    pub unread_emails: u64,
    pub total_threads: u64,
    pub unread_threads: u64,
    pub my_rights: MailboxRights,
    pub is_subscribed: bool,
}

/// MailboxRights: the rights of RFC 4314 that are behind each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MailboxRights(pub Rights);

/// The parts of MailboxRights with the rights that all must be there.
const RIGHTS: [(&str, Rights); 9] = [
    ("mayReadItems", Rights::LOOKUP.union(Rights::READ)),
    ("mayAddItems", Rights::INSERT),
    ("mayRemoveItems", Rights::DELETE_MESSAGES.union(Rights::EXPUNGE)),
    ("maySetSeen", Rights::SEEN),
    ("maySetKeywords", Rights::WRITE),
    ("mayCreateChild", Rights::CREATE),
    ("mayRename", Rights::DELETE),
    ("mayDelete", Rights::DELETE),
    ("maySubmit", Rights::POST),
];

impl ToJson for MailboxRights {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| RIGHTS.iter().for_each(|(name, all)| object.put(name, &self.0.contains(*all))));
    }
}

impl Mailbox {
    pub fn write(&self, properties: &[MailboxProperty], slot: Slot<'_>) {
        print(&self.id, properties, slot, |property, name, object| match property {
            MailboxProperty::Id => {}
            MailboxProperty::Name => object.put(name, &self.name),
            MailboxProperty::ParentId => object.put(name, &self.parent_id),
            MailboxProperty::Role => object.put(name, &self.role),
            MailboxProperty::SortOrder => object.put(name, &self.sort_order),
            MailboxProperty::TotalEmails => object.put(name, &self.total_emails),
            MailboxProperty::UnreadEmails => object.put(name, &self.unread_emails),
            MailboxProperty::TotalThreads => object.put(name, &self.total_threads),
            MailboxProperty::UnreadThreads => object.put(name, &self.unread_threads),
            MailboxProperty::MyRights => object.put(name, &self.my_rights),
            MailboxProperty::IsSubscribed => object.put(name, &self.is_subscribed),
        });
    }
}

/// A Mailbox to be created.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailboxCreate {
    pub name: Box<str>,
    pub parent_id: Option<IdRef>,
    pub role: Option<Box<str>>,
    pub sort_order: u32,
    /// `None`: what the server thinks right (RFC 8621 §2: true for one's own).
    pub is_subscribed: Option<bool>,
}

/// A Mailbox to be changed.
#[derive(Clone, PartialEq, Debug)]
pub struct MailboxUpdate {
    pub name: Change<Box<str>>,
    pub parent_id: Change<Option<IdRef>>,
    pub role: Change<Option<Box<str>>>,
    pub sort_order: Change<u32>,
    pub is_subscribed: Change<bool>,
    pub claims: Vec<Claim>,
}

/// Mailbox/set (RFC 8621 §2.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MailboxSetExtra {
    pub on_destroy_remove_emails: bool,
}

/// Mailbox/query (RFC 8621 §2.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MailboxQueryExtra {
    pub sort_as_tree: bool,
    pub filter_as_tree: bool,
}

/// All that are given must match (RFC 8621 §2.3).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MailboxCondition {
    /// `Some(None)`: at the top.
    pub parent_id: Option<Option<Id>>,
    pub name: Option<Box<str>>,
    /// `Some(None)`: without a role.
    pub role: Option<Option<Box<str>>>,
    pub has_any_role: Option<bool>,
    pub is_subscribed: Option<bool>,
}

/// What Mailboxes are sorted by; the two that RFC 8621 §2.3 asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MailboxSortKey {
    SortOrder,
    Name,
}

/// RFC 8621 §2: 0 <= sortOrder < 2^31.
const SORT_ORDER_MAX: u64 = (1 << 31) - 1;

fn sort_order(value: u64) -> Result<u32, &'static str> {
    u32::try_from(value).ok().filter(|_| value <= SORT_ORDER_MAX).ok_or("sortOrder must be less than 2^31")
}

/// RFC 8621 §2: Net-Unicode of at least one character. How long it may be is the account's to say.
fn name_is_wrong(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("name must not be empty"),
        _ if name.chars().any(char::is_control) => Some("name must not contain control characters"),
        _ => None,
    }
}

impl Object for Mailboxes {
    const TYPE: &'static str = "Mailbox";
    type Property = MailboxProperty;
    type GetExtra = ();
    fn default_properties() -> Vec<MailboxProperty> {
        MailboxProperty::ALL.to_vec()
    }
}

impl Settable for Mailboxes {
    type Create = MailboxCreate;
    type Update = MailboxUpdate;
    type SetExtra = MailboxSetExtra;

    fn create(form: &mut Form<'_>) -> Option<MailboxCreate> {
        let name: Option<Box<str>> = form.required("name");
        if let Some(why) = name.as_deref().and_then(name_is_wrong) {
            form.wrong("name", why);
        }
        let parent_id = form.optional("parentId");
        let role = form.optional("role");
        let sort_order = sort_order(form.or("sortOrder", 0)).map_err(|why| form.wrong("sortOrder", why));
        let is_subscribed = form.has("isSubscribed").then(|| form.required("isSubscribed")).flatten();
        Some(MailboxCreate { name: name?, parent_id, role, sort_order: sort_order.ok()?, is_subscribed })
    }

    fn update(mut patch: Patch) -> Result<MailboxUpdate, SetError> {
        let name: Change<Box<str>> = patch.value("name", None);
        if let Change::Set(name) = &name
            && let Some(why) = name_is_wrong(name)
        {
            patch.wrong("name", why);
        }
        let order = match patch.value("sortOrder", Some(0u64)) {
            Change::Keep => Change::Keep,
            Change::Set(value) => match sort_order(value) {
                Ok(value) => Change::Set(value),
                Err(why) => {
                    patch.wrong("sortOrder", why);
                    Change::Keep
                }
            },
        };
        let parent_id = patch.value("parentId", Some(None));
        let role = patch.value("role", Some(None));
        let is_subscribed = patch.value("isSubscribed", None);
        let claims = patch.finish(|name| MailboxProperty::parse(name).is_some())?;
        Ok(MailboxUpdate { name, parent_id, role, sort_order: order, is_subscribed, claims })
    }
}

impl Extra for MailboxSetExtra {
    fn take(arguments: &mut Arguments, _: &Reading<'_>) -> Result<Self, MethodError> {
        Ok(Self { on_destroy_remove_emails: arguments.or("onDestroyRemoveEmails", false)? })
    }
}

impl Extra for MailboxQueryExtra {
    fn take(arguments: &mut Arguments, _: &Reading<'_>) -> Result<Self, MethodError> {
        let sort_as_tree = arguments.or("sortAsTree", false)?;
        Ok(Self { sort_as_tree, filter_as_tree: arguments.or("filterAsTree", false)? })
    }
}

impl Condition for MailboxCondition {
    fn read(given: &mut Arguments, reading: &Reading<'_>) -> Result<Self, MethodError> {
        let parent_id = match given.given::<Option<IdRef>>("parentId")? {
            Some(Some(id)) => match reading.created_ids.resolve(&id) {
                Some(id) => Some(Some(id.clone())),
                None => return Err(MethodError::invalid(format!("parentId: nothing was created as {id}"))),
            },
            Some(None) => Some(None),
            None => None,
        };
        Ok(Self {
            parent_id,
            name: given.given("name")?,
            role: given.given("role")?,
            has_any_role: given.given("hasAnyRole")?,
            is_subscribed: given.given("isSubscribed")?,
        })
    }
}

impl SortKey for MailboxSortKey {
    fn read(property: &str, _: &mut Arguments) -> Result<Option<Self>, MethodError> {
        Ok(match property {
            "sortOrder" => Some(Self::SortOrder),
            "name" => Some(Self::Name),
            _ => None,
        })
    }
}

impl Queried for Mailboxes {
    type Condition = MailboxCondition;
    type SortKey = MailboxSortKey;
    type QueryExtra = MailboxQueryExtra;
    /// Not in RFC 8621 §2.4, but without them the order of the query is not known; clients that follow the
    /// RFC leave them out.
    type QueryChangesExtra = MailboxQueryExtra;
}
