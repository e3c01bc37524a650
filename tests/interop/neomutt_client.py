"""NeoMutt against Koi, at a terminal of its own: read, flag, save, delete, search, new mail in IDLE, a copy in Sent."""

import imaplib
import os
import pty
import re
import select
import smtplib
import sys
import time

from common import arguments, context, expect, message

WAIT_SECS = 60


class Mutt:
    """One run of neomutt; what it shows is read from its terminal, keys are written to it."""

    def __init__(self, configuration, log, mailbox, keys):
        self.seen = b""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            # A failed exec must not run the rest of this script a second time.
            try:
                os.environ.update(TERM="vt100", LINES="50", COLUMNS="120", LC_ALL="C.UTF-8")
                push = ["-e", "push '%s'" % keys] if keys else []
                command = ["neomutt", "-n", "-F", configuration, "-d", "3", "-l", log, "-f", mailbox]
                os.execvp("neomutt", command + push)
            finally:
                os._exit(127)

    def until(self, text):
        """Waits until the terminal has shown this."""
        end = time.monotonic() + WAIT_SECS
        while text.encode() not in self.seen:
            if not self.read(end):
                self.fail("it did not show %r" % text)
        self.seen = b""

    def keys(self, keys):
        """Types."""
        os.write(self.terminal, keys.encode())

    def ended(self):
        """Waits for its end."""
        end = time.monotonic() + WAIT_SECS
        while self.read(end):
            pass
        if time.monotonic() >= end:
            self.fail("it did not end")
        _, status = os.waitpid(self.pid, 0)
        expect("neomutt's exit status", status, 0)

    def read(self, end):
        """A piece of what it shows; nothing when it is gone or time is up."""
        ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
        try:
            piece = os.read(self.terminal, 65536) if ready else b""
        except OSError:
            piece = b""
        self.seen += piece
        return piece

    def fail(self, what):
        """Ends neomutt and the script."""
        os.kill(self.pid, 9)
        raise SystemExit("neomutt: %s; the terminal: %r" % (what, self.seen[-2000:]))


def configure(args):
    """The configuration file, and the address of a mailbox."""
    root = "imaps://localhost:%d/" % args.imaps
    cache = os.path.join(args.folder, "cache")
    os.makedirs(cache, exist_ok=True)
    file = os.path.join(args.folder, "neomuttrc")
    settings = [
        'imap_user = "%s"' % args.user,
        'imap_pass = "%s"' % args.password,
        'folder = "%s"' % root,
        'spoolfile = "=INBOX"',
        'record = "=Sent"',
        'postponed = "=Drafts"',
        'certificate_file = "%s"' % args.ca,
        'ssl_ca_certificates_file = "%s"' % args.ca,
        'from = "%s"' % args.user,
        'header_cache = "%s"' % cache,
        'message_cachedir = "%s"' % cache,
        'sendmail = "/bin/true"',
        "ssl_force_tls = yes",
        "imap_condstore = yes",
        "imap_idle = yes",
        "imap_server_noise = no",
        "mail_check = 1",
        "timeout = 1",
        "delete = yes",
        "quit = yes",
        "move = no",
        "confirmappend = no",
        "confirmcreate = no",
        'editor = "true"',
        "abort_unmodified = no",
        "wait_key = no",
        "auto_tag = no",
        "sort = mailbox-order",
        'index_format = "%s"',
        'status_format = "%M shown of %m, %d deleted"',
    ]
    with open(file, "w", encoding="utf-8") as out:
        out.writelines("set %s\n" % line for line in settings)
    return file, root


def login(args):
    """A connection for looking."""
    imap = imaplib.IMAP4_SSL("localhost", args.imaps, ssl_context=context(args.ca))
    imap.login(args.user, args.password)
    return imap


def contents(imap, mailbox):
    """UID -> (number of the message, flags) of a mailbox."""
    expect("SELECT " + mailbox, imap.select(mailbox, readonly=True)[0], "OK")
    found = {}
    _, data = imap.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")
    for item, after in zip(data, data[1:]):
        if isinstance(item, tuple):
            head = item[0].decode() + after.decode()
            uid = int(re.search(r"UID (\d+)", head).group(1))
            flags = re.search(r"FLAGS \(([^)]*)\)", head).group(1).split()
            number = int(re.search(rb"<interop-(\d+)@", item[1]).group(1))
            expect("octets of %d" % number, item[1].endswith(message(number)), True)
            found[uid] = (number, sorted(flags))
    return found


