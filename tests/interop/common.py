"""What the scripts share: arguments, messages, comparison. Standard library only."""

import argparse
import random
import ssl


def arguments():
    """Where the server is and who we are."""
    parser = argparse.ArgumentParser()
    for name in ("imap", "imaps", "lmtp", "smtp", "submission", "submissions"):
        parser.add_argument("--" + name, type=int, required=True)
    for name in ("ca", "user", "password", "folder"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--https", type=int)
    parser.add_argument("--other-user")
    parser.add_argument("--other-password")
    parser.add_argument("--third-user")
    parser.add_argument("--messages", type=int, default=2000)
    return parser.parse_args()


def context(ca):
    """TLS that trusts the CA of the quickstart and nothing else."""
    return ssl.create_default_context(cafile=ca)


def message(number):
    """A message of its own shape and size, lines ending CRLF; the same number gives the same octets."""
    rng = random.Random(number)
    lines = [
        "From: =?utf-8?q?S=C3=A4nder?= <sender%d@example.net>" % number,
        "To: alice@example.org",
        "Subject: message %d %s" % (number, "x" * rng.randrange(0, 60)),
        "Date: Sat, %d Nov 2025 %02d:00:00 +0100" % (1 + number % 28, number % 24),
        "Message-ID: <interop-%d@example.net>" % number,
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
    ]
    for _ in range(rng.randrange(0, 40)):
        # Dots at the start, "From " lines, trailing blanks, 8-bit text, empty lines.
        lines.append(rng.choice(["", ".", "..dots", "From here", "blank at end  ", "\tä ö ü €", "word " * rng.randrange(1, 15)]))
    return ("\r\n".join(lines) + "\r\n").encode("utf-8")


def expect(what, found, wanted):
    """Ends the script when something is not as it must be."""
    if found != wanted:
        raise SystemExit("%s:\n  found  %.600r\n  wanted %.600r" % (what, found, wanted))
