"""mbsync (Debian package isync) against Koi: messages and flags both ways, octet by octet."""

import os
import re
import subprocess

from common import arguments, expect, message
from sides import FLAGS, compare, far, login, near, shown



def flags_of(number):
    """Flags that differ from message to message."""
    return [flag for bit, flag in enumerate(FLAGS) if number >> bit & 1]


def configure(args, name, user, password):
    """A configuration file for one account and one local Maildir."""
    local = os.path.join(args.folder, name)
    os.makedirs(local)
    file = os.path.join(args.folder, name + ".rc")
    with open(file, "w", encoding="utf-8") as out:
        # Its SCRAM is that of Cyrus SASL, which refuses more than 65,536 iterations (docs/LOGIN.md).
        out.write(
            "IMAPStore far\nHost localhost\nPort %d\nUser %s\nPass \"%s\"\nSSLType IMAPS\nCertificateFile %s\n"
            "AuthMechs PLAIN\n\n"
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


def without_tuid(octets):
    """mbsync marks what it copies with a field of its own."""
    return re.sub(rb"(?m)^X-TUID: [^\r\n]*\r\n", b"", octets)


def wanted(numbers):
    """What both sides must show."""
    return {n: (message(n), "".join(sorted(FLAGS[f] for f in flags_of(n)))) for n in numbers}


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
    side = near(local, "Sync", without_tuid)
    compare("pulled", side, wanted(numbers))
    gone = numbers[10]
    os.remove(side[gone][2])
    changed = numbers[11]
    path = side[changed][2]
    os.rename(path, os.path.join(local, "Sync", "cur", os.path.basename(path).split(":2,")[0] + ":2,FS"))
    imap = login(args, args.user, args.password)
    uid = far(imap, "Sync", without_tuid)[numbers[12]][2]
    imap.select("Sync")
    imap.uid("STORE", str(uid), "FLAGS", "(\\Answered \\Seen)")
    sync(file)
    here, there = near(local, "Sync", without_tuid), far(imap, "Sync", without_tuid)
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
    compare("pushed", far(imap, "Sync", without_tuid), wanted(numbers))
    before = far(imap, "Sync", without_tuid)
    sync(file)
    expect("a second run changes nothing", far(imap, "Sync", without_tuid), before)
    imap.logout()


def main():
    """All of it."""
    args = arguments()
    numbers = list(range(1, args.messages + 1))
    fill(args, numbers)
    pull(args, numbers)
    push(args, numbers)


main()
