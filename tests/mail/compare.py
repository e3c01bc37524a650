#!/usr/bin/env python3
"""Asks Koi, a running Dovecot and Python's `email` about each message here, and prints where they differ.

    cargo build -p koi-message --example show
    tests/mail/compare.py --show target/debug/examples/show --dovecot 127.0.0.1:10143 --user u --password p

Dovecot may be any instance with IMAP and password login on a loopback port; the INBOX of the user is emptied.
Without --dovecot only Koi and Python are compared. With --table the differences are printed as the rows of
DIFFERENCES.md, without the verdicts; with --check it fails if a message differs that the table does not name.
With --bless the goldens are written anew, but only of messages on which Dovecot agrees or which the table names;
what a golden says about searching is written by hand and kept.
"""

import argparse
import email
import email.policy
import imaplib
import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SECTIONS = ["HEADER", "TEXT", "HEADER.FIELDS (subject to)", "HEADER.FIELDS.NOT (subject to)"]


def parse_imap(text):
    """A parenthesised list of IMAP as nested Python lists; NIL is None, strings are str, numbers int."""
    stack, at = [[]], 0
    while at < len(text):
        c = text[at]
        if c == "(":
            stack.append([])
            at += 1
        elif c == ")":
            done = stack.pop()
            stack[-1].append(done)
            at += 1
        elif c == '"':
            out, at = [], at + 1
            while text[at] != '"':
                at += text[at] == "\\"
                out.append(text[at])
                at += 1
            stack[-1].append("".join(out))
            at += 1
        elif c == "{":
            end = text.index("}", at)
            size, start = int(text[at + 1 : end]), end + 3
            stack[-1].append(text[start : start + size])
            at = start + size
        elif c.isspace():
            at += 1
        else:
            word = re.match(r"[^\s()]+", text[at:]).group(0)
            stack[-1].append(None if word.upper() == "NIL" else int(word) if word.isdigit() else word)
            at += len(word)
    return stack[0]


def koi(show, names):
    """What the example `show` prints of each message."""
    out = subprocess.run([show, *names], check=True, capture_output=True).stdout
    return [json.loads(line) for line in out.decode().splitlines()]


def shown(octets):
    """The form of octets in a golden, see crates/message/tests/it/show.rs."""
    if len(octets) <= 100:
        return octets.decode("latin-1")
    value = 0xCBF29CE484222325
    for octet in octets:
        value = (value ^ octet) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return {"octets": len(octets), "fnv1a": f"{value:016x}"}


class Dovecot:
    def __init__(self, address, user, password):
        host, port = address.rsplit(":", 1)
        self.imap = imaplib.IMAP4(host, int(port))
        self.imap.login(user, password)
        self.imap.select("INBOX")
        if int(self.imap.response("EXISTS")[1][0] or 0):
            self.imap.store("1:*", "+FLAGS", "\\Deleted")
            self.imap.expunge()

    def ask(self, raw, sections):
        """ENVELOPE, BODYSTRUCTURE and sections of `raw`; None if Dovecot does not take the message."""
        if self.imap.append("INBOX", None, None, raw)[0] != "OK":
            return None
        _, (count,) = self.imap.select("INBOX")
        answer = {"sections": {}}
        for item in ("ENVELOPE", "BODYSTRUCTURE"):
            answer[item.lower()] = self.tree(self.imap.fetch(count, item)[1])[0][1]
        for section in sections:
            data = self.imap.fetch(count, f"BODY.PEEK[{section}]")[1]
            octets = data[0][1] if isinstance(data[0], tuple) else b""
            answer["sections"][section] = shown(octets)
        return answer

    @staticmethod
    def tree(data):
        text = b"".join(b"\r\n".join(piece) if isinstance(piece, tuple) else piece for piece in data)
        return parse_imap(text.decode("latin-1").split(" ", 1)[1])


