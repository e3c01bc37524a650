//! Filters (RFC 8620 §5.5): operators over conditions, bounded in depth and number.

use crate::jmap::arguments::{Arguments, Reading};
use crate::jmap::error::MethodError;
use crate::jmap::json::{Json, Members};
use koi_types::limits;

/// FilterOperator or FilterCondition.
#[derive(Clone, PartialEq, Debug)]
pub enum Filter<C> {
    Operator { operator: Operator, conditions: Vec<Filter<C>> },
    Condition(C),
}

/// How conditions are combined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operator {
    /// All match.
    And,
    /// At least one matches.
    Or,
    /// None matches.
    Not,
}

/// The FilterCondition of a data type.
pub trait Condition: Sized + std::fmt::Debug {
    /// Reads the properties; what is left in `members` is unknown to the type.
    ///
    /// # Errors
    /// `invalidArguments` for a property of the wrong type.
    fn read(members: &mut Arguments, reading: &Reading<'_>) -> Result<Self, MethodError>;
}

impl<C: Condition> Filter<C> {
    /// Reads a filter; null was no filter already.
    pub(crate) fn read(value: Json, reading: &Reading<'_>) -> Result<Self, MethodError> {
        let mut terms_left = limits::JMAP_FILTER_TERMS_MAX;
        Self::nested(value, reading, limits::JMAP_FILTER_DEPTH_MAX, &mut terms_left)
    }

    fn nested(
        value: Json,
        reading: &Reading<'_>,
        depth_left: usize,
        terms_left: &mut usize,
    ) -> Result<Self, MethodError> {
        *terms_left = terms_left.checked_sub(1).ok_or_else(|| {
            unsupported(format!("a filter of more than {} terms", limits::JMAP_FILTER_TERMS_MAX))
        })?;
        let Json::Object(mut members) = value else {
            return Err(MethodError::invalid(format!("a filter is an object, not {}", value.kind())));
        };
        let Some(operator) = members.take("operator") else { return condition(members, reading) };
        let depth_left = depth_left.checked_sub(1).ok_or_else(|| {
            unsupported(format!("a filter of more than {} levels", limits::JMAP_FILTER_DEPTH_MAX))
        })?;
        let mut arguments = Arguments::new(members);
        let operator = Operator::read(&operator)?;
        let conditions: Vec<Json> = arguments.required("conditions")?;
        arguments.finish()?;
        let nested = |value| Self::nested(value, reading, depth_left, terms_left);
        let conditions = conditions.into_iter().map(nested).collect::<Result<_, _>>()?;
        Ok(Self::Operator { operator, conditions })
    }
}

fn condition<C: Condition>(members: Members, reading: &Reading<'_>) -> Result<Filter<C>, MethodError> {
    let mut arguments = Arguments::new(members);
    let condition = C::read(&mut arguments, reading)?;
    match arguments.into_members().iter().next() {
        Some(unknown) => Err(unsupported(format!("there is no filter {}", unknown.name))),
        None => Ok(Filter::Condition(condition)),
    }
}

fn unsupported(description: String) -> MethodError {
    MethodError::UnsupportedFilter { description: description.into() }
}

impl Operator {
    fn read(value: &Json) -> Result<Self, MethodError> {
        match value.as_str() {
            Some("AND") => Ok(Self::And),
            Some("OR") => Ok(Self::Or),
            Some("NOT") => Ok(Self::Not),
            _ => Err(MethodError::invalid("operator must be AND, OR or NOT")),
        }
    }
}
