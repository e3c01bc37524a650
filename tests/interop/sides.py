"""What the two sides of a sync hold, a local Maildir and a mailbox on the server, in one shape. Standard library only."""

import imaplib
import os
import re

from common import context, expect

FLAGS = {"\\Seen": "S", "\\Flagged": "F", "\\Answered": "R", "\\Draft": "D"}


def login(args, user, password):
    """A connection for looking."""
    imap = imaplib.IMAP4_SSL("localhost", args.imaps, ssl_context=context(args.ca))
    imap.login(user, password)
    return imap


def near(local, mailbox, clean=bytes):
    """Message-ID number -> (octets with CRLF, flag letters, path) of a local Maildir."""
    found = {}
    for part in ("new", "cur"):
        folder = os.path.join(local, mailbox, part)
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                octets = re.sub(rb"(?<!\r)\n", b"\r\n", file.read())
            letters = name.split(":2,")[1] if ":2," in name else ""
            number = int(re.search(rb"<interop-(\d+)@", octets).group(1))
            found[number] = (clean(octets), "".join(sorted(letters)), path)
    return found


def far(imap, mailbox, clean=bytes, flags=FLAGS):
    """The same of the server: number -> (octets, flag letters, uid)."""
    expect("SELECT", imap.select(mailbox, readonly=True)[0], "OK")
    found = {}
    _, data = imap.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")
    for item, after in zip(data, data[1:]):
        if not isinstance(item, tuple):
            continue
        number = int(re.search(rb"<interop-(\d+)@", item[1]).group(1))
        # Items stand before and after the octets.
        head = item[0].decode() + after.decode()
        letters = "".join(sorted(flags[f] for f in flags if f in head))
        found[number] = (clean(item[1]), letters, int(re.search(r"UID (\d+)", head).group(1)))
    return found


def shown(side):
    """Without paths and UIDs."""
    return {number: entry[:2] for number, entry in side.items()}


def compare(what, side, right):
    """Names the first difference to number -> (octets, flag letters)."""
    found = shown(side)
    expect(what + ": which messages", sorted(found), sorted(right))
    for number in sorted(right):
        expect("%s: message %d" % (what, number), found[number], right[number])
