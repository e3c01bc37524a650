"""OfflineIMAP (Debian package offlineimap3) against Koi: both ways, with flags, deletions, new mailboxes, and keywords
from the server, which is the only way OfflineIMAP syncs them."""

import os
import subprocess

from common import arguments, expect, message
from sides import FLAGS, compare, far, login, near, shown

# OfflineIMAP keeps keywords as lower-case letters, as its configuration below says.
LETTERS = dict(FLAGS, **{"$Label1": "a", "project": "b"})


def flags_of(number, letters):
    """Flags that differ from message to message."""
    return [flag for bit, flag in enumerate(letters) if number >> bit & 1]


def wanted(numbers, letters):
    """What both sides must show."""
    return {n: (message(n), "".join(sorted(letters[f] for f in flags_of(n, letters)))) for n in numbers}


def configure(args, name, user, password):
    """A configuration file for one account and one local Maildir."""
    local = os.path.join(args.folder, name)
    os.makedirs(local)
    file = os.path.join(args.folder, name + ".rc")
    with open(file, "w", encoding="utf-8") as out:
        out.write(
            "[general]\naccounts = koi\nmetadata = %s.state\nui = quiet\nsocktimeout = 60\n\n"
            "[Account koi]\nlocalrepository = near\nremoterepository = far\n\n"
            "[Repository near]\ntype = Maildir\nlocalfolders = %s\ncustomflag_a = $Label1\ncustomflag_b = project\n\n"
            "[Repository far]\ntype = IMAP\nremotehost = localhost\nremoteport = %d\nremoteuser = %s\n"
            "remotepass = %s\nssl = yes\nsslcacertfile = %s\nauth_mechanisms = PLAIN\n"
            "folderfilter = lambda name: name.startswith(('Sync', 'Pushed'))\n"
            % (local, local, args.imaps, user, password, args.ca)
        )
    return file, local


def sync(file):
    """Once."""
    done = subprocess.run(["offlineimap", "-c", file, "-o"], capture_output=True, check=False)
    if done.returncode != 0 or done.stderr:
        raise SystemExit("offlineimap: %d\n%s" % (done.returncode, (done.stdout + done.stderr).decode()[-3000:]))


def fill(args, numbers):
    """The messages the server begins with."""
    imap = login(args, args.user, args.password)
    imap.create("Sync")
    for number in numbers:
        kind, _ = imap.append("Sync", "(%s)" % " ".join(flags_of(number, LETTERS)), None, message(number))
        expect("APPEND", kind, "OK")
    imap.logout()


def changes(args, file, local, numbers):
    """Flags, keywords and deletions in both directions in one sync, then one that has nothing to do."""
    here = near(local, "Sync")
    os.remove(here[numbers[10]][2])
    path = here[numbers[11]][2]
    os.rename(path, os.path.join(local, "Sync", "cur", os.path.basename(path).split(":2,")[0] + ":2,FS"))
    imap = login(args, args.user, args.password)
    uids = {number: str(entry[2]) for number, entry in far(imap, "Sync", flags=LETTERS).items()}
    imap.select("Sync")
    imap.uid("STORE", uids[numbers[12]], "FLAGS", "(\\Answered \\Seen project)")
    imap.uid("STORE", uids[numbers[13]], "+FLAGS", "(\\Deleted)")
    imap.expunge()
    sync(file)
    here, there = near(local, "Sync"), far(imap, "Sync", flags=LETTERS)
    expect("deleted here, gone there", numbers[10] in there, False)
    expect("deleted there, gone here", numbers[13] in here, False)
    expect("flags from here", there[numbers[11]][1], "FS")
    expect("flags from there", here[numbers[12]][1], "RSb")
    expect("both sides", shown(here), shown(there))
    sync(file)
    expect("a further run changes nothing", (near(local, "Sync"), far(imap, "Sync", flags=LETTERS)), (here, there))
    imap.logout()


def push(args, file, local, numbers):
    """A Maildir that is new here becomes a mailbox there."""
    for part in ("new", "cur", "tmp"):
        os.makedirs(os.path.join(local, "Pushed", part))
    for number in numbers:
        letters = "".join(sorted(FLAGS[f] for f in flags_of(number, FLAGS)))
        name = "%d.%d.here:2,%s" % (1700000000 + number, number, letters)
        with open(os.path.join(local, "Pushed", "cur", name), "wb") as out:
            out.write(message(number).replace(b"\r\n", b"\n"))
    sync(file)
    imap = login(args, args.user, args.password)
    compare("pushed", far(imap, "Pushed", flags=LETTERS), wanted(numbers, FLAGS))
    compare("still here", near(local, "Pushed"), wanted(numbers, FLAGS))
    imap.logout()


def main():
    """All of it."""
    args = arguments()
    numbers = list(range(1, args.messages + 1))
    fill(args, numbers)
    file, local = configure(args, "offline", args.user, args.password)
    sync(file)
    compare("pulled", near(local, "Sync"), wanted(numbers, LETTERS))
    changes(args, file, local, numbers)
    push(args, file, local, [number + 10000 for number in numbers])


main()
