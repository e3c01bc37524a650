"""Python's imaplib against Koi: TLS and STARTTLS, and every command imaplib has a method for."""

import imaplib
import re

from common import arguments, context, expect, message


def ok(what, answer):
    """The data of an OK answer."""
    kind, data = answer
    expect(what, kind, "OK")
    return data


def both_ways_in(args):
    """Clear text refuses the password, STARTTLS takes it."""
    plain = imaplib.IMAP4("localhost", args.imap)
    try:
        plain.login(args.user, args.password)
        raise SystemExit("LOGIN without TLS was accepted")
    except imaplib.IMAP4.error as error:
        expect("refusal names the reason", "PRIVACYREQUIRED" in str(error), True)
    ok("STARTTLS", plain.starttls(context(args.ca)))
    ok("LOGIN after STARTTLS", plain.login(args.user, args.password))
    expect("LOGOUT", plain.logout()[0], "BYE")
    wrong = imaplib.IMAP4_SSL("localhost", args.imaps, ssl_context=context(args.ca))
    try:
        wrong.login(args.user, "not the password")
        raise SystemExit("a wrong password was accepted")
    except imaplib.IMAP4.error as error:
        expect("refusal names the reason", "AUTHENTICATIONFAILED" in str(error), True)
    secret = ("\0%s\0%s" % (args.user, args.password)).encode()
    ok("AUTHENTICATE PLAIN", wrong.authenticate("PLAIN", lambda _: secret))
    wrong.logout()


def mailboxes(imap):
    """CREATE, RENAME, LIST, SUBSCRIBE, STATUS, DELETE, with a name beyond ASCII."""
    for name in ("work", "work/deep", "Entw&APw-rfe"):
        ok("CREATE " + name, imap.create(name))
    listed = [line.decode() for line in ok("LIST", imap.list())]
    for name in ("INBOX", "Drafts", "work", "work/deep", "Entw&APw-rfe"):
        expect("LIST has " + name, any(re.search(r' "?%s"?$' % re.escape(name), line) for line in listed), True)
    expect("special use", any("\\Drafts" in line and "Drafts" in line for line in listed), True)
    ok("RENAME", imap.rename("work", "office"))
    ok("SUBSCRIBE", imap.subscribe("office"))
    expect("LSUB", any(b"office" in line for line in ok("LSUB", imap.lsub())), True)
    ok("UNSUBSCRIBE", imap.unsubscribe("office"))
    expect("STATUS", b"MESSAGES 0" in ok("STATUS", imap.status("office/deep", "(MESSAGES UIDNEXT)"))[0], True)
    ok("DELETE", imap.delete("office/deep"))
    ok("NAMESPACE", imap.namespace())


def messages(imap):
    """APPEND, SELECT, SEARCH, FETCH, STORE, COPY, EXPUNGE: what goes in comes out."""
    for number in range(1, 21):
        ok("APPEND", imap.append("office", "(\\Seen $Label1)" if number % 2 else None, None, message(number)))
    expect("SELECT", ok("SELECT", imap.select("office")), [b"20"])
    expect("SEARCH UNSEEN", len(ok("SEARCH", imap.search(None, "UNSEEN"))[0].split()), 10)
    expect("SEARCH SUBJECT", ok("SEARCH", imap.search(None, "SUBJECT", '"message 7 "')), [b"7"])
    expect("SEARCH by keyword", len(ok("SEARCH", imap.search(None, "KEYWORD", "$Label1"))[0].split()), 10)
    for number in range(1, 21):
        data = ok("FETCH", imap.fetch(str(number), "(UID BODY.PEEK[])"))
        expect("octets of %d" % number, data[0][1], message(number))
    header = ok("FETCH", imap.fetch("3", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)]<0.12>)"))[0][1]
    expect("a piece of the header", header, b"Subject: mes")
    ok("STORE", imap.store("1:5", "+FLAGS", "(\\Deleted)"))
    ok("COPY", imap.copy("1:3", "INBOX"))
    expect("EXPUNGE", len(ok("EXPUNGE", imap.expunge())), 5)
    data = ok("UID FETCH", imap.uid("FETCH", "6", "(FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE)"))[0]
    expect("the first is UID 6 now", data.startswith(b"1 (") and b"UID 6" in data, True)
    expect("its size", b"RFC822.SIZE %d" % len(message(6)) in data, True)
    ok("UID MOVE", imap.uid("MOVE", "6:7", "INBOX"))
    expect("what is left", len(ok("SEARCH", imap.search(None, "ALL"))[0].split()), 13)
    ok("NOOP", imap.noop())
    ok("CLOSE", imap.close())
    expect("INBOX has what came", ok("SELECT", imap.select("INBOX", readonly=True)), [b"5"])
    expect("its first", ok("FETCH", imap.fetch("1", "(RFC822)"))[0][1], message(1))
    expect("its last", ok("FETCH", imap.fetch("5", "(RFC822)"))[0][1], message(7))


def main():
    """All of it."""
    args = arguments()
    both_ways_in(args)
    imap = imaplib.IMAP4_SSL("localhost", args.imaps, ssl_context=context(args.ca))
    ok("LOGIN", imap.login(args.user, args.password))
    mailboxes(imap)
    messages(imap)
    expect("LOGOUT", imap.logout()[0], "BYE")


main()
