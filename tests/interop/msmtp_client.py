"""msmtp against Koi: what a `sendmail` of a desktop does, over TLS and STARTTLS."""

import os
import subprocess

from common import arguments, expect

CONFIG = """\
defaults
auth plain
tls on
tls_trust_file %(ca)s
host localhost
user %(user)s
password %(password)s
from %(user)s
logfile -

account starttls
port %(submission)d
tls_starttls on

account tls
port %(submissions)d
tls_starttls off
"""


def main():
    """All of it."""
    args = arguments()
    file = os.path.join(args.folder, "msmtprc")
    with open(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as out:
        out.write(CONFIG % vars(args))
    message = b"To: %s\nBcc: %s\nSubject: by msmtp\n\nHello.\n" % (args.other_user.encode(), args.user.encode())
    for account in ("starttls", "tls"):
        command = ["msmtp", "-C", file, "-a", account]
        done = subprocess.run([*command, "-t"], input=message, capture_output=True, check=False)
        expect("msmtp -a %s: %s" % (account, done.stderr), done.returncode, 0)
        elsewhere = subprocess.run([*command, "x@example.net"], input=message, capture_output=True, check=False)
        expect("another domain is refused", elsewhere.returncode != 0, True)
        expect("and msmtp says why", b"relaying to other domains" in elsewhere.stderr, True)


main()
