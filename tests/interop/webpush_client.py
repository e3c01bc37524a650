"""WebPush from end to end (COI-webpush, RFC 8030, RFC 8188, RFC 8291, RFC 8292): an app subscribes over IMAP, proves
that it reads what is pushed, and is told of what it asked for and of nothing else. Once over HTTP/1.1, once over
HTTP/2."""

import datetime
import json
import os
import re
import smtplib
import socket
import sys
import time

import common
import webpush

ROOT = "/private/vendor/vendor.dovecot/webpush/"
COI = "/private/vendor/vendor.dovecot/coi/config/"
# More than enough on a slow machine; a push is sent at once.
PATIENCE = 60
DAY = 24 * 3600

CHAT = """\
From: "=?utf-8?q?S=C3=A4nder?=" <Sender@Example.NET>
To: alice@example.org
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= %s
Date: Sat, 21 Nov 2026 13:00:00 +0100
Message-ID: <chat$group.4321dcba1234.%s@example.net>
Chat-Version: 1.0
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8; format=flowed
Content-Transfer-Encoding: 8bit

Schöne Grüße %s
"""
MAIL = "From: mail@example.net\nTo: alice@example.org\nSubject: mail %s\nMessage-ID: <%s@example.net>\n\nno chat %s\n"
RECEIPT = """\
From: sender@example.net
To: alice@example.org
Subject: read %s
Message-ID: <chat$receipt.%s@example.net>
Chat-Version: 1.0
MIME-Version: 1.0
Content-Type: multipart/report; report-type=disposition-notification; boundary=b

--b
Content-Type: text/plain

%s was read.
--b
Content-Type: message/disposition-notification

Disposition: manual-action/MDN-sent-manually; displayed

--b--
"""


class Imap:
    """As much IMAP as an app needs: literals both ways, and lines."""

    def __init__(self, args):
        plain = socket.create_connection(("localhost", args.imaps), PATIENCE)
        self.line = common.context(args.ca).wrap_socket(plain, server_hostname="localhost")
        self.file = self.line.makefile("rb")
        self.read()
        self.number = 0

    def read(self):
        """A line with its literals."""
        whole = b""
        while True:
            line = self.file.readline()
            if not line.endswith(b"\r\n"):
                raise SystemExit("the connection ended: %r" % (whole + line))
            whole += line
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if not literal:
                return whole[:-2]
            whole += self.file.read(int(literal.group(1)))

    def command(self, text):
        """The untagged lines, and the tagged one without its tag."""
        self.number += 1
        tag = b"a%d " % self.number
        self.line.sendall(tag + text.encode() + b"\r\n")
        untagged = []
        while not (line := self.read()).startswith(tag):
            untagged.append(line)
        return untagged, line[len(tag):].decode()

    def ok(self, text):
        untagged, tagged = self.command(text)
        if not tagged.startswith("OK"):
            raise SystemExit("%.200s: %s" % (text, tagged))
        return untagged, tagged

    def annotation(self, name):
        untagged, _ = self.ok('GETMETADATA "" %s' % name)
        line = next((line for line in untagged if line.startswith(b"* METADATA")), b"")
        literal = re.search(rb" \{(\d+)\}\r\n", line)
        if literal:
            return line[literal.end():literal.end() + int(literal.group(1))].decode()
        quoted = re.search(rb' "((?:[^"\\]|\\.)*)"\)$', line)
        return re.sub(rb"\\(.)", rb"\1", quoted.group(1)).decode() if quoted else None

    def annotate(self, name, value):
        literal = "NIL" if value is None else "{%d+}\r\n%s" % (len(value.encode()), value)
        return self.command('SETMETADATA "" (%s %s)' % (name, literal))[1]


def deliver(args, text, name):
    message = (text % (name, name, name)).replace("\n", "\r\n").encode()
    with smtplib.LMTP("localhost", args.lmtp) as lmtp:
        lmtp.sendmail("sender@example.net", [args.user], message, ["BODY=8BITMIME"])


def check_request(request, service, key, version):
    common.expect("version of HTTP", request.version, version)
    headers = dict(request.headers)
    common.expect("content-encoding", headers["content-encoding"], "aes128gcm")
    common.expect("a TTL", headers["ttl"].isdigit(), True)
    common.expect("at most 4096 octets", len(request.body) <= 4096, True)
    claims = webpush.claims(request, key)
    common.expect("aud", claims["aud"], "https://localhost:%d" % service.port)
    common.expect("exp within a day", 0 < claims["exp"] - time.time() <= DAY, True)
    return headers


