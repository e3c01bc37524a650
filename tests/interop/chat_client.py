"""A chat of two and of three accounts through Koi, as clients of COI hold it: imaplib, smtplib and hashlib; messages are
sent by submission and awaited in IDLE, with receipts (RFC 8098) and with somebody who is blocked (COI client
specification)."""

import email
import email.policy
import hashlib
import imaplib
import re
import smtplib

from common import arguments, context, expect

CONFIG = "/private/vendor/vendor.dovecot/coi/config/"


class Idle:
    """A connection that waits in a mailbox and says what it was told (RFC 2177)."""

    def __init__(self, args, user, password, mailbox):
        self.imap = imaplib.IMAP4_SSL("localhost", args.imaps, ssl_context=context(args.ca))
        self.imap.login(user, password)
        self.mailbox, self.exists = mailbox, 0
        kind, data = self.imap.select(mailbox)
        expect("SELECT " + mailbox, kind, "OK")
        self.exists, self.known = int(data[0]), int(data[0])
        self.start()

    def start(self):
        """Begins to wait."""
        self.tag = self.imap._new_tag()
        self.imap.send(self.tag + b" IDLE\r\n")
        while not self.line().startswith(b"+"):
            pass

    def line(self):
        """One line, noting EXISTS and EXPUNGE."""
        line = self.imap.readline()
        if not line:
            raise SystemExit("the connection in %s was closed" % self.mailbox)
        told = re.match(rb"\* (\d+) (EXISTS|EXPUNGE)", line)
        if told:
            self.exists = int(told[1]) if told[2] == b"EXISTS" else self.exists - 1
        return line

    def wait(self, count=1):
        """Returns when so many more are there; blocks until the server says so."""
        self.known += count
        while self.exists < self.known:
            self.line()

    def silent(self, what):
        """Nothing came: what is to be said at all is said before the answer to DONE."""
        self.imap.send(b"DONE\r\n")
        while not self.line().startswith(self.tag):
            pass
        expect("%s: messages in %s" % (what, self.mailbox), self.exists, self.known)
        self.start()


