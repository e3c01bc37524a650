"""A push service and an app in Python, for webpush_client.py: TLS by OpenSSL, HTTP/1.1 by http.server, HTTP/2 by
python3-h2, decryption by http_ece (the author of RFC 8291 wrote it), signatures by python3-cryptography."""

import base64
import http.server
import json
import os
import socket
import ssl
import threading
import time

import h2.config
import h2.connection
import h2.events
import http_ece
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils


def base64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def unbase64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Request:
    """What an application server sent."""

    def __init__(self, version, path, headers, body):
        self.version, self.path, self.headers, self.body = version, path, headers, body


class PushService:
    """Listens on loopback and accepts whatever comes; `requests` are told in the order of their coming."""

    def __init__(self, certificate, key, protocols):
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        self.tls.set_alpn_protocols(protocols)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.requests = []
        self.changed = threading.Condition()
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, resource):
        return "https://localhost:%d/push/%s" % (self.port, resource)

    def wait(self, resource, count, seconds):
        """The requests to a resource, once there are so many."""
        until = time.monotonic() + seconds
        with self.changed:
            while True:
                found = [request for request in self.requests if request.path == "/push/" + resource]
                if len(found) >= count:
                    return found
                left = until - time.monotonic()
                if left <= 0:
                    raise SystemExit("%s: %d of %d requests within %d s" % (resource, len(found), count, seconds))
                self.changed.wait(left)

    def take(self, request):
        with self.changed:
            self.requests.append(request)
            self.changed.notify_all()

    def accept(self):
        while True:
            plain, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(plain,), daemon=True).start()

    def serve(self, plain):
        try:
            with self.tls.wrap_socket(plain, server_side=True) as line:
                if line.selected_alpn_protocol() == "h2":
                    self.serve_two(line)
                else:
                    self.serve_one(line)
        except OSError:
            pass  # The peer is gone; what it sent was taken.

    def serve_one(self, line):
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = [(name.lower(), value) for name, value in self.headers.items()]
                service.take(Request("1.1", self.path, headers, body))
                self.send_response(201)
                self.send_header("Location", "/message/1")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        Handler(line, ("127.0.0.1", 0), None)

    def serve_two(self, line):
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        line.sendall(connection.data_to_send())
        streams = {}
        while octets := line.recv(65536):
            for event in connection.receive_data(octets):
                if isinstance(event, h2.events.RequestReceived):
                    streams[event.stream_id] = (event.headers, b"")
                elif isinstance(event, h2.events.DataReceived):
                    headers, body = streams[event.stream_id]
                    streams[event.stream_id] = (headers, body + event.data)
                    connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    headers, body = streams.pop(event.stream_id)
                    path = dict(headers)[":path"]
                    self.take(Request("2", path, [h for h in headers if not h[0].startswith(":")], body))
                    answer = [(":status", "201"), ("location", "/message/1")]
                    connection.send_headers(event.stream_id, answer, end_stream=True)
            line.sendall(connection.data_to_send())


class App:
    """Has the keys of a subscription."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth = os.urandom(16)

    def subscription(self, endpoint, msgtype):
        """As a browser's Push API would give it, in base64url; the specification shows base64, read as well."""
        form = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        keys = {"p256dh": base64url(self.key.public_key().public_bytes(*form)), "auth": base64url(self.auth)}
        resource = {"endpoint": endpoint, "keys": keys}
        return json.dumps({"client": "interop", "device": "a rig", "msgtype": msgtype, "resource": resource}, indent=1)

    def read(self, request):
        text = http_ece.decrypt(request.body, private_key=self.key, auth_secret=self.auth, version="aes128gcm")
        return json.loads(text)


def vapid_key(pem):
    """The key of a server from the PEM it shows."""
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise SystemExit("the VAPID key is not on P-256: %r" % key)
    return key


def claims(request, key):
    """What the token of a request says, signed by `key` (RFC 8292 §2)."""
    scheme, parameters = dict(request.headers)["authorization"].split(" ", 1)
    parameters = dict(part.strip().split("=", 1) for part in parameters.split(","))
    form = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    if scheme != "vapid" or unbase64url(parameters["k"]) != key.public_bytes(*form):
        raise SystemExit("not signed by the key the server shows: %r" % parameters)
    signed, signature = parameters["t"].rsplit(".", 1)
    signature = unbase64url(signature)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key.verify(utils.encode_dss_signature(r, s), signed.encode(), ec.ECDSA(hashes.SHA256()))
    header, body = (json.loads(unbase64url(part)) for part in signed.split("."))
    if header != {"typ": "JWT", "alg": "ES256"}:
        raise SystemExit("not the header of RFC 8292: %r" % header)
    return body
