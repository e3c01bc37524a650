"""mbsync (Debian package isync) against Koi: messages and flags both ways, octet by octet."""

import os
import re
import subprocess

from common import arguments, expect
from sides import compare, configure, far, fill, login, near, put, set_letters, shown, wanted


def configuration(user, password):
    """For one account and one local Maildir."""
    # Its SCRAM is that of Cyrus SASL, which refuses more than 65,536 iterations (docs/LOGIN.md).
    return (
        'IMAPStore far\nHost localhost\nPort %%(port)d\nUser %s\nPass "%s"\nSSLType IMAPS\n'
        "CertificateFile %%(ca)s\nAuthMechs PLAIN\n\n"
        "MaildirStore near\nPath %%(local)s/\nInbox %%(local)s/INBOX\nSubFolders Verbatim\n\n"
        "Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSync All\nSyncState *\n"
        % (user, password)
    )


def sync(file):
    """Once."""
    done = subprocess.run(["mbsync", "-c", file, "-a"], capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit("mbsync: %d\n%s" % (done.returncode, done.stderr.decode()[-2000:]))


def without_tuid(octets):
    """mbsync marks what it copies with a field of its own."""
    return re.sub(rb"(?m)^X-TUID: [^\r\n]*\r\n", b"", octets)


def pull(args, numbers):
    """Server to Maildir, then changes of flags and deletions in both directions."""
    file, local = configure(args, "pulled", configuration(args.user, args.password))
    sync(file)
    side = near(local, "Sync", without_tuid)
    compare("pulled", side, wanted(numbers))
    gone = numbers[10]
    os.remove(side[gone][2])
    changed = numbers[11]
    set_letters(side[changed][2], "FS")
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
    file, local = configure(args, "pushed", configuration(args.other_user, args.other_password))
    put(local, "Sync", numbers)
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
