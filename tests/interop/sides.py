"""What the two sides of a sync hold, a local Maildir and a mailbox on the server, in one shape. Standard library only."""

import imaplib
import os
import re

from common import context, expect, message

FLAGS = {"\\Seen": "S", "\\Flagged": "F", "\\Answered": "R", "\\Draft": "D"}


def login(args, user, password):
    """A connection for looking."""
    imap = imaplib.IMAP4_SSL("localhost", args.imaps, ssl_context=context(args.ca))
    imap.login(user, password)
    return imap


def flags_of(number, letters=FLAGS):
    """Flags that differ from message to message."""
    return [flag for bit, flag in enumerate(letters) if number >> bit & 1]


def wanted(numbers, letters=FLAGS):
    """What both sides must show."""
    return {n: (message(n), "".join(sorted(letters[f] for f in flags_of(n, letters)))) for n in numbers}


def configure(args, name, text):
    """A local Maildir, and a configuration file of this text, in which %(local)s stands for its path."""
    local = os.path.join(args.folder, name)
    os.makedirs(local)
    file = os.path.join(args.folder, name + ".rc")
    with open(file, "w", encoding="utf-8") as out:
        out.write(text % {"local": local, "port": args.imaps, "ca": args.ca})
    return file, local


def fill(args, numbers, letters=FLAGS):
    """The messages the server begins with."""
    imap = login(args, args.user, args.password)
    imap.create("Sync")
    for number in numbers:
        flags = "(%s)" % " ".join(flags_of(number, letters))
        expect("APPEND", imap.append("Sync", flags, None, message(number))[0], "OK")
    imap.logout()


def put(local, mailbox, numbers):
    """Messages in a local Maildir that is new."""
    for part in ("new", "cur", "tmp"):
        os.makedirs(os.path.join(local, mailbox, part))
    for number in numbers:
        letters = "".join(sorted(FLAGS[f] for f in flags_of(number)))
        name = "%d.%d.here:2,%s" % (1700000000 + number, number, letters)
        with open(os.path.join(local, mailbox, "cur", name), "wb") as out:
            out.write(message(number).replace(b"\r\n", b"\n"))


def set_letters(path, letters):
    """The user gives a local message these flags."""
    folder, name = os.path.split(os.path.dirname(path))[0], os.path.basename(path).split(":2,")[0]
    os.rename(path, os.path.join(folder, "cur", name + ":2," + letters))


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
