//! Signs and groups, as tables of known answers.

use proptest::prelude::*;

use super::*;

/// `None` for ordinary mail, else the group or nothing.
fn seen(header: &[u8]) -> Option<Option<String>> {
    detect(header).map(|chat| chat.group.map(|group| group.as_str().to_owned()))
}

fn is_chat(header: &str) -> bool {
    seen(header.replace('\n', "\r\n").as_bytes()).is_some()
}

// spec: COI-server §configure-message-filtering
#[test]
fn each_of_the_three_signs_is_enough() {
    for chat in [
        "Chat-Version: 1.0\n",
        "chat-VERSION: 1.0;name=value\n",
        "Chat-Version:\n",
        "Subject: x\nChat-Version : 9\n",
        "Message-ID: <chat$S2571BC.2878&8@sample.com>\n",
        "References: <chat$434571BC.89A707D2@sample.com> <b@c>\n",
        "Message-ID: <a@b>\nReferences: <chat$x@y>\n",
        "Message-ID:\n <chat$x@y>\n",
        "References:\n\t<chat$x@y>\n\t<b@c>\n",
        "Message-ID: (not <a@b> (nor <c@d>)) <chat$x@y>\n",
        "Message-ID: <(why not) chat$x (indeed) @ y>\n",
        "Message-ID: <\"chat$x\"@y>\n",
        "Message-ID: <chat$x>\n",
        "Message-ID: <chat$x@y\n",
        "Message-ID: chat$x@y\n",
        "References: Their message \"of <a@b>\" <chat$x@y>\n",
        "References: <> <chat$x@y>\n",
        "Message-ID: <chat$x@y>\nMessage-ID: <a@b>\n",
        "Message-ID: <chat$\u{e4}@y>\n",
    ] {
        assert!(is_chat(chat), "{chat:?}");
    }
}

// spec: COI-server §configure-message-filtering
#[test]
fn nothing_else_is_a_sign() {
    for mail in [
        "",
        "\nChat-Version: 1.0\n",
        "Subject: x\n\nChat-Version: 1.0\n",
        "Chat-Versions: 1.0\n",
        "X-Chat-Version: 1.0\n",
        "Chat-Version\n",
        "Message-ID: <coi$S2571BC.2878@sample.com>\n",
        "References: <coi$S2571BC.2878@sample.com>\n",
        "Message-ID: <Chat$x@y>\n",
        "Message-ID: <xchat$x@y>\n",
        "Message-ID: <chat.x@y>\n",
        "Message-ID:\n",
        "Message-ID: <>\n",
        "Message-ID: (<chat$x@y>) <a@b>\n",
        "Message-ID: (<chat$x@y>\n",
        "Message-ID: chat$x <a@b>\n",
        "Message-ID: <a@b>\nMessage-ID: <chat$x@y>\n",
        "References: <a@b> <chat$x@y>\n",
        "References: <a@b>\nReferences: <chat$x@y>\n",
        "References: \"<chat$x@y>\" <a@b>\n",
        "In-Reply-To: <chat$x@y>\n",
        "Resent-Message-ID: <chat$x@y>\n",
        "Subject: chat$x\n Chat-Version: 1.0\n",
    ] {
        assert!(!is_chat(mail), "{mail:?}");
    }
}

// spec: COI-client §group-messages
#[test]
fn groups_come_from_the_message_id_and_then_from_the_root() {
    let long = "x".repeat(GROUP_ID_OCTETS_MAX);
    let fits = format!("Message-ID: <chat$group.{long}.r@d>\r\n");
    let too_long = format!("Message-ID: <chat$group.{long}x.r@d>\r\n");
    for (header, group) in [
        ("Message-ID: <chat$group.4321dcba1234.S2571BC.2878&8@sample.com>\r\n", Some("4321dcba1234")),
        ("Message-ID: <chat$group.Aa-_09.r@d>\r\n", Some("Aa-_09")),
        ("Message-ID: <a@b>\r\nReferences: <chat$group.g1.r@d> <chat$group.g2.r@d>\r\n", Some("g1")),
        ("References: <chat$group.g1.r@d>\r\nMessage-ID: <chat$group.g2.r@d>\r\n", Some("g2")),
        ("Message-ID: <chat$x@y>\r\nReferences: <chat$group.g1.r@d>\r\n", Some("g1")),
        (&fits, Some(&*long)),
        (&too_long, None),
        ("Message-ID: <chat$group.g1>\r\n", None),
        ("Message-ID: <chat$group..r@d>\r\n", None),
        ("Message-ID: <chat$group.g 1!.r@d>\r\n", None),
        ("Message-ID: <chat$group.g\u{e4}.r@d>\r\n", None),
        ("Message-ID: <chat$groups.g1.r@d>\r\n", None),
        ("Chat-Version: 1.0\r\nMessage-ID: <group.g1.r@d>\r\n", None),
    ] {
        assert_eq!(seen(header.as_bytes()), Some(group.map(str::to_owned)), "{header:?}");
    }
}

#[test]
fn a_header_is_looked_at_up_to_its_limit() {
    let mut header = b"X: y\r\n".repeat(HEADER_OCTETS_MAX / 6);
    header.extend(b"Chat-Version: 1.0\r\n");
    assert_eq!(detect(&header), None);
}

proptest! {
    /// Whatever comes: no panic, and nothing longer than a group id may be.
    #[test]
    fn anything_may_come(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut header = b"Message-ID: <chat$group.".to_vec();
        header.extend(&octets);
        if let Some(Chat { group: Some(group) }) = detect(&header) {
            prop_assert!(group.as_str().len() <= GROUP_ID_OCTETS_MAX);
        }
        let _ = detect(&octets);
    }
}
