//! MDNs in JMAP's words and in those of messages (RFC 9007 §2, RFC 8098 §3).

use koi_message::{RawHeader, mdn};
use koi_proto::jmap::object::mdn::{
    ActionMode, Disposition, DispositionType, ExtensionField, Mdn, SendingMode,
};
use koi_proto::jmap::{IdRef, Raw};

/// What a client asks for.
pub(super) fn asked(given: &Mdn) -> mdn::Mdn {
    let text = |text: &Option<Box<str>>| text.as_ref().map(ToString::to_string);
    let fields = given.extension_fields.iter().flatten();
    let field =
        |field: &ExtensionField| RawHeader { name: field.name.to_string(), value: field.value.to_string() };
    mdn::Mdn {
        subject: text(&given.subject),
        text_body: text(&given.text_body),
        reporting_ua: text(&given.reporting_ua),
        disposition: written(given.disposition),
        extension_fields: fields.map(field).collect(),
        ..mdn::Mdn::default()
    }
}

/// What the client did not say itself: what the server set, and every default (RFC 9007 §2.1).
pub(super) fn told(given: &Mdn, made: &mdn::Mdn) -> Raw {
    let nothing: Option<bool> = None;
    Raw::build(|slot| {
        slot.members(|object| {
            for (name, is_given) in [
                ("subject", given.subject.is_some()),
                ("textBody", given.text_body.is_some()),
                ("reportingUA", given.reporting_ua.is_some()),
                ("extensionFields", given.extension_fields.is_some()),
                ("mdnGateway", false),
                ("error", false),
            ] {
                if !is_given {
                    object.put(name, &nothing);
                }
            }
            if !given.include_original_message {
                object.put("includeOriginalMessage", &false);
            }
            if given.final_recipient.is_none() {
                object.put("finalRecipient", &made.final_recipient);
            }
            object.put("originalRecipient", &made.original_recipient);
            object.put("originalMessageId", &made.original_message_id);
        });
    })
}

/// What was found in a message.
pub(super) fn found(mdn: mdn::Mdn, for_email_id: Option<IdRef>) -> Mdn {
    let text = |text: Option<String>| text.map(Into::into);
    let field = |field: RawHeader| ExtensionField { name: field.name.into(), value: field.value.into() };
    let fields: Vec<_> = mdn.extension_fields.into_iter().map(field).collect();
    let errors: Vec<Box<str>> = mdn.error.into_iter().map(Into::into).collect();
    Mdn {
        for_email_id,
        subject: text(mdn.subject),
        text_body: text(mdn.text_body),
        include_original_message: false,
        reporting_ua: text(mdn.reporting_ua),
        disposition: read(mdn.disposition),
        mdn_gateway: text(mdn.mdn_gateway),
        original_recipient: text(mdn.original_recipient),
        final_recipient: text(mdn.final_recipient),
        original_message_id: text(mdn.original_message_id),
        error: (!errors.is_empty()).then_some(errors),
        extension_fields: (!fields.is_empty()).then_some(fields),
    }
}

fn read(found: mdn::MdnDisposition) -> Disposition {
    Disposition {
        action_mode: match found.action_mode {
            mdn::ActionMode::Manual => ActionMode::Manual,
            mdn::ActionMode::Automatic => ActionMode::Automatic,
        },
        sending_mode: match found.sending_mode {
            mdn::SendingMode::Manually => SendingMode::Manually,
            mdn::SendingMode::Automatically => SendingMode::Automatically,
        },
        disposition_type: match found.kind {
            mdn::DispositionType::Deleted => DispositionType::Deleted,
            mdn::DispositionType::Dispatched => DispositionType::Dispatched,
            mdn::DispositionType::Displayed => DispositionType::Displayed,
            mdn::DispositionType::Processed => DispositionType::Processed,
        },
    }
}

fn written(given: Disposition) -> mdn::MdnDisposition {
    mdn::MdnDisposition {
        action_mode: match given.action_mode {
            ActionMode::Manual => mdn::ActionMode::Manual,
            ActionMode::Automatic => mdn::ActionMode::Automatic,
        },
        sending_mode: match given.sending_mode {
            SendingMode::Manually => mdn::SendingMode::Manually,
            SendingMode::Automatically => mdn::SendingMode::Automatically,
        },
        kind: match given.disposition_type {
            DispositionType::Deleted => mdn::DispositionType::Deleted,
            DispositionType::Dispatched => mdn::DispositionType::Dispatched,
            DispositionType::Displayed => mdn::DispositionType::Displayed,
            DispositionType::Processed => mdn::DispositionType::Processed,
        },
    }
}