class Person:
    """One account and its client: it works on one connection, waits on two, and sends on a fourth."""

    def __init__(self, args, user, password):
        self.args, self.user, self.password = args, user, password
        self.sent = 0
        self.imap = imaplib.IMAP4_SSL("localhost", args.imaps, ssl_context=context(args.ca))
        self.imap.login(user, password)
        self.enable()
        self.chats = Idle(args, user, password, "COI/Chats")
        self.inbox = Idle(args, user, password, "INBOX")
        self.smtp = smtplib.SMTP_SSL("localhost", args.submissions, context=context(args.ca))
        self.smtp.login(user, password)

    def enable(self):
        """What a client does first: asks whether there is COI, enables it, and has chats kept apart."""
        _, data = self.imap.capability()
        expect("COI is announced after login", b"COI" in data[0].split(), True)
        for entry, value in (("enabled", "yes"), ("message-filter", "active")):
            self.ok("SETMETADATA", self.simple('SETMETADATA "" (%s%s %s)' % (CONFIG, entry, value)))
        for mailbox in ("COI/Chats", "COI/Contacts"):
            self.ok(mailbox + " was made", self.imap.status(mailbox, "(MESSAGES)"))

    def simple(self, line):
        """A command imaplib has no method for."""
        name, rest = line.split(" ", 1)
        imaplib.Commands.setdefault(name, ("AUTH", "SELECTED"))
        return self.imap._simple_command(name, rest)

    @staticmethod
    def ok(what, answer):
        """The data of an OK answer."""
        expect(what, answer[0], "OK")
        return answer[1]

    def new_id(self, group=None):
        """COI client specification, message header fields and group messages."""
        self.sent += 1
        local = self.user.split("@")[0]
        return "<chat$%s%s%d@example.org>" % ("group.%s." % group if group else "", local, self.sent)

    def send(self, to, fields, body):
        """One message by submission; returns when the server has it."""
        head = ["From: %s" % self.user, "To: %s" % ", ".join(to), "Date: Sat, 21 Nov 2026 12:00:00 +0000",
                "MIME-Version: 1.0"]
        head += ["%s: %s" % field for field in fields]
        self.smtp.sendmail(self.user, to, ("\r\n".join(head) + "\r\n\r\n" + body).encode("utf-8"))

    def say(self, to, text, group=None, references=None):
        """A chat message that asks for a receipt."""
        message_id = self.new_id(group)
        fields = [("Subject", "Chat: " + text[:10]), ("Message-ID", message_id), ("Chat-Version", "1.0"),
                  ("Content-Type", 'text/plain; charset=UTF-8; format="flowed"'),
                  ("Disposition-Notification-To", self.user)]
        if references:
            fields.append(("References", references))
        self.send(to, fields, text + "\r\n")
        return message_id

    def messages(self, mailbox):
        """Message-ID -> (message, keywords and flags, UID) of a mailbox."""
        self.ok("SELECT " + mailbox, self.imap.select(mailbox))
        found = {}
        _, data = self.imap.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")
        for item, after in zip(data, data[1:]):
            if isinstance(item, tuple):
                head = (item[0] + after).decode()
                message = email.message_from_bytes(item[1], policy=email.policy.SMTP)
                flags = set(re.search(r"FLAGS \(([^)]*)\)", head).group(1).split())
                found[message["Message-ID"]] = (message, flags, re.search(r"UID (\d+)", head).group(1))
        return found

    def read(self, message_id):
        """Shows a message: marks it as seen, and sends the receipt it asks for."""
        message, flags, uid = self.messages("COI/Chats")[message_id]
        expect("$Chat on " + message_id, "$Chat" in flags, True)
        expect("a new message is unseen", "\\Seen" in flags, False)
        self.ok("STORE \\Seen", self.imap.uid("STORE", uid, "+FLAGS.SILENT", "(\\Seen)"))
        wants = message["Disposition-Notification-To"]
        if wants and self.user not in wants and "$MDNSent" not in flags:
            self.receipt(message)
            self.ok("STORE $MDNSent", self.imap.uid("STORE", uid, "+FLAGS.SILENT", "($MDNSent)"))
        return message

    def receipt(self, message):
        """COI client specification, sending read receipts."""
        fields = [("Subject", "Chat: Read receipt"), ("Message-ID", self.new_id()), ("References", message["Message-ID"]),
                  ("Chat-Version", "1.0"), ("Content-Disposition", "notification"),
                  ("Content-Type", 'multipart/report; report-type=disposition-notification;\r\n boundary="RAA14128"')]
        body = "\r\n".join([
            "--RAA14128", "Content-Type: message/disposition-notification", "",
            "Reporting-UA: interop; chat_client.py", "Final-Recipient: rfc822;" + self.user,
            "Original-Message-ID: " + message["Message-ID"],
            "Disposition: manual-action/MDN-sent-manually; displayed", "", "--RAA14128--", ""])
        self.send([message["Disposition-Notification-To"]], fields, body)

    def receipts(self):
        """Which messages were read, and by whom, as the receipts in Chats say."""
        found = set()
        for message, _, _ in self.messages("COI/Chats").values():
            if message.get_content_type() == "multipart/report" and self.user not in message["From"]:
                part = message.get_payload(0).get_payload()
                text = part if isinstance(part, str) else part[0].as_string()
                original = re.search(r"Original-Message-ID: (\S+)", text).group(1)
                found.add((original, str(message["From"])))
        return found

    def contact(self, address, blocked):
        """Stores a contact and takes away the one before (COI client specification, contact storage messages)."""
        digest = hashlib.sha3_256(address.lower().encode("utf-8")).hexdigest()
        lines = ["From: " + self.user, "COI-From-Hash: " + digest] + ["COI-Blocked: yes"] * blocked + [
            "Subject: Contact", "Message-ID: " + self.new_id(), "Content-Type: text/html; charset=UTF-8", "Chat-Version: 1.0",
            "MIME-Version: 1.0", "Chat-Content: contact", "",
            '<p class="h-card"><span class="u-email">%s</span></p>' % address, ""]
        self.ok("SELECT", self.imap.select("COI/Contacts"))
        old = self.ok("SEARCH", self.imap.uid("SEARCH", "HEADER", "COI-From-Hash", digest))[0].split()
        self.ok("APPEND", self.imap.append("COI/Contacts", None, None, "\r\n".join(lines).encode("utf-8")))
        for uid in old:
            self.ok("STORE", self.imap.uid("STORE", uid, "+FLAGS.SILENT", "(\\Deleted)"))
            self.ok("UID EXPUNGE", self.simple("UID EXPUNGE " + uid.decode()))