def python_tree(raw):
    """Types of the parts as nested lists, by Python's email with its compatible policy."""
    def tree(part):
        kind = part.get_content_type()
        payload = part.get_payload()
        if isinstance(payload, list):
            return [kind, *[tree(child) for child in payload]]
        return [kind]
    return tree(email.message_from_bytes(raw, policy=email.policy.compat32))


def structure_tree(body):
    """The same of a BODYSTRUCTURE."""
    if isinstance(body[0], list):
        children = [part for part in body if isinstance(part, list)]
        count = next(at for at, part in enumerate(body) if not isinstance(part, list))
        return [f"multipart/{body[count]}".lower(), *[structure_tree(part) for part in children[:count]]]
    kind = f"{body[0]}/{body[1]}".lower()
    if kind in ("message/rfc822", "message/global") and len(body) > 8 and isinstance(body[8], list):
        return [kind, structure_tree(body[8])]
    return [kind]


FIELDS = ["date", "subject", "from", "sender", "reply-to", "to", "cc", "bcc", "in-reply-to", "message-id"]


def differences(ours, theirs):
    """Pairs of what differs from Dovecot: (item, koi, dovecot)."""
    out = []
    for name, a, b in zip(FIELDS, parse_imap(ours["envelope"])[0], theirs["envelope"]):
        if a != b:
            out.append((f"ENVELOPE {name}", a, b))
    body = parse_imap(ours["bodystructure"])[0]
    if body != theirs["bodystructure"]:
        out.append(("BODYSTRUCTURE", body, theirs["bodystructure"]))
    for name, octets in theirs["sections"].items():
        if ours["sections"].get(name, "") != octets:
            out.append((f"BODY[{name}]", ours["sections"].get(name), octets))
    return out


def bless(file, ours, differs, listed):
    """Writes the golden of `file`; false if somebody has to judge first."""
    if differs and f"`{file.stem}`" not in listed:
        print(f"not in DIFFERENCES.md: {file.stem}")
        return False
    golden = file.with_suffix(".json")
    kept = json.loads(golden.read_text()).get("search") if golden.exists() else None
    ours["source"] = "RFC, judged in DIFFERENCES.md" if differs else "Dovecot 2.3.19 answers the same"
    if kept:
        ours["search"] = kept
    golden.write_text(json.dumps(ours, indent=1, sort_keys=True) + "\n")
    return True


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--show", required=True)
    args.add_argument("--dovecot")
    args.add_argument("--user", default="museum")
    args.add_argument("--password", default="test")
    args.add_argument("--table", action="store_true")
    args.add_argument("--check", action="store_true")
    args.add_argument("--bless", action="store_true")
    args.add_argument("names", nargs="*")
    args = args.parse_args()
    files = [pathlib.Path(name) for name in args.names] or sorted(HERE.glob("*.eml"))
    dovecot = Dovecot(args.dovecot, args.user, args.password) if args.dovecot else None
    listed = (HERE / "DIFFERENCES.md").read_text() if args.check or args.bless else ""
    missing = 0
    for file, ours in zip(files, koi(args.show, files)):
        raw = file.read_bytes()
        found = []
        if dovecot:
            theirs = dovecot.ask(raw, ours["sections"])
            found = differences(ours, theirs) if theirs else [("APPEND", "stored", "refused")]
            found = [("Dovecot", *one) for one in found]
            if args.bless:
                missing += not bless(file, ours, bool(found), listed)
                continue
        python = python_tree(raw)
        ours_tree = structure_tree(parse_imap(ours["bodystructure"])[0])
        if python != ours_tree:
            found.append(("Python", "parts", ours_tree, python))
        for peer, item, a, b in found:
            if args.check:
                if f"`{file.stem}`" not in listed:
                    print(f"not in DIFFERENCES.md: {file.stem}: {peer}: {item}")
                    missing += 1
            elif args.table:
                print(f"| `{file.stem}` | {item} | `{a}` | {peer}: `{b}` |")
            else:
                print(f"{file.stem}: {item}\n   koi: {a!r}\n   {peer}: {b!r}")
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
