"""Python's imaplib and zlib against Koi: COMPRESS=DEFLATE with an implementation that is not ours (RFC 4978)."""

import imaplib
import zlib

from common import arguments, context, expect, message


class Compressed:
    """The file and the socket of imaplib, with raw DEFLATE in both directions."""

    def __init__(self, sock, level, end):
        self.sock = sock
        self.deflate = zlib.compressobj(level, zlib.DEFLATED, -15)
        self.inflate = zlib.decompressobj(-15)
        self.end = end
        self.heard = b""
        self.on_the_wire = 0
        self.clear = 0

    def sendall(self, octets):
        self.sock.sendall(self.deflate.compress(octets) + self.deflate.flush(self.end))

    def more(self):
        octets = self.sock.recv(65536)
        if not octets:
            raise SystemExit("the server closed the connection")
        self.on_the_wire += len(octets)
        clear = self.inflate.decompress(octets)
        self.clear += len(clear)
        self.heard += clear

    def readline(self, _limit=-1):
        while b"\n" not in self.heard:
            self.more()
        line, self.heard = self.heard.split(b"\n", 1)
        return line + b"\n"

    def read(self, size):
        while len(self.heard) < size:
            self.more()
        octets, self.heard = self.heard[:size], self.heard[size:]
        return octets

    def shutdown(self, how):
        self.sock.shutdown(how)

    def close(self):
        self.sock.close()


def compressed(imap, level, end):
    """COMPRESS, and from its answer on everything compressed."""
    imaplib.Commands["COMPRESS"] = ("AUTH", "SELECTED")
    expect("COMPRESS", imap._simple_command("COMPRESS", "DEFLATE")[0], "OK")
    layer = Compressed(imap.sock, level, end)
    imap.sock = imap._file = imap.file = layer
    return layer


def ok(what, answer):
    """The data of an OK answer."""
    kind, data = answer
    expect(what, kind, "OK")
    return data


def one_life(args, level, end):
    imap = imaplib.IMAP4_SSL("localhost", args.imaps, ssl_context=context(args.ca))
    imap.login(args.user, args.password)
    expect("COMPRESS=DEFLATE is offered", "COMPRESS=DEFLATE" in imap.capability()[1][0].decode().split(), True)
    layer = compressed(imap, level, end)
    box = "packed%d" % level
    ok("CREATE", imap.create(box))
    for number in range(60):
        ok("APPEND", imap.append(box, None, None, message(number)))
    expect("SELECT", ok("SELECT", imap.select(box)), [b"60"])
    for number in range(60):
        data = ok("FETCH", imap.fetch(str(number + 1), "(BODY.PEEK[])"))
        expect("octets of %d" % number, data[0][1], message(number))
    ok("FETCH of everything", imap.fetch("1:*", "(UID FLAGS ENVELOPE BODYSTRUCTURE)"))
    expect("it is compressed", layer.on_the_wire * 2 < layer.clear, True)
    large = message(1) + b"0123456789 " * 300000 + b"\r\n"
    ok("APPEND of a large message", imap.append(box, None, None, large))
    expect("its octets", ok("FETCH", imap.fetch("61", "(BODY.PEEK[])"))[0][1], large)
    unauthenticated(args, imap, layer)


def unauthenticated(args, imap, layer):
    """RFC 8437: the stream of the server ends where it says, and both go on in the clear."""
    sock = layer.sock
    layer.sendall(b"z1 UNAUTHENTICATE\r\n")
    sock.sendall(b"z2 NOOP\r\n")
    heard = b""
    while not layer.inflate.eof:
        octets = sock.recv(65536)
        expect("the server is there", len(octets) > 0, True)
        heard += layer.inflate.decompress(octets)
    expect("UNAUTHENTICATE", heard.startswith(b"z1 OK"), True)
    clear = layer.inflate.unused_data
    while b"\n" not in clear:
        clear += sock.recv(65536)
    expect("NOOP behind it", clear.startswith(b"z2 OK"), True)
    sock.sendall(b'z3 LOGIN %s "%s"\r\n' % (args.user.encode(), args.password.encode()))
    expect("LOGIN", sock.recv(65536).startswith(b"z3 OK"), True)
    sock.close()


def broken(args):
    """Octets that are no stream end the connection with a BYE."""
    imap = imaplib.IMAP4_SSL("localhost", args.imaps, ssl_context=context(args.ca))
    imap.login(args.user, args.password)
    layer = compressed(imap, 6, zlib.Z_SYNC_FLUSH)
    layer.sock.sendall(b"\xff" * 100)
    expect("BYE", layer.readline().startswith(b"* BYE"), True)
    expect("the end", layer.sock.recv(100), b"")


if __name__ == "__main__":
    arguments_ = arguments()
    one_life(arguments_, 1, zlib.Z_SYNC_FLUSH)
    one_life(arguments_, 9, zlib.Z_FULL_FLUSH)
    broken(arguments_)
