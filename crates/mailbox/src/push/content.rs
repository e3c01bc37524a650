//! What a push says of a message, from what is stored of it (COI-webpush §payload-data-format).

use koi_message::encoded_word::decode_text;
use koi_message::{Address, Envelope, Fields};
use koi_webpush::{Content, Date, Notice};

use super::outbox::PushMessage;

impl PushMessage {
    /// JSON of at most [`koi_webpush::PAYLOAD_OCTETS_MAX`] octets.
    #[must_use]
    pub fn payload(&self) -> String {
        let envelope = Envelope::decode(&self.envelope).unwrap_or_default();
        let from = envelope.from.iter().find(|address| address.host.is_some() && address.mailbox.is_some());
        let email = from.and_then(email_of);
        let name = from.and_then(|address| address.name.as_deref()).map(decode_text);
        let subject = envelope.subject.as_deref().map(decode_text);
        let msg_id = envelope.message_id.as_deref().map(String::from_utf8_lossy);
        let chat = koi_chat::detect(&self.header);
        let group_id = chat.as_ref().and_then(|chat| chat.group.as_ref()).map(koi_chat::GroupId::as_str);
        let content_type = field(&self.header, b"content-type");
        let transfer_encoding = field(&self.header, b"content-transfer-encoding");
        let content = self.body.as_deref().map(|octets| Content {
            octets,
            content_type: &content_type,
            transfer_encoding: &transfer_encoding,
        });
        let notice = Notice {
            mailbox: self.mailbox.as_str(),
            uidvalidity: self.uidvalidity,
            uid: self.uid,
            date: self.sent_at.map(|sent| Date { at: sent.at, zone: sent.zone }),
            from_email: email.as_deref(),
            from_name: name.as_deref(),
            subject: subject.as_deref(),
            msg_id: msg_id.as_deref(),
            group_id,
            content,
        };
        notice.payload()
    }
    /// Whether it is chat.
    #[must_use]
    pub fn is_chat(&self) -> bool {
        koi_chat::detect(&self.header).is_some()
    }
}

fn email_of(address: &Address) -> Option<String> {
    let (mailbox, host) = (address.mailbox.as_deref()?, address.host.as_deref()?);
    Some(format!("{}@{}", String::from_utf8_lossy(mailbox), String::from_utf8_lossy(host)))
}

/// The value of the first field of this name, unfolded; empty when there is none.
fn field(header: &[u8], name: &[u8]) -> String {
    let Some(found) = Fields::new(header).find(|field| field.is(name)) else { return String::new() };
    let mut value = Vec::new();
    koi_message::header::unfold(found.value, &mut value);
    String::from_utf8_lossy(&value).trim().to_owned()
}
