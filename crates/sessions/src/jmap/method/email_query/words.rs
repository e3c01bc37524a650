//! Filters and comparators of Emails (RFC 8621 §4.4.1, RFC 8621 §4.4.2) as the mailbox service has them.

use koi_mailbox::emails::{EmailCondition as Has, EmailFilter, EmailKeyword, EmailOrder, OrderBy};
use koi_message::Collation;
use koi_proto::jmap::object::email::query::{EmailCondition, EmailSortKey, EmailTerm};
use koi_proto::jmap::standard::{Comparator, Filter, Operator};
use koi_proto::jmap::{EmailKeyword as Named, Id, MethodError};
use koi_types::MailboxId;

pub(super) fn filter(given: Option<&Filter<EmailCondition>>) -> EmailFilter {
    given.map_or(EmailFilter::all(), translated)
}

fn translated(given: &Filter<EmailCondition>) -> EmailFilter {
    match given {
        Filter::Operator { operator, conditions } => {
            let conditions = conditions.iter().map(translated).collect();
            match operator {
                Operator::And => EmailFilter::And(conditions),
                Operator::Or => EmailFilter::Or(conditions),
                Operator::Not => EmailFilter::Not(conditions),
            }
        }
        Filter::Condition(EmailCondition(terms)) => match terms.as_slice() {
            [one] => term(one),
            terms => EmailFilter::And(terms.iter().map(term).collect()),
        },
    }
}

fn term(term: &EmailTerm) -> EmailFilter {
    EmailFilter::Is(match term {
        EmailTerm::InMailbox(id) => match mailbox(id) {
            Some(id) => Has::InMailbox(id),
            // Nothing is in a mailbox that is none.
            None => return EmailFilter::Or(Vec::new()),
        },
        EmailTerm::InMailboxOtherThan(ids) => {
            Has::InMailboxOtherThan(ids.iter().filter_map(mailbox).collect())
        }
        EmailTerm::Before(date) => Has::Before(date.0),
        EmailTerm::After(date) => Has::After(date.0),
        EmailTerm::MinSize(octets) => Has::MinSize(*octets),
        EmailTerm::MaxSize(octets) => Has::MaxSize(*octets),
        EmailTerm::AllInThreadHaveKeyword(name) => Has::AllInThreadHave(keyword(name)),
        EmailTerm::SomeInThreadHaveKeyword(name) => Has::SomeInThreadHave(keyword(name)),
        EmailTerm::NoneInThreadHaveKeyword(name) => Has::NoneInThreadHave(keyword(name)),
        EmailTerm::HasKeyword(name) => Has::Has(keyword(name)),
        EmailTerm::NotKeyword(name) => Has::HasNot(keyword(name)),
        EmailTerm::HasAttachment(has) => Has::HasAttachment(*has),
        EmailTerm::Text(text) => Has::Text(text.clone()),
        EmailTerm::From(text) => Has::From(text.clone()),
        EmailTerm::To(text) => Has::To(text.clone()),
        EmailTerm::Cc(text) => Has::Cc(text.clone()),
        EmailTerm::Bcc(text) => Has::Bcc(text.clone()),
        EmailTerm::Subject(text) => Has::Subject(text.clone()),
        EmailTerm::Body(text) => Has::Body(text.clone()),
        EmailTerm::Header { name, text } => Has::Header { name: name.clone(), text: text.clone() },
    })
}

fn mailbox(id: &Id) -> Option<MailboxId> {
    MailboxId::parse(id.as_str())
}

fn keyword(named: &Named) -> EmailKeyword {
    match named {
        Named::Other(keyword) => EmailKeyword::Keyword(keyword.clone()),
        system => EmailKeyword::Flag(system.system_flag().unwrap_or_default()),
    }
}

/// The order, or `unsupportedSort` for a collation that is not offered (RFC 8620 §5.5).
pub(super) fn order(given: &[Comparator<EmailSortKey>]) -> Result<Vec<EmailOrder>, MethodError> {
    let order = |comparator: &Comparator<EmailSortKey>| {
        let by = match &comparator.key {
            EmailSortKey::ReceivedAt => OrderBy::ReceivedAt,
            EmailSortKey::Size => OrderBy::Size,
            EmailSortKey::From => OrderBy::From,
            EmailSortKey::To => OrderBy::To,
            EmailSortKey::Subject => OrderBy::Subject,
            EmailSortKey::SentAt => OrderBy::SentAt,
            EmailSortKey::HasKeyword(name) => OrderBy::HasKeyword(keyword(name)),
            EmailSortKey::AllInThreadHaveKeyword(name) => OrderBy::AllInThreadHave(keyword(name)),
            EmailSortKey::SomeInThreadHaveKeyword(name) => OrderBy::SomeInThreadHave(keyword(name)),
        };
        let collation = comparator.collation.as_deref().map_or(Ok(Collation::default()), collation)?;
        Ok(EmailOrder { by, ascending: comparator.is_ascending, collation })
    };
    given.iter().map(order).collect()
}

fn collation(name: &str) -> Result<Collation, MethodError> {
    let known = Collation::ALL.into_iter().find(|collation| collation.name() == name);
    let description = || format!("there is no collation {name}").into();
    known.ok_or_else(|| MethodError::UnsupportedSort { description: description() })
}
