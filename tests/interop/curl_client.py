"""curl against Koi: list, append, search, fetch, and parts of messages; implicit TLS and STARTTLS."""

import os
import subprocess

from common import arguments, expect, message


class Curl:
    """Runs curl with the login and the CA; no configuration file of the person who runs the test."""

    def __init__(self, args):
        self.args = args
        # The password is not put on the command line.
        self.config = os.path.join(args.folder, "curl.conf")
        with open(self.config, "w", encoding="utf-8") as out:
            out.write('user = "%s:%s"\ncacert = "%s"\n' % (args.user, args.password, args.ca))

    def run(self, url, *options, fails=False):
        """What curl prints."""
        command = ["curl", "-q", "--silent", "--show-error", "--max-time", "30", "--config", self.config]
        done = subprocess.run([*command, *options, url], capture_output=True, check=False)
        if (done.returncode != 0) != fails:
            raise SystemExit("curl %s %s: %d %s" % (options, url, done.returncode, done.stderr.decode()))
        return done.stdout

    def imaps(self, path, *options, **kind):
        """Over implicit TLS."""
        return self.run("imaps://localhost:%d/%s" % (self.args.imaps, path), *options, **kind)


def main():
    """All of it."""
    args = arguments()
    curl = Curl(args)
    expect("LIST has INBOX", b"INBOX" in curl.imaps(""), True)
    curl.imaps("", "-X", "CREATE curl")
    for number in range(1, 6):
        file = os.path.join(args.folder, "upload.eml")
        with open(file, "wb") as out:
            out.write(message(number))
        curl.imaps("curl", "-T", file)
    for number in range(1, 6):
        expect("octets of %d" % number, curl.imaps("curl;UID=%d" % number), message(number))
        expect("by sequence number", curl.imaps("curl;MAILINDEX=%d" % number), message(number))
    expect("SEARCH", curl.imaps("curl?SUBJECT%20%22message%203%20%22").strip(), b"* SEARCH 3")
    header = curl.imaps("curl;UID=2;SECTION=HEADER.FIELDS%20(SUBJECT)")
    expect("a section", header.startswith(b"Subject: message 2 "), True)
    flagged = curl.imaps("curl", "-X", "STORE 1:2 +FLAGS (\\Flagged)")
    expect("STORE answers", flagged.count(b"\\Flagged"), 2)
    starttls = "imap://localhost:%d/curl;UID=4" % args.imap
    expect("over STARTTLS", curl.run(starttls, "--ssl-reqd"), message(4))
    curl.run(starttls, fails=True)
    curl.imaps("curl;UID=99", fails=True)
    curl.imaps("", "-X", "DELETE curl")


main()