def two(alice, bob):
    """A question, its receipt, an answer, and an answer by somebody who does not know of chats."""
    question = alice.say([bob.user], "Grüße from Alice")
    bob.chats.wait()
    bob.inbox.silent("a chat message")
    expect("its text", bob.read(question).get_content(), "Grüße from Alice\r\n")
    bob.chats.wait()
    # The server has filed what alice sent, once, and it is not news to her; the receipt has come.
    alice.chats.wait(2)
    expect("alice's own copy is seen", alice.messages("COI/Chats")[question][1] >= {"\\Seen", "$Chat"}, True)
    expect("the receipt", alice.receipts(), {(question, bob.user)})
    alice.inbox.silent("a receipt")
    flags = bob.messages("COI/Chats")[question][1]
    expect("bob's client says that it sent one", flags >= {"\\Seen", "$Chat", "$MDNSent"}, True)
    plain = "<an-answer@example.org>"
    bob.send([alice.user], [("Subject", "Re: Chat"), ("Message-ID", plain), ("In-Reply-To", question),
                            ("References", question)], "Hello Alice\r\n")
    alice.chats.wait()
    bob.chats.wait()
    expect("an answer to a chat message is chat", "$Chat" in alice.messages("COI/Chats")[plain][1], True)
    bob.send([alice.user], [("Subject", "mail"), ("Message-ID", "<mail@example.org>")], "No chat\r\n")
    alice.inbox.wait()
    for person in (alice, bob):
        person.chats.silent("ordinary mail")
    expect("where mail is", "<mail@example.org>" in alice.messages("INBOX"), True)


def three(people):
    """Everybody says something in a group; everybody has all of it, in the same conversation."""
    said, first = [], None
    for speaker in people:
        others = [person for person in people if person is not speaker]
        message_id = speaker.say([person.user for person in others], "I am " + speaker.user, "4321dcba1234", first)
        first = first or message_id
        said.append(message_id)
        for person in others:
            person.chats.wait()
            person.inbox.silent("a group message")
            person.read(message_id)
            person.chats.wait()
        # Their own copy and two receipts.
        speaker.chats.wait(3)
    for person in people:
        found = person.messages("COI/Chats")
        expect("the group at " + person.user, [one for one in said if one not in found], [])
        wanted = {(said[people.index(person)], other.user) for other in people if other is not person}
        expect("receipts at " + person.user, {r for r in person.receipts() if r[0] in said}, wanted)


def blocking(alice, bob, carol):
    """Carol blocks bob: what he says to the group she does not see; then she lets him in again."""
    carol.contact(bob.user, True)
    unheard = bob.say([alice.user, carol.user], "Carol does not hear this", "4321dcba1234")
    alice.chats.wait()
    alice.read(unheard)
    carol.chats.silent("a blocked chat message")
    carol.inbox.silent("a blocked chat message")
    blocked = carol.messages("Blocked")
    expect("carol's Blocked", list(blocked), [unheard])
    expect("what it is", blocked[unheard][1] - {"\\Recent"}, {"$Chat"})
    bob.send([carol.user], [("Subject", "mail"), ("Message-ID", "<blocked@example.org>")], "No chat\r\n")
    carol.inbox.silent("blocked mail")
    expect("blocked mail", sorted(carol.messages("Blocked")), sorted([unheard, "<blocked@example.org>"]))
    # The others are heard as before.
    heard = alice.say([bob.user, carol.user], "Bob is blocked", "4321dcba1234")
    carol.chats.wait()
    expect("alice is heard", heard in carol.messages("COI/Chats"), True)
    carol.contact(bob.user, False)
    again = bob.say([alice.user, carol.user], "Carol hears this", "4321dcba1234")
    carol.chats.wait()
    expect("bob is heard again", again in carol.messages("COI/Chats"), True)
    expect("what was blocked stays", len(carol.messages("Blocked")), 2)


def main():
    """All of it."""
    args = arguments()
    alice = Person(args, args.user, args.password)
    bob = Person(args, args.other_user, args.other_password)
    two(alice, bob)
    carol = Person(args, args.third_user, args.other_password)
    three([alice, bob, carol])
    blocking(alice, bob, carol)


main()
