#!/usr/bin/env python3
"""Random messages, asked of Koi and of a running Dovecot: structures full of errors, headers without.

    tests/mail/compare_random.py --show target/debug/examples/show --dovecot 127.0.0.1:10143 --seed 1 --count 500

The INBOX of the user is emptied. What DIFFERENCES.md explains and happens all the time is taken out of the answers
before they are compared; whatever is printed then wants to be explained.
"""

import argparse
import pathlib
import random
import re
import tempfile

import compare

TYPES = ["text/plain", "text/html; charset=utf-8", "message/rfc822", "multipart/mixed; boundary=%s", "image/png",
         "multipart/digest; boundary=%s", "message/delivery-status", 'multipart/alternative; boundary="%s"']
FIELDS = ["Content-ID: <a@b>", "Content-Description: foo", "Content-Disposition: inline; filename=x",
          "X-Foo: bar\r\n baz", "Subject: hello", "From: a@b", "Content-Language: en"]


def structured(depth=0, open_boundaries=()):
    """A part whose delimiters are prefixes of each other, missing, doubled, in the wrong place."""
    kind = random.choice(TYPES) if depth < 5 else "text/plain"
    boundary = "b" + random.choice(["", "1", "2", "x", "12"])
    header = ["Content-Type: " + (kind % boundary if "%s" in kind else kind)]
    if depth == 0:
        header.insert(0, "MIME-Version: 1.0")
    if random.random() < 0.3:
        header.append(random.choice(FIELDS))
    if depth and random.random() < 0.15:
        header, kind = [], "text/plain"
    head = "".join(line + "\r\n" for line in header) + ("\r\n" if random.random() < 0.93 else "")
    if "multipart" in kind:
        body = "preamble\r\n" if random.random() < 0.3 else ""
        for _ in range(random.randint(0, 3)):
            body += f"--{boundary}{random.choice(['', '', '', ' '])}\r\n"
            body += structured(depth + 1, (*open_boundaries, boundary))
            body += random.choice(["\r\n", "\r\n", "\r\n", "\r\n\r\n", ""])
        if random.random() < 0.8:
            body += f"--{boundary}--" + random.choice(["\r\n", "\r\n", ""])
        return head + body + ("epilogue\r\n" if random.random() < 0.2 else "")
    if "rfc822" in kind:
        return head + structured(depth + 1, open_boundaries)
    odd = ["text", "--", "--b", "-- ", "", "--" + random.choice(open_boundaries or ("zz",))]
    lines = [random.choice(odd) if random.random() < 0.25 else "line" for _ in range(random.randint(0, 4))]
    return head + "\r\n".join(lines)


def white():
    space = random.choice([" ", " ", "  ", "\r\n ", " \r\n\t"])
    comment = f"({random.choice(['c', 'a b', 'x (y) z', 'q' + chr(92) + ')p'])})"
    return space + (comment + random.choice([" ", "\r\n "]) if random.random() < 0.3 else "")


def maybe_white():
    return white() if random.random() < 0.25 else ""


def quoted():
    return '"' + random.choice(["a b", "a, b", 'x\\"y', "b\\\\s", "", "(p)", "a@b", "é", "a\r\n b"]) + '"'


def atom():
    return random.choice(["a", "bob", "x-y", "o'b", "ü", "=?utf-8?q?=C3=A9?=", "!#$"])


def phrase():
    words = [atom() if random.random() < 0.7 else quoted() for _ in range(random.randint(1, 3))]
    return random.choice([" ", "\r\n "]).join(words)


def address():
    local = random.choice([atom(), "a.b", "x.y.z", quoted()])
    spec = local + "@" + random.choice(["example.org", "h", "a.b.c", "[1.2.3.4]", "[IPv6:::1]"])
    if random.random() < 0.4:
        return maybe_white() + spec + maybe_white()
    name = maybe_white() + (phrase() if random.random() < 0.8 else "") + maybe_white()
    route = random.choice(["@r1:", "@r1,@r2.x:"]) if random.random() < 0.15 else ""
    return f"{name}<{route}{maybe_white()}{spec}{maybe_white()}>{maybe_white()}"


def entry():
    if random.random() < 0.8:
        return address()
    members = ",".join(address() for _ in range(random.randint(0, 3)))
    return f"{maybe_white()}{phrase()}{maybe_white()}:{members};{maybe_white()}"


