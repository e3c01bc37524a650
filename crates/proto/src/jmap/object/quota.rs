//! Quota (RFC 9425 §4).

use super::print;
use crate::jmap::arguments::{Arguments, Reading};
use crate::jmap::error::MethodError;
use crate::jmap::id::Id;
use crate::jmap::json::{Json, Slot};
use crate::jmap::standard::{Condition, Object, Queried, SortKey, properties};
use crate::jmap::value::{FromJson, Wrong};

/// The data type.
#[derive(Debug)]
pub struct Quotas;

properties! {
    /// The properties of a Quota.
    pub QuotaProperty {
        Id "id",
        ResourceType "resourceType",
        Used "used",
        HardLimit "hardLimit",
        Scope "scope",
        Name "name",
        Types "types",
        WarnLimit "warnLimit",
        SoftLimit "softLimit",
        Description "description",
    }
}

/// RFC 9425 §3.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResourceType {
    Count,
    Octets,
}

/// RFC 9425 §3.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    Account,
    Domain,
    Global,
}

impl ResourceType {
    const ALL: [Self; 2] = [Self::Count, Self::Octets];

    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Octets => "octets",
        }
    }
}

impl Scope {
    const ALL: [Self; 3] = [Self::Account, Self::Domain, Self::Global];

    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Domain => "domain",
            Self::Global => "global",
        }
    }
}

/// A Quota to be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quota {
    pub id: Id,
    pub resource_type: ResourceType,
    pub used: u64,
    pub hard_limit: u64,
    pub scope: Scope,
    pub name: Box<str>,
    /// Only those whose capability the request uses.
    pub types: Vec<&'static str>,
    pub warn_limit: Option<u64>,
    pub soft_limit: Option<u64>,
    pub description: Option<Box<str>>,
}

impl Quota {
    pub fn write(&self, properties: &[QuotaProperty], slot: Slot<'_>) {
        print(&self.id, properties, slot, |property, name, object| match property {
            QuotaProperty::Id => {}
            QuotaProperty::ResourceType => object.put(name, self.resource_type.text()),
            QuotaProperty::Used => object.put(name, &self.used),
            QuotaProperty::HardLimit => object.put(name, &self.hard_limit),
            QuotaProperty::Scope => object.put(name, self.scope.text()),
            QuotaProperty::Name => object.put(name, &self.name),
            QuotaProperty::Types => object.put(name, &self.types),
            QuotaProperty::WarnLimit => object.put(name, &self.warn_limit),
            QuotaProperty::SoftLimit => object.put(name, &self.soft_limit),
            QuotaProperty::Description => object.put(name, &self.description),
        });
    }
}

/// All that are given must match (RFC 9425 §4.4).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QuotaCondition {
    pub name: Option<Box<str>>,
    pub scope: Option<Scope>,
    pub resource_type: Option<ResourceType>,
    /// `type`: is among the types.
    pub data_type: Option<Box<str>>,
}

/// What Quotas are sorted by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QuotaSortKey {
    Name,
    Used,
}

impl FromJson for ResourceType {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        let found = Self::ALL.into_iter().find(|known| value.as_str() == Some(known.text()));
        found.ok_or(Wrong::expected("count or octets"))
    }
}

impl FromJson for Scope {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        let found = Self::ALL.into_iter().find(|known| value.as_str() == Some(known.text()));
        found.ok_or(Wrong::expected("account, domain or global"))
    }
}

impl Object for Quotas {
    const TYPE: &'static str = "Quota";
    type Property = QuotaProperty;
    type GetExtra = ();
    fn default_properties() -> Vec<QuotaProperty> {
        QuotaProperty::ALL.to_vec()
    }
}

impl Condition for QuotaCondition {
    fn read(given: &mut Arguments, _: &Reading<'_>) -> Result<Self, MethodError> {
        Ok(Self {
            name: given.given("name")?,
            scope: given.given("scope")?,
            resource_type: given.given("resourceType")?,
            data_type: given.given("type")?,
        })
    }
}

impl SortKey for QuotaSortKey {
    fn read(property: &str, _: &mut Arguments) -> Result<Option<Self>, MethodError> {
        Ok(match property {
            "name" => Some(Self::Name),
            "used" => Some(Self::Used),
            _ => None,
        })
    }
}

impl Queried for Quotas {
    type Condition = QuotaCondition;
    type SortKey = QuotaSortKey;
    type QueryExtra = ();
    type QueryChangesExtra = ();
}
