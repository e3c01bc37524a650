"""SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677, RFC 9266) by a client that shares no code with the
server: hashlib and hmac for the arithmetic, OpenSSL for TLS and what is exported from it."""

import base64
import ctypes
import ctypes.util
import hashlib
import hmac
import imaplib
import os
import ssl

import common

EXPORTER_LABEL = b"EXPORTER-Channel-Binding"


def exported(sock):
    """RFC 9266 §2. Python before 3.13 has no method for it: OpenSSL is asked itself, about the `SSL *` that
    CPython keeps in the third word of the object."""
    if hasattr(sock, "export_keying_material"):
        return sock.export_keying_material(EXPORTER_LABEL, 32, None)
    lib = ctypes.CDLL(ctypes.util.find_library("ssl") or "libssl.so.3")
    pointer = ctypes.c_void_p.from_address(id(sock._sslobj) + 3 * ctypes.sizeof(ctypes.c_void_p))
    lib.SSL_get_version.restype = ctypes.c_char_p
    common.expect("the SSL object", lib.SSL_get_version(pointer).decode(), sock.version())
    out = ctypes.create_string_buffer(32)
    done = lib.SSL_export_keying_material(
        pointer, out, ctypes.c_size_t(32), EXPORTER_LABEL, ctypes.c_size_t(len(EXPORTER_LABEL)), None,
        ctypes.c_size_t(0), 0)
    common.expect("SSL_export_keying_material", done, 1)
    return out.raw


def sign(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


class Scram:
    """What imaplib asks for the answer to each challenge."""

    def __init__(self, user, password, gs2="n,,", binding=b""):
        self.password = password.encode()
        self.gs2, self.binding = gs2, binding
        self.nonce = base64.b64encode(os.urandom(18)).decode()
        self.bare = "n=%s,r=%s" % (user.replace("=", "=3D").replace(",", "=2C"), self.nonce)
        self.step, self.error, self.proved = 0, None, False

    def __call__(self, challenge):
        self.step += 1
        if self.step == 1:
            common.expect("first challenge", challenge, b"")
            return (self.gs2 + self.bare).encode()
        text = challenge.decode()
        if text.startswith("e="):
            self.error = text[2:]
            return b""
        if self.step == 2:
            return self.proof(text)
        common.expect("server's proof", text, "v=" + base64.b64encode(self.signature).decode())
        self.proved = True
        return b""

    def proof(self, server_first):
        given = dict(part.split("=", 1) for part in server_first.split(","))
        if not given["r"].startswith(self.nonce) or len(given["r"]) <= len(self.nonce) + 16:
            raise SystemExit("a nonce that is not ours: %s" % server_first)
        if int(given["i"]) < 100000:
            raise SystemExit("fewer than 100,000 iterations: %s" % server_first)
        salt = base64.b64decode(given["s"])
        salted = hashlib.pbkdf2_hmac("sha256", self.password, salt, int(given["i"]))
        bound = base64.b64encode(self.gs2.encode() + self.binding).decode()
        without_proof = "c=%s,r=%s" % (bound, given["r"])
        message = ",".join((self.bare, server_first, without_proof)).encode()
        client_key = sign(salted, b"Client Key")
        mask = sign(hashlib.sha256(client_key).digest(), message)
        proof = bytes(a ^ b for a, b in zip(client_key, mask))
        self.signature = sign(sign(salted, b"Server Key"), message)
        return (without_proof + ",p=" + base64.b64encode(proof).decode()).encode()


def logs_in(what, imap, mechanism, scram):
    found, _ = imap.authenticate(mechanism, scram)
    common.expect(what, (found, scram.proved), ("OK", True))
    common.expect(what + ": SELECT", imap.select("INBOX")[0], "OK")
    imap.logout()


def fails(what, imap, mechanism, scram, error):
    try:
        imap.authenticate(mechanism, scram)
    except imaplib.IMAP4.error as refused:
        common.expect(what + ": code", b"AUTHENTICATIONFAILED" in str(refused).encode(), True)
        common.expect(what, scram.error, error)
        imap.logout()
        return
    raise SystemExit(what + ": logged in")


def main():
    arguments = common.arguments()
    user, password = arguments.user, arguments.password
    context = common.context(arguments.ca)
    old = common.context(arguments.ca)
    old.maximum_version = ssl.TLSVersion.TLSv1_2

    def tls():
        return imaplib.IMAP4_SSL("localhost", arguments.imaps, ssl_context=context)

    def starttls():
        imap = imaplib.IMAP4("localhost", arguments.imap)
        common.expect("no SCRAM in clear text", any("SCRAM" in c for c in imap.capabilities), False)
        imap.starttls(context)
        return imap

    def bound(imap):
        return Scram(user, password, "p=tls-exporter,,", exported(imap.sock))

    for connect in (tls, starttls):
        imap = connect()
        common.expect("TLS", imap.sock.version(), "TLSv1.3")
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"):
            common.expect(mechanism + " is offered", "AUTH=" + mechanism in imap.capabilities, True)
        logs_in("SCRAM-SHA-256", imap, "SCRAM-SHA-256", Scram(user, password))
        imap = connect()
        logs_in("SCRAM-SHA-256-PLUS", imap, "SCRAM-SHA-256-PLUS", bound(imap))

    # Another connection than the one it is said on: what somebody in the middle would have.
    imap, elsewhere = tls(), tls()
    fails("a wrong binding", imap, "SCRAM-SHA-256-PLUS", bound(elsewhere), "channel-bindings-dont-match")
    elsewhere.logout()
    fails("a downgrade", tls(), "SCRAM-SHA-256", Scram(user, password, "y,,"),
          "server-does-support-channel-binding")
    fails("a wrong password", tls(), "SCRAM-SHA-256", Scram(user, password + "x"), "invalid-proof")
    fails("nobody", tls(), "SCRAM-SHA-256", Scram("nobody", password), "invalid-proof")

    imap = imaplib.IMAP4_SSL("localhost", arguments.imaps, ssl_context=old)
    common.expect("TLS", imap.sock.version(), "TLSv1.2")
    common.expect("no PLUS with TLS 1.2", "AUTH=SCRAM-SHA-256-PLUS" in imap.capabilities, False)
    logs_in("SCRAM-SHA-256 with TLS 1.2", imap, "SCRAM-SHA-256", Scram(user, password, "y,,"))


main()