def params():
    names = ["a", "foo", "x-y", "Bar", "name", "charset"]
    out = ""
    for name in random.sample(names, random.randint(0, 4)):
        value = random.choice(["x", "utf-8", "a.b", quoted()])
        plain = f"{maybe_white()};{white()}{name}={value}"
        joined = f"; {name}*0={value}; {name}*1={random.choice(['x', quoted()])}"
        extended = f"; {name}*0*=utf-8''%20a; {name}*1=b; {name}*2*=%C3%A9"
        out += random.choices([plain, joined, extended], [7, 1, 1])[0]
    return out + maybe_white()


def headed():
    """A header full of comments, folds, groups, routes and parameters, all of them allowed."""
    fields = ["MIME-Version: 1.0"]
    for name in ("From", "Sender", "Reply-To", "To", "Cc", "Bcc"):
        if random.random() < 0.5:
            fields.append(name + ":" + ",".join(" " + entry() for _ in range(random.randint(1, 4))))
    kind = random.choice(["text", "application", "image"])
    subtype = random.choice(["plain", "x-foo", "Html"])
    fields.append(f"Content-Type:{maybe_white()} {kind}{maybe_white()}/{maybe_white()}{subtype}{params()}")
    if random.random() < 0.5:
        fields.append(f"Content-Disposition:{maybe_white()} {random.choice(['inline', 'X-Y'])}{params()}")
    if random.random() < 0.3:
        tags = [f"{maybe_white()} {tag}{maybe_white()}" for tag in random.sample(["en", "de-CH", "x-y"], 2)]
        fields.append("Content-Language:" + ",".join(tags))
    for field in ("Content-ID: <x@y>", "Content-Description: é\r\n  x", "In-Reply-To: <a@b>\r\n <c@d>"):
        if random.random() < 0.3:
            fields.append(field)
    random.shuffle(fields)
    return "\r\n".join(fields) + "\r\n\r\nbody"


def plainer(tree):
    """Without what Koi and Dovecot always do differently: runs of white space, the order of parameters, the line
    end before a delimiter that ends a header, charset added beside charset*."""
    if isinstance(tree, list):
        pairs = tree and len(tree) % 2 == 0 and all(isinstance(item, str) for item in tree)
        if pairs:
            items = sorted(zip(tree[::2], tree[1::2]))
            return [pair for pair in items if "charset*" not in tree[::2] or pair != ("charset", "us-ascii")]
        return [plainer(item) for item in tree]
    return " ".join(tree.split()) if isinstance(tree, str) else tree


def explained(item, ours, theirs):
    if item == "BODYSTRUCTURE":
        a, b = compare.structure_tree(ours), compare.structure_tree(theirs)
        sizes = re.compile(r"\b\d+\b")
        return a == b and sizes.sub("", repr(plainer(ours))) == sizes.sub("", repr(plainer(theirs)))
    if isinstance(ours, dict) or isinstance(theirs, dict):
        return abs(size(ours) - size(theirs)) in (0, 2)
    if item.startswith("ENVELOPE") and isinstance(theirs, list):
        # Of a name that is several empty strings Dovecot makes an empty one.
        theirs = [[name or None, *rest] for name, *rest in theirs]
    return plainer(ours or "") == plainer(theirs or "")


def size(shown):
    return shown["octets"] if isinstance(shown, dict) else len(shown or "")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--show", required=True)
    args.add_argument("--dovecot", required=True)
    args.add_argument("--user", default="museum")
    args.add_argument("--password", default="test")
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--count", type=int, default=500)
    args = args.parse_args()
    random.seed(args.seed)
    dovecot = compare.Dovecot(args.dovecot, args.user, args.password)
    different = 0
    with tempfile.TemporaryDirectory() as folder:
        files = [pathlib.Path(folder) / f"{number}.eml" for number in range(args.count)]
        for number, file in enumerate(files):
            file.write_bytes((headed() if number % 2 else structured()).encode() + b"\r\n")
        for file, ours in zip(files, compare.koi(args.show, files)):
            theirs = dovecot.ask(file.read_bytes(), ours["sections"])
            found = [one for one in compare.differences(ours, theirs) if not explained(*one)]
            different += bool(found)
            for item, a, b in found:
                print(f"{item}\n  koi     {a!r}\n  dovecot {b!r}\n  of {file.read_bytes()!r}")
    print(f"{different} of {args.count} messages differ, seed {args.seed}")


if __name__ == "__main__":
    main()