def work(args, configuration, root, log):
    """Flag, save to a mailbox that is not there yet, delete, read; everything typed ahead."""
    mutt = Mutt(
        configuration,
        log,
        root + "mutt",
        "<first-entry><flag-message><first-entry><next-entry><save-message><kill-line>=mutt-saved<enter>"
        # By a pattern: two more are copied there.
        "<tag-pattern>~s \"message [45] \"<enter><tag-prefix><copy-message><kill-line>=mutt-saved<enter><untag-pattern>~A<enter>"
        "<jump>6<enter><delete-message><jump>3<enter><display-message><exit><sync-mailbox><quit>",
    )
    mutt.ended()
    imap = login(args)
    left = {number: flags for number, flags in contents(imap, "mutt").values()}
    expect("which are left", sorted(left), [1, 3, 4, 5, 7, 8])
    expect("flagged", "\\Flagged" in left[1], True)
    expect("read", "\\Seen" in left[3], True)
    expect("not read", "\\Seen" in left[7], False)
    saved = contents(imap, "mutt-saved")
    expect("what was saved", sorted(number for number, _ in saved.values()), [2, 4, 5])
    imap.logout()


def search(args, configuration, root, log):
    """Limits to what the server finds in headers and bodies, and deletes that."""
    mutt = Mutt(
        configuration,
        log,
        root + "mutt",
        # `=` asks the server, where `~` would look into what was fetched.
        "<limit>=h \"Subject: message 4\"<enter><delete-pattern>~A<enter>"
        "<limit>=B \"interop-5@example\"<enter><delete-pattern>~A<enter><limit>~A<enter><sync-mailbox><quit>",
    )
    mutt.ended()
    with open(log + "0", encoding="utf-8", errors="replace") as file:
        said = file.read()
    asked = re.findall(r"(?m)\ba\d+ (UID SEARCH .*)$", said)
    expect("the server was asked to search", len(asked) >= 2, True)
    expect("in a header", any("HEADER" in line for line in asked), True)
    expect("in the text", any("TEXT" in line for line in asked), True)
    # It knows what to look for from the server alone: no body was fetched for it.
    expect("no body was fetched", re.findall(r"FETCH \S+ \(?(?:BODY|RFC822)\S*\[\]", said), [])
    imap = login(args)
    left = sorted(number for number, _ in contents(imap, "mutt").values())
    expect("what the search deleted", left, [1, 3, 7, 8])
    imap.logout()


def new_mail(args, configuration, root, log):
    """A message that comes while it waits in IDLE is shown; flags another client sets are taken over."""
    mutt = Mutt(configuration, log, root + "INBOX", "")
    mutt.until("shown of")
    with smtplib.LMTP("localhost", args.lmtp) as lmtp:
        lmtp.sendmail("sender@example.net", [args.user], message(900))
    mutt.until("message 900")
    imap = login(args)
    expect("SELECT", imap.select("INBOX")[0], "OK")
    _, found = imap.uid("SEARCH", "HEADER", "Message-ID", "<interop-900@example.net>")
    mutt.keys("*F")
    mutt.keys("$")
    mutt.until("kept, 0 deleted")
    mutt.keys("x")
    mutt.ended()
    _, flags = imap.uid("FETCH", found[0].decode(), "(FLAGS)")
    expect("flagged by neomutt", b"\\Flagged" in flags[0], True)
    imap.logout()


def sent(args, configuration, root, log):
    """Writes a message (which goes nowhere) whose copy it files in Sent, and one that it keeps in Drafts."""
    write = "<mail>%s<enter>%s<enter>"
    mutt = Mutt(
        configuration,
        log,
        root + "mutt",
        (write + "<send-message>" + write + "<postpone-message><quit>")
        % (args.other_user, "from neomutt äö", args.other_user, "a draft"),
    )
    mutt.ended()
    imap = login(args)
    for mailbox, subject, flag in (("Sent", b"=?utf-8?", b"\\Seen"), ("Drafts", b"a draft", b"\\Draft")):
        expect("SELECT " + mailbox, imap.select(mailbox, readonly=True), ("OK", [b"1"]))
        _, data = imap.fetch("1", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        expect("its flags", flag in data[0][0] + data[1], True)
        expect("its subject", subject in data[0][1].lower(), True)
    imap.logout()


def main():
    """All of it."""
    args = arguments()
    configuration, root = configure(args)
    log = os.path.join(args.folder, "neomutt.log")
    imap = login(args)
    imap.create("mutt")
    for number in range(1, 9):
        expect("APPEND", imap.append("mutt", None, None, message(number))[0], "OK")
    imap.logout()
    try:
        for part in (work, search, new_mail, sent):
            part(args, configuration, root, log)
    except SystemExit:
        if os.path.exists(log + "0"):
            with open(log + "0", encoding="utf-8", errors="replace") as file:
                sys.stderr.write("neomutt's log:\n" + file.read()[-6000:])
        raise


main()
