"""Push subscriptions of JMAP from end to end (RFC 8620 §7.2, RFC 8291, RFC 8292, RFC 9749): an app subscribes over HTTPS,
verifies, and is told of what changes; once over HTTP/1.1, once over HTTP/2, with keys and without."""

import base64
import http.client
import json
import os
import smtplib
import sys
import time

import common
import webpush

PATIENCE = 60
DAY = 24 * 3600
CORE, MAIL = "urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"
VAPID = "urn:ietf:params:jmap:webpush-vapid"


class Jmap:
    """As much JMAP as this needs."""

    def __init__(self, args):
        self.line = http.client.HTTPSConnection("localhost", args.https, context=common.context(args.ca), timeout=PATIENCE)
        login = base64.b64encode(("%s:%s" % (args.user, args.password)).encode()).decode()
        self.headers = {"Authorization": "Basic " + login, "Content-Type": "application/json"}
        self.session = self.ask("GET", "/.well-known/jmap", None)
        self.account = self.session["primaryAccounts"][MAIL]

    def ask(self, method, path, body):
        self.line.request(method, path, None if body is None else json.dumps(body), self.headers)
        answer = self.line.getresponse()
        text = answer.read()
        common.expect("status of %s" % path, (answer.status, text[:0]), (200, b""))
        return json.loads(text)

    def call(self, name, arguments):
        path = "/" + self.session["apiUrl"].split("/", 3)[3]
        said = self.ask("POST", path, {"using": [CORE, MAIL], "methodCalls": [[name, arguments, "c"]]})
        (answered, arguments, call_id), = said["methodResponses"]
        common.expect("an answer to the call", (answered, call_id), (name, "c"))
        return arguments

    def set(self, **what):
        return self.call("PushSubscription/set", what)

    def listed(self):
        return self.call("PushSubscription/get", {"ids": None})["list"]


def key_of(session):
    """RFC 9749 §3: the point, uncompressed."""
    from cryptography.hazmat.primitives.asymmetric import ec

    octets = webpush.unbase64url(session["capabilities"][VAPID]["applicationServerKey"])
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), octets)


def read(app, request, service, key, version, encrypted):
    """What a request says, after everything about it was looked at."""
    common.expect("version of HTTP", request.version, version)
    headers = dict(request.headers)
    common.expect("content-type", headers["content-type"], "application/json")
    common.expect("content-encoding", headers.get("content-encoding"), "aes128gcm" if encrypted else None)
    common.expect("a TTL", headers["ttl"].isdigit(), True)
    claims = webpush.claims(request, key)
    common.expect("aud", claims["aud"], "https://localhost:%d" % service.port)
    common.expect("exp within a day", 0 < claims["exp"] - time.time() <= DAY, True)
    return app.read(request) if encrypted else json.loads(request.body)


def deliver(args, subject):
    message = "From: sender@example.net\r\nSubject: %s\r\n\r\n%s\r\n" % (subject, subject)
    with smtplib.LMTP("localhost", args.lmtp) as lmtp:
        lmtp.sendmail("sender@example.net", [args.user], message.encode())


def one(args, jmap, key, version, protocols, encrypted):
    tls = os.path.dirname(args.ca)
    service = webpush.PushService(os.path.join(tls, "cert.pem"), os.path.join(tls, "key.pem"), protocols)
    app = webpush.App()
    new = {"deviceClientId": "interop", "url": service.url("jmap"), "types": ["Email", "EmailDelivery"]}
    if encrypted:
        new["keys"] = json.loads(app.subscription("", ""))["resource"]["keys"]
    created = jmap.set(create={"k": new})["created"]["k"]
    common.expect("what the client did not say", sorted(created), sorted(
        ["id", "expires", "verificationCode"] + ([] if encrypted else ["keys"])))
    said = read(app, service.wait("jmap", 1, PATIENCE)[0], service, key, version, encrypted)
    common.expect("a verification", (said["@type"], said["pushSubscriptionId"]), ("PushVerification", created["id"]))
    deliver(args, "before")
    wrong = jmap.set(update={created["id"]: {"verificationCode": "guess"}})["notUpdated"][created["id"]]
    common.expect("a wrong code", (wrong["type"], wrong["properties"]), ("invalidProperties", ["verificationCode"]))
    done = jmap.set(update={created["id"]: {"verificationCode": said["verificationCode"]}})["updated"]
    common.expect("verified", done, {created["id"]: None})
    (listed,) = jmap.listed()
    common.expect("the code", listed["verificationCode"], said["verificationCode"])
    common.expect("nothing secret", [name for name in ("url", "keys") if name in listed], [])
    deliver(args, "after")
    request = service.wait("jmap", 2, PATIENCE)[1]
    said = read(app, request, service, key, version, encrypted)
    common.expect("a StateChange", (said["@type"], list(said["changed"])), ("StateChange", [jmap.account]))
    common.expect("its types", sorted(said["changed"][jmap.account]), ["Email", "EmailDelivery"])
    common.expect("nothing for what was before", len(service.wait("jmap", 0, 0)), 2)
    common.expect("destroyed", jmap.set(destroy=[created["id"]])["destroyed"], [created["id"]])
    common.expect("gone", jmap.listed(), [])


def main():
    args = common.arguments()
    jmap = Jmap(args)
    key = key_of(jmap.session)
    common.expect("the draft's name", "ietf:jmapmail" in jmap.session["capabilities"], True)
    one(args, jmap, key, "1.1", ["http/1.1"], True)
    one(args, jmap, key, "2", ["h2", "http/1.1"], True)
    one(args, jmap, key, "2", ["h2", "http/1.1"], False)
    print("push of JMAP: both versions of HTTP, with keys and without", file=sys.stderr)


main()
