"""OfflineIMAP (Debian package offlineimap3) against Koi: both ways, with flags, deletions, new mailboxes, and keywords
from the server, which is the only way OfflineIMAP syncs them."""

import os
import subprocess

from common import arguments, expect
from sides import FLAGS, compare, configure, far, fill, login, near, put, set_letters, shown, wanted

# OfflineIMAP keeps keywords as lower-case letters, as its configuration below says.
LETTERS = dict(FLAGS, **{"$Label1": "a", "project": "b"})


def configuration(user, password):
    """For one account and one local Maildir."""
    return (
        "[general]\naccounts = koi\nmetadata = %%(local)s.state\nui = quiet\nsocktimeout = 60\n\n"
        "[Account koi]\nlocalrepository = near\nremoterepository = far\n\n"
        "[Repository near]\ntype = Maildir\nlocalfolders = %%(local)s\n"
        "customflag_a = $Label1\ncustomflag_b = project\n\n"
        "[Repository far]\ntype = IMAP\nremotehost = localhost\nremoteport = %%(port)d\nremoteuser = %s\n"
        "remotepass = %s\nssl = yes\nsslcacertfile = %%(ca)s\nauth_mechanisms = PLAIN\n"
        "folderfilter = lambda name: name.startswith(('Sync', 'Pushed'))\n" % (user, password)
    )


def sync(file):
    """Once."""
    done = subprocess.run(["offlineimap", "-c", file, "-o"], capture_output=True, check=False)
    if done.returncode != 0 or done.stderr:
        raise SystemExit("offlineimap: %d\n%s" % (done.returncode, (done.stdout + done.stderr).decode()[-3000:]))


def changes(args, file, local, numbers):
    """Flags, keywords and deletions in both directions in one sync, then one that has nothing to do."""
    here = near(local, "Sync")
    os.remove(here[numbers[10]][2])
    set_letters(here[numbers[11]][2], "FS")
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
    put(local, "Pushed", numbers)
    sync(file)
    imap = login(args, args.user, args.password)
    compare("pushed", far(imap, "Pushed", flags=LETTERS), wanted(numbers))
    compare("still here", near(local, "Pushed"), wanted(numbers))
    imap.logout()


def main():
    """All of it."""
    args = arguments()
    numbers = list(range(1, args.messages + 1))
    fill(args, numbers, LETTERS)
    file, local = configure(args, "offline", configuration(args.user, args.password))
    sync(file)
    compare("pulled", near(local, "Sync"), wanted(numbers, LETTERS))
    changes(args, file, local, numbers)
    push(args, file, local, [number + 10000 for number in numbers])


main()