def subscribe(imap, app, service, resource, subscription_id, msgtype, key, version):
    """Subscribes and validates, with every wrong turn there is."""
    name = ROOT + "subscriptions/" + subscription_id
    common.expect("SETMETADATA", imap.annotate(name, app.subscription(service.url(resource), msgtype))[:2], "OK")
    request = service.wait(resource, 1, PATIENCE)[0]
    headers = check_request(request, service, key, version)
    common.expect("webpush-validation", headers["webpush-validation"], "")
    payload = app.read(request)
    common.expect("validation alone", list(payload), ["validation"])
    listed = json.loads(imap.annotation(name))
    common.expect("not validated yet", listed["validated"], False)
    for wrong in ("ZZZ000...", payload["validation"][:-1], ""):
        common.expect("a wrong validation", imap.annotate(name + "/validate", wrong)[:2], "NO")
    common.expect("validation", imap.annotate(name + "/validate", payload["validation"])[:2], "OK")
    listed = json.loads(imap.annotation(name))
    members = ["created", "validated", "client", "device", "msgtype", "resource"]
    common.expect("members in order", list(listed), members)
    common.expect("validated", listed["validated"], True)
    common.expect("as it was written", listed["resource"], json.loads(app.subscription(service.url(resource), ""))["resource"])
    created = datetime.datetime.fromisoformat(listed["created"])
    common.expect("created now", abs(created.timestamp() - time.time()) < PATIENCE * 5, True)
    return name


def check_chat(imap, payload, name):
    expected = {
        "folder": "COI/Chats",
        "from-email": "sender@example.net",
        "from-name": "Sänder",
        "subject": "Grüße " + name,
        "date": "2026-11-21T13:00:00+01:00",
        "msg-id": "chat$group.4321dcba1234.%s@example.net" % name,
        "group-id": "4321dcba1234",
        "content-type": "text/plain; charset=utf-8; format=flowed",
        "content": "Schöne Grüße %s\r\n" % name,
    }
    common.expect("payload", {key: payload.get(key) for key in expected}, expected)
    common.expect("8bit is not said", "content-encoding" in payload, False)
    order = ["folder", "uidvalidity", "uid", "date", "from-email", "from-name", "subject", "msg-id", "group-id",
             "content-type", "content"]
    common.expect("order", list(payload), order)
    untagged, _ = imap.ok('EXAMINE "%s"' % payload["folder"])
    common.expect("uidvalidity", b"* OK [UIDVALIDITY %d]" % payload["uidvalidity"] in b"\n".join(untagged), True)
    untagged, _ = imap.ok("UID FETCH %d BODY.PEEK[TEXT]" % payload["uid"])
    common.expect("the message is there", any(payload["content"].encode() in line for line in untagged), True)


def one_version(args, imap, key, version, protocols):
    tls = os.path.dirname(args.ca)
    service = webpush.PushService(os.path.join(tls, "cert.pem"), os.path.join(tls, "key.pem"), protocols)
    app, other = webpush.App(), webpush.App()
    name = subscribe(imap, app, service, "chat", "31754ee7-d3ee-4226-b112-6895ed26fcf" + version[0], "chat", key, version)
    all_name = subscribe(imap, other, service, "all", "all_of_it_" + version[0], "all", key, version)
    # What is not for it comes between two that are.
    tags = ["%s-%d" % (version.replace(".", ""), number) for number in range(4)]
    deliver(args, CHAT, tags[0])
    deliver(args, MAIL, tags[1])
    deliver(args, RECEIPT, tags[2])
    deliver(args, CHAT, tags[3])
    requests = service.wait("chat", 3, PATIENCE)
    for request in requests[1:]:
        headers = check_request(request, service, key, version)
        common.expect("no validation", "webpush-validation" in headers, False)
    payloads = [app.read(request) for request in requests[1:]]
    common.expect("chat alone", [payload["subject"] for payload in payloads], ["Grüße " + tags[0], "Grüße " + tags[3]])
    check_chat(imap, payloads[0], tags[0])
    everything = [other.read(request) for request in service.wait("all", 4, PATIENCE)[1:]]
    subjects = ["Grüße " + tags[0], "mail " + tags[1], "Grüße " + tags[3]]
    common.expect("all but the receipt", [payload["subject"] for payload in everything], subjects)
    common.expect("text/plain is not said", "content-type" in everything[1], False)
    # Whoever is not subscribed is not told.
    common.expect("unsubscribe", imap.annotate(name, None)[:2], "OK")
    common.expect("gone", imap.annotation(name), None)
    deliver(args, CHAT, "last-" + tags[0])
    service.wait("all", 5, PATIENCE)
    common.expect("nobody else was told", len(service.wait("chat", 0, 0)), 3)
    common.expect("unsubscribe", imap.annotate(all_name, None)[:2], "OK")


def main():
    args = common.arguments()
    imap = Imap(args)
    common.expect("not before login", "WEBPUSH" in str(imap.ok("CAPABILITY")[0]), False)
    imap.ok('LOGIN %s "%s"' % (args.user, args.password))
    common.expect("after login", b" WEBPUSH" in imap.ok("CAPABILITY")[0][0], True)
    common.expect("COI", imap.annotate(COI + "enabled", "yes")[:2], "OK")
    common.expect("a filter", imap.annotate(COI + "message-filter", "active")[:2], "OK")
    pem = imap.annotation(ROOT + "vapid")
    common.expect("octets of the key as in the example", len(pem), 133)
    key = webpush.vapid_key(pem)
    one_version(args, imap, key, "1.1", ["http/1.1"])
    one_version(args, imap, key, "2", ["h2", "http/1.1"])
    imap.ok("LOGOUT")
    print("webpush: both versions of HTTP", file=sys.stderr)


main()
