"""mbsync (Debian package isync) against Koi: messages and flags both ways, octet by octet."""

import imaplib
import os
import re
import subprocess

from common import arguments, context, expect, message

FLAGS = {"\\Seen": "S", "\\Flagged": "F", "\\Answered": "R", "\\Draft": "D"}


def flags_of(number):
    """Flags that differ from message to message."""
    return [flag for bit, flag in enumerate(FLAGS) if number >> bit & 1]


def configure(args, name, user, password):
    """A configuration file for one account and one local Maildir."""
    local = os.path.join(args.folder, name)
    os.makedirs(local)
    file = os.path.join(args.folder, name + ".rc")
    with open(file, "w", encoding="utf-8") as out:
        out.write(
            "IMAPStore far\nHost localhost\nPort %d\nUser %s\nPass \"%s\"\nSSLType IMAPS\nCertificateFile %s\n\n"
            "MaildirStore near\nPath %s/\nInbox %s/INBOX\nSubFolders Verbatim\n\n"
            "Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSync All\nSyncState *\n"
            % (args.imaps, user, password, args.ca, local, local)
        )
    return file, local


def sync(file):
    """Once."""
    done = subprocess.run(["mbsync", "-c", file, "-a"], capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit("mbsync: %d\n%s" % (done.returncode, done.stderr.decode()[-2000:]))


def near(local, mailbox):
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
            found[number] = (without_tuid(octets), "".join(sorted(letters)), path)
    return found


def without_tuid(octets):
    """mbsync marks what it copies with a field of its own."""
    return re.sub(rb"(?m)^X-TUID: [^\r\n]*\r\n", b"", octets)


def far(imap, mailbox):
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
        letters = "".join(sorted(FLAGS[f] for f in FLAGS if f in head))
        found[number] = (without_tuid(item[1]), letters, int(re.search(r"UID (\d+)", head).group(1)))
    return found


def wanted(numbers):
    """What both sides must show."""
    return {n: (message(n), "".join(sorted(FLAGS[f] for f in flags_of(n)))) for n in numbers}


def shown(side):
    """Without paths and UIDs."""
    return {number: entry[:2] for number, entry in side.items()}


def compare(what, side, numbers):
    """Names the first difference."""
    found, right = shown(side), wanted(numbers)
    expect(what + ": which messages", sorted(found), sorted(right))
    for number in sorted(right):
        expect("%s: message %d" % (what, number), found[number], right[number])


def login(args, user, password):
    """A connection for looking."""
    imap = imaplib.IMAP4_SSL("localhost", args.imaps, ssl_context=context(args.ca))
    imap.login(user, password)
    return imap


def fill(args, numbers):
    """The messages the server begins with."""
    imap = login(args, args.user, args.password)
    imap.create("Sync")
    for number in numbers:
        kind, _ = imap.append("Sync", "(%s)" % " ".join(flags_of(number)), None, message(number))
        expect("APPEND", kind, "OK")
    imap.logout()


def pull(args, numbers):
    """Server to Maildir, then changes of flags and deletions in both directions."""
    file, local = configure(args, "pulled", args.user, args.password)
    sync(file)
    side = near(local, "Sync")
    compare("pulled", side, numbers)
    gone = numbers[10]
    os.remove(side[gone][2])
    changed = numbers[11]
    path = side[changed][2]
    os.rename(path, os.path.join(local, "Sync", "cur", os.path.basename(path).split(":2,")[0] + ":2,FS"))
    imap = login(args, args.user, args.password)
    uid = far(imap, "Sync")[numbers[12]][2]
    imap.select("Sync")
    imap.uid("STORE", str(uid), "FLAGS", "(\\Answered \\Seen)")
    sync(file)
    here, there = near(local, "Sync"), far(imap, "Sync")
    expect("deleted here, gone there", gone in there, False)
    expect("flags from here", there[changed][1], "FS")
    expect("flags from there", here[numbers[12]][1], "RS")
    expect("both sides", shown(here), shown(there))
    imap.logout()
    return local


def push(args, numbers):
    """Maildir to an empty account."""
    file, local = configure(args, "pushed", args.other_user, args.other_password)
    for part in ("new", "cur", "tmp"):
        os.makedirs(os.path.join(local, "Sync", part))
    for number in numbers:
        letters = "".join(sorted(FLAGS[f] for f in flags_of(number)))
        name = "%d.%d.here:2,%s" % (1700000000 + number, number, letters)
        with open(os.path.join(local, "Sync", "cur", name), "wb") as out:
            out.write(message(number).replace(b"\r\n", b"\n"))
    sync(file)
    imap = login(args, args.other_user, args.other_password)
    compare("pushed", far(imap, "Sync"), numbers)
    before = far(imap, "Sync")
    sync(file)
    expect("a second run changes nothing", far(imap, "Sync"), before)
    imap.logout()


def main():
    """All of it."""
    args = arguments()
    numbers = list(range(1, args.messages + 1))
    fill(args, numbers)
    pull(args, numbers)
    push(args, numbers)


main()
