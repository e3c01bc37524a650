"""Makes conversations and writes down what threads another server makes of them: dovecot.txt, with which the suite
compares ours (crates/sessions/tests/it/threads.rs). Run it against a Dovecot, in clear text on this machine:

    python3 tests/threads/record.py PORT USER PASSWORD > tests/threads/dovecot.txt

Conversations are good and bad: messages that are missing, that came late, have no Message-ID or another's, name
themselves or form loops, have the subject of another conversation, or no date."""

import imaplib
import random
import sys

MAILBOXES = 240
SUBJECTS = ["carp", "the pond", "carp", "stones", "", "a lantern (fwd)", "[fwd: moss]", "=?utf-8?q?K=C3=B6i?=", "re:x"]
MARKS = ["", "", "Re: ", "RE: ", "Fwd: ", "Re[2]: ", "[list] ", "re: fwd: "]


def day(minute):
    return f"{1 + minute // 1440 % 28:02}-Mar-2024 {minute // 60 % 24:02}:{minute % 60:02}:00 +0000"


def sent(chance, minute):
    if chance.random() < 0.05:
        return None
    if chance.random() < 0.03:
        return "nonsense"
    return day(minute).replace("-", " ")


def reply(chance, number, box, known):
    """A message of one of the mailbox's conversations; known: ids, references and subjects of those before it."""
    own = f"<{number}@b{box}>"
    parent = chance.choice(known) if known and chance.random() < 0.75 else None
    references = parent[1] + [parent[0]] if parent else []
    subject = ("Re: " if chance.random() < 0.8 else "") + parent[2] if parent else chance.choice(SUBJECTS)
    known.append((own, references, subject.removeprefix("Re: ")))
    fields = [f"Subject: {subject}".rstrip(), f"Message-ID: {own}"]
    how = chance.random()
    if references and how < 0.7:
        # Long ones are cut in the middle, as some programs do.
        kept = references if len(references) < 4 or chance.random() < 0.5 else references[:1] + references[-2:]
        fields.append(f"References: {' '.join(kept)}")
    if references and how > 0.4:
        fields.append(f"In-Reply-To: {references[-1]}")
    return fields


def mischief(chance, number, box, ids):
    """A message that says anything."""
    own = f"<{number}@b{box}>"
    subject = chance.choice(SUBJECTS[: 2 + box % len(SUBJECTS)])
    fields = [f"Subject: {chance.choice(MARKS)}{subject}".rstrip()] if chance.random() < 0.9 else []
    kind = chance.random()
    if kind < 0.04 and ids:
        own = chance.choice(ids)
    if kind > 0.06:
        fields.append(f"Message-ID: {own}")
    # Some of those before, behind and beside it, and some that are nowhere.
    all_ids = ids + [f"<{chance.randrange(12)}@b{box}>", f"<gone{chance.randrange(3)}@b{box}>"]
    if chance.random() < 0.75:
        count = chance.choice([1, 1, 2, 2, 3, 5])
        references = chance.sample(all_ids, min(count, len(all_ids)))
        if chance.random() < 0.1:
            references.insert(chance.randrange(len(references) + 1), own)
        if chance.random() < 0.1:
            references.append(references[0])
        if chance.random() < 0.05:
            references.insert(0, "not-an-id")
        fields.append(f"References: {' '.join(references)}")
    if chance.random() < 0.5:
        names = chance.sample(all_ids, min(chance.choice([1, 1, 1, 2]), len(all_ids)))
        words = "Your message of Friday " if chance.random() < 0.1 else ""
        fields.append(f"In-Reply-To: {words}{' '.join(names)}")
    ids.append(own)
    return fields


def mailboxes():
    for box in range(MAILBOXES):
        chance = random.Random(box)
        known, messages = [], []
        for number in range(3 + box % 12):
            minute = chance.randrange(60) if chance.random() < 0.2 else number * 7
            date = sent(chance, minute)
            make = reply if box % 2 == 0 else mischief
            fields = ([f"Date: {date}"] if date else []) + make(chance, number, box, known)
            # Some of a conversation went elsewhere.
            if number < 2 or chance.random() < 0.85:
                messages.append(fields)
        arrivals = list(range(len(messages)))
        if box % 3 == 0:
            chance.shuffle(arrivals)
        yield [(day(1440 + minute * 11), fields) for minute, fields in zip(arrivals, messages)]


def threads(server, algorithm):
    status, lines = server.thread(algorithm, "UTF-8", "ALL")
    assert status == "OK", lines
    return (lines[0] or b"").decode()


def main():
    port, user, password = sys.argv[1:]
    server = imaplib.IMAP4("127.0.0.1", int(port))
    server.login(user, password)
    print("# Conversations, and the threads another server makes of them; written by record.py.")
    print("# A message a line: when it arrived, then its header. `= ALGORITHM threads` follows.")
    for number, messages in enumerate(mailboxes()):
        name = f"threads{number}"
        server.create(name)
        print(f"\nmailbox {number}")
        for arrival, fields in messages:
            print(" | ".join([arrival] + fields))
            text = "\r\n".join(fields) + "\r\n\r\nx\r\n"
            status, lines = server.append(name, None, f'"{arrival}"', text.encode())
            assert status == "OK", lines
        status, lines = server.select(name)
        assert status == "OK", lines
        for algorithm in ["REFERENCES", "REFS", "ORDEREDSUBJECT"]:
            print(f"= {algorithm} {threads(server, algorithm)}")
        server.close()
        server.delete(name)
    server.logout()


main()
