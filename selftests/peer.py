#!/usr/bin/python3 -IS
# SPDX-License-Identifier: GPL-2.0-only
"""A TLS server and clients that do what ordinary programs rarely do.

The first line that a client sends tells the server how to behave; each side prints
how the connection ended: "closed" (close_notify), "ragged" (FIN without it), "reset".
"""
import argparse
import hashlib
import os
import socket
import ssl
import struct
import sys
import threading
import time

NAME = "www.example.test"
CHUNK = 1 << 18
RECORD = 16384
RECORD_HEADER = 5
SMALL_BUFFER = 1 << 18


def say(*words):
    print(*words, flush=True)


def pattern(size, seed=1):
    """The bytes that both sides expect; in full records, and without a short period."""
    block = hashlib.shake_128(b"%d" % seed).digest(61 * RECORD)
    sent = 0
    while sent < size:
        part = memoryview(block)[:min(len(block), size - sent)]
        yield part
        sent += len(part)


def pattern_digest(size, seed=1):
    digest = hashlib.sha256()
    for part in pattern(size, seed):
        digest.update(part)
    return digest.hexdigest()


class Tls:
    """TLS over a socket with each step in our hands: half-close, abort, truncation."""

    def __init__(self, sock, context, server_side, session=None, hold=None, pieces=0):
        self.sock = sock
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rx = ssl.MemoryBIO()
        self.tx = ssl.MemoryBIO()
        self.ssl = context.wrap_bio(self.rx, self.tx, server_side,
                                    None if server_side else NAME, session)
        self.unread = b""
        if pieces:
            self._send_hello(pieces)
        self._until_done(self._handshake, hold)

    def _handshake(self, hold):
        self.ssl.do_handshake()
        if hold:
            hold()  # before the Finished message leaves

    def _send_hello(self, size):
        """The ClientHello in records of a few bytes, each in a segment of its own."""
        try:
            self.ssl.do_handshake()
        except ssl.SSLWantReadError:
            pass
        record = self.tx.read(CHUNK)
        for at in range(RECORD_HEADER, len(record), size):
            part = record[at:at + size]
            self.sock.sendall(record[:3] + struct.pack("!H", len(part)) + part)

    def _flush(self):
        while self.tx.pending:
            self.sock.sendall(self.tx.read(CHUNK))

    def _until_done(self, step, *args):
        while True:
            try:
                done = step(*args)
                self._flush()
                return done
            except ssl.SSLWantReadError:
                self._flush()
                data = self.sock.recv(CHUNK)
                if data:
                    self.rx.write(data)
                else:
                    self.rx.write_eof()
            except ssl.SSLError as error:
                # Some versions of the module have no class for this one.
                if error.reason == "UNEXPECTED_EOF_WHILE_READING":
                    raise ssl.SSLEOFError(*error.args) from None
                raise

    def send(self, data):
        view = memoryview(data)
        while view:
            view = view[self._until_done(self.ssl.write, view[:RECORD]):]

    def recv(self):
        """Some bytes; none at close_notify."""
        if self.unread:
            data, self.unread = self.unread, b""
            return data
        try:
            return self._until_done(self.ssl.read, CHUNK)
        except ssl.SSLZeroReturnError:
            return b""

    def line(self):
        data = b""
        while b"\n" not in data:
            part = self.recv()
            if not part:
                return data.decode()
            data += part
        line, self.unread = data.split(b"\n", 1)
        return line.decode()

    def recv_digest(self, size=None):
        """Number and SHA-256 of the bytes up to the end, or of size bytes."""
        digest, got = hashlib.sha256(), 0
        while size is None or got < size:
            data = self.recv()
            if not data:
                break
            if size is not None and got + len(data) > size:
                data, self.unread = data[:size - got], data[size - got:]
            digest.update(data)
            got += len(data)
        return got, digest.hexdigest()

    def end(self):
        """Reads and drops up to the end; tells which end it was."""
        try:
            while self.recv():
                pass
            return "closed"
        except ssl.SSLEOFError:
            return "ragged"
        except ConnectionResetError:
            return "reset"
        except (ssl.SSLError, OSError) as error:
            return "error %s" % error

    def close_notify(self):
        try:
            self.ssl.unwrap()
        except ssl.SSLError:
            pass    # it wants the other side's, which comes later or never
        self._flush()

    def abort(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def finish(self):
        """Closes as one should, and waits for the peer to do so."""
        self.close_notify()
        end = self.end()
        self.sock.close()
        return end


# ---- what the server does on command

def serve_down(tls, size):
    for part in pattern(int(size)):
        tls.send(part)
    return tls.end()


def serve_up(tls, size):
    tls.send(b"%d %s\n" % tuple(x if isinstance(x, int) else x.encode()
                                for x in tls.recv_digest(int(size))))
    return tls.end()


def serve_half(tls, size):
    """Answers only when the client has closed its direction."""
    end = tls.end()
    for part in pattern(int(size)):
        tls.send(part)
    tls.close_notify()
    return end


def serve_first(tls, size):
    """Closes its own direction first, then takes what the client still sends."""
    tls.send(b"no more\n")
    tls.close_notify()
    got, digest = tls.recv_digest()
    return "%d %s" % (got, digest == pattern_digest(int(size)))


def serve_truncate(tls, size):
    for part in pattern(int(size)):
        tls.send(part)
    tls.sock.shutdown(socket.SHUT_WR)
    return tls.end()


def serve_abort(tls, size):
    for part in pattern(int(size)):
        tls.send(part)
    tls.line()
    tls.abort()
    return "aborted"


def serve_wait(tls, _):
    tls.send(b"here\n")
    return tls.end()


def serve_echo(tls, _):
    try:
        while data := tls.recv():
            tls.send(data)
        end = "closed"
    except ssl.SSLEOFError:
        end = "ragged"
    tls.close_notify()
    return end


SERVE = {"down": serve_down, "up": serve_up, "half": serve_half, "first": serve_first,
         "truncate": serve_truncate, "abort": serve_abort, "wait": serve_wait,
         "echo": serve_echo}


def serve_connection(sock, address, context, greet):
    command = "none"
    try:
        tls = Tls(sock, context, True)
        if tls.ssl.session_reused:
            say("resumed", tls.ssl.version())
        if greet:
            tls.send(b"hello\n")
            say("greeted", address[1])
        command, size = (tls.line() + " 0").split()[:2]
        end = SERVE[command](tls, size)
        if end == "closed":
            tls.close_notify()
    except ConnectionResetError:
        end = "reset"
    except ssl.SSLEOFError:
        end = "ragged"
    except (OSError, KeyError) as error:
        end = "error %r" % error
    sock.close()
    say(address[0], address[1], command, end)


def serve(args):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    context.load_cert_chain(args.cert, args.key)
    listener = socket.create_server(("::", args.port), family=socket.AF_INET6,
                                    dualstack_ipv6=True, backlog=512)
    while True:
        sock, address = listener.accept()
        threading.Thread(target=serve_connection, args=(sock, address, context, args.greet),
                         daemon=True).start()


# ---- what a client does

def wait_file(name):
    while name and not os.path.exists(name):
        time.sleep(0.05)


def wait_go(args, word):
    """Tells the test where we are; goes on when the test says so."""
    say(word)
    wait_file(args.go)


def client_context(args):
    context = ssl.create_default_context(cafile=args.ca)
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    if args.tls12:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if args.cipher:
        context.set_ciphers(args.cipher)
    return context


def connect(args):
    context = client_context(args)
    sock = raw_socket(args)
    if args.go and not args.late and not args.silent:
        # Where the test pauses us, the rest of the data must not wait here already.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    if args.silent:
        wait_go(args, "silent")
    tls = Tls(sock, context, False, pieces=args.pieces,
              hold=(lambda: hold(args)) if args.hold else None)
    say("connected", sock.getsockname()[1], *tls.ssl.cipher()[:2])
    wait_file(args.start)
    return tls


def hold(args):
    say("held")
    wait_file(args.hold)


def ask(tls, command, size=0):
    tls.send(b"%s %d\n" % (command.encode(), size))


def report_down(tls, got, digest, size):
    say("received", got, "intact" if digest == pattern_digest(size) else "CORRUPT",
        digest)


def client_down(tls, args):
    """Stops half-way: the rest stays in the flow until the test says go."""
    ask(tls, "down", args.size)
    digest, got = hashlib.sha256(), 0
    stop = args.size // 2 if args.go and not args.late else None
    while got < args.size:
        data = tls.recv()
        if not data:
            break
        digest.update(data)
        got += len(data)
        if stop and got >= stop:
            wait_go(args, "half-way")
            stop = None
    report_down(tls, got, digest.hexdigest(), args.size)
    if args.late:
        wait_go(args, "idle")
    say("end", tls.finish())


def client_up(tls, args):
    ask(tls, "up", args.size)
    sent = 0
    stop = args.size // 2 if args.go and not args.late else None
    for part in pattern(args.size):
        tls.send(part)
        sent += len(part)
        if stop and sent >= stop:
            wait_go(args, "half-way")
            stop = None
    got, digest = tls.line().split()
    say("stored", got, "intact" if digest == pattern_digest(args.size) else "CORRUPT", digest)
    if args.late:
        wait_go(args, "idle")
    say("end", tls.finish())


def client_half(tls, args):
    ask(tls, "half", args.size)
    tls.close_notify()
    if args.fin:
        tls.sock.shutdown(socket.SHUT_WR)
    got, digest = tls.recv_digest()
    report_down(tls, got, digest, args.size)
    say("end", tls.end())


def client_first(tls, args):
    ask(tls, "first", args.size)
    say("line", tls.line(), "end", tls.end())
    for part in pattern(args.size):
        tls.send(part)
    tls.close_notify()
    tls.sock.shutdown(socket.SHUT_WR)


def client_truncated(tls, args):
    ask(tls, "truncate", args.size)
    try:
        got, _ = tls.recv_digest(args.size)
    except ssl.SSLEOFError:
        got = "too few"
    say("received", got, "end", tls.end())


def client_truncate(tls, args):
    ask(tls, "wait")
    tls.line()
    tls.sock.shutdown(socket.SHUT_WR)
    say("end", tls.end())


def client_abort(tls, args):
    ask(tls, "wait")
    tls.line()
    tls.abort()
    say("aborted")


def client_aborted(tls, args):
    ask(tls, "abort", args.size)
    got, _ = tls.recv_digest(args.size)
    tls.send(b"now\n")
    say("received", got, "end", tls.end())


def client_echo(tls, args):
    """One line each time that the go file appears, to the end of its use."""
    ask(tls, "echo")
    tls.send(b"before\n")
    say("echoed", tls.line())
    wait_go(args, "half-way")
    tls.send(b"after\n")
    say("echoed", tls.line())
    say("end", tls.finish())


def client_many(_, args):
    """args.size connections at once, all open before the first is used."""
    opened = threading.Barrier(args.size + 1)
    used = threading.Barrier(args.size + 1)
    good = []

    def one(number):
        tls = None
        try:
            tls = connect_quiet(args)
        except OSError as error:
            say("connection", number, repr(error))
        opened.wait()
        used.wait()
        if not tls:
            return
        try:
            ask(tls, "echo")
            tls.send(b"number %d\n" % number)
            if tls.line() == "number %d" % number and tls.finish() == "closed":
                good.append(number)
        except OSError as error:
            say("connection", number, repr(error))

    threads = [threading.Thread(target=one, args=(i,)) for i in range(args.size)]
    for thread in threads:
        thread.start()
    opened.wait()
    wait_go(args, "all open")
    used.wait()
    for thread in threads:
        thread.join()
    say("good", len(good))


def connect_quiet(args):
    context = client_context(args)
    return Tls(raw_socket(args), context, False)


def client_greeted(tls, args):
    say("greeted", tls.line())
    ask(tls, "echo")
    tls.send(b"after\n")
    say("echoed", tls.line())
    say("end", tls.finish())


def client_post(tls, args):
    """A request with args.size bytes, all of them sent before the answer is looked at."""
    tls.send(b"POST /post HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % args.size)
    tls.send(bytes(args.size))
    say("answer", tls.line().strip(), "end", tls.end())


def client_quiet(tls, _):
    """A handshake and nothing more."""
    say("end", tls.end())


def client_resume(_, args):
    """args.size connections, each with the session of the one before."""
    context, session = client_context(args), None
    for _ in range(args.size):
        tls = Tls(raw_socket(args), context, False, session)
        ask(tls, "echo")
        tls.send(b"again\n")
        say("echoed", tls.line(), "resumed" if tls.ssl.session_reused else "full")
        session = tls.ssl.session
        say("end", tls.finish())


# ---- clients that do not speak TLS, or badly

def raw_socket(args):
    return socket.create_connection((args.address, args.port), timeout=args.timeout)


def raw_end(sock):
    """What came until the end, and what end it was."""
    data = b""
    try:
        while part := sock.recv(65536):
            data += part
        return data, "closed"
    except ConnectionResetError:
        return data, "reset"
    except TimeoutError:
        return data, "TIMEOUT"


HELLO_START = b"\x16\x03\x01"
GARBAGE = {
    "random": HELLO_START + struct.pack("!H", 512) + hashlib.shake_128(b"x").digest(512),
    "body": HELLO_START + b"\x00\x40\x01\x00\x00\x3c\x03\x03" + b"\xff" * 58,
    "empty": HELLO_START + b"\x00\x00",
    "minor": b"\x16\x03\xff" + struct.pack("!H", 512) + b"\x01" * 512,
    "sslv2": b"\x80\x2e\x01\x03\x01" + b"\x00" * 43,
    "huge": HELLO_START + b"\xff\xff" + b"\x01" * 70000,
    "alert": b"\x15\x03\x01\x00\x02\x02\x28",
    "zeroes": b"\x00" * 4096,
}


def client_garbage(_, args):
    """The end must come, whatever was sent, once we have said that this is all."""
    for name, data in GARBAGE.items():
        sock = raw_socket(args)
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        got, end = raw_end(sock)
        say("garbage", name, len(got), end)
        sock.close()


def extension(number, body):
    return struct.pack("!HH", number, len(body)) + body


def vector(body):
    return struct.pack("!H", len(body)) + body


def modern_hello():
    """As a browser of today sends it: GREASE everywhere, ECH, and what we do not know."""
    suites = b"\x2a\x2a\x13\x01\x13\x02\x13\x03\xc0\x2b\xc0\x2f\xcc\xa9\xc0\x13\x00\x9c"
    share = bytes([9]) + bytes(31)
    # An outer ClientHello's: HKDF-SHA256, AES-128-GCM, a key, an encrypted inner hello.
    ech = b"\0\0\x01\0\x01\x42" + vector(share) + vector(hashlib.shake_128(b"ech").digest(208))
    extensions = [
        extension(0x3a3a, b""),
        extension(0, vector(b"\0" + vector(NAME.encode()))),
        extension(23, b""), extension(0xff01, b"\0"),
        extension(10, vector(b"\x6a\x6a\x11\xec\0\x1d\0\x17\0\x18")),
        extension(11, b"\x01\0"), extension(35, b""),
        extension(16, vector(b"\x02\x2a\x2a\x02h2\x08http/1.1")),
        extension(5, b"\x01\0\0\0\0"),
        extension(13, vector(b"\x0a\x0a\x04\x03\x08\x04\x04\x01\x05\x03\x08\x05")),
        extension(18, b""),
        extension(51, vector(b"\x6a\x6a\0\x01\0" + b"\0\x1d" + vector(share))),
        extension(45, b"\x01\x01"), extension(49, b""), extension(28, b"\x40\x01"),
        extension(43, b"\x06\x8a\x8a\x03\x04\x03\x03"),
        extension(27, b"\x02\0\x02"), extension(17513, vector(b"\x02h2")),
        extension(0xfe0d, ech), extension(0x9a9a, b"\0"),
    ]
    body = b"\x03\x03" + hashlib.sha256(b"random").digest()
    body += b"\x20" + hashlib.sha256(b"session").digest() + vector(suites) + b"\x01\0"
    body += vector(b"".join(extensions))
    message = b"\x01" + struct.pack("!I", len(body))[1:] + body
    return b"\x16\x03\x01" + vector(message)


def client_hello(_, args):
    """The first record of the answer tells whether the hello was understood."""
    sock = raw_socket(args)
    sock.sendall(modern_hello())
    data = b""
    while len(data) < RECORD_HEADER + 1 and (part := sock.recv(CHUNK)):
        data += part
    say("answer", *data[:1], *data[RECORD_HEADER:RECORD_HEADER + 1])
    sock.close()


def client_partial(_, args):
    """Half a ClientHello and then nothing; the other end need not wait for ever."""
    sock = raw_socket(args)
    sock.sendall(GARBAGE["body"][:20])
    wait_go(args, "half-way")
    sock.close()
    say("done")


def client_plain(_, args):
    sock = raw_socket(args)
    sock.sendall(b"GET /hello.txt HTTP/1.0\r\nHost: x\r\n\r\n")
    data, end = raw_end(sock)
    say("answer", data.split(b"\r\n")[0].decode(errors="replace"), "end", end)


def client_mute(_, args):
    data, end = raw_end(raw_socket(args))
    say("got", len(data), "end", end)


def client_banner(_, args):
    """A protocol in which the server speaks first."""
    sock = raw_socket(args)
    say("banner", sock.recv(100).decode(errors="replace").strip())


def client_connect(_, args):
    try:
        raw_socket(args).close()
        say("connected")
    except OSError as error:
        say("refused", repr(error))


def client_udp(_, args):
    family = socket.AF_INET6 if ":" in args.address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.settimeout(args.timeout)
    sock.sendto(b"datagram", (args.address, args.port))
    say("answer", sock.recv(100).decode())


def client_icmp(tls, args):
    """Tell the other end that a packet of this connection, which it never sent, was too long."""
    address, port = tls.sock.getpeername()[:2]
    me, my_port = tls.sock.getsockname()[:2]
    quoted = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 1500, 1, 0x4000, 64, socket.IPPROTO_TCP, 0,
                         socket.inet_aton(address), socket.inet_aton(me))
    error = struct.pack("!BBHHH", 3, 4, 0, 0, 1300) + quoted
    error += struct.pack("!HHI", port, my_port, 0)
    total = sum(struct.unpack(f"!{len(error) // 2}H", error))
    total = (total & 0xffff) + (total >> 16)
    total = (total & 0xffff) + (total >> 16)
    error = error[:2] + struct.pack("!H", ~total & 0xffff) + error[4:]
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        sock.sendto(error, (address, 0))
    client_down(tls, args)


CLIENT = {name[7:]: function for name, function in globals().items()
          if name.startswith("client_")}
WITHOUT_TLS = ("many", "resume", "hello", "garbage", "partial", "plain", "mute", "banner",
               "connect", "udp")


def client(args):
    try:
        tls = None if args.action in WITHOUT_TLS else connect(args)
        CLIENT[args.action](tls, args)
    except OSError as error:
        say("failed", repr(error))
        return 1
    return 0


def serve_plain(args):
    """Server-first on TCP, echo on UDP."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("0.0.0.0", args.port))

    def echo():
        while True:
            data, address = udp.recvfrom(1000)
            udp.sendto(data, address)

    threading.Thread(target=echo, daemon=True).start()
    listener = socket.create_server(("0.0.0.0", args.port), backlog=16)
    while True:
        sock, _ = listener.accept()
        with sock:
            sock.sendall(b"220 the server speaks first\n")
            raw_end(sock)


def arguments():
    parser = argparse.ArgumentParser()
    sub = parser.add_subparsers(dest="role", required=True)
    server = sub.add_parser("server")
    server.add_argument("--cert", required=True)
    server.add_argument("--key", required=True)
    server.add_argument("--greet", action="store_true", help="say hello first")
    server.add_argument("port", type=int)
    plain = sub.add_parser("plain")
    plain.add_argument("port", type=int)
    one = sub.add_parser("client")
    one.add_argument("--ca", required=True)
    one.add_argument("--go", help="file to wait for where the action pauses")
    one.add_argument("--start", help="file to wait for before the first request")
    one.add_argument("--hold", help="file to wait for before Finished is sent")
    one.add_argument("--pieces", type=int, default=0, help="bytes in a record of the hello")
    one.add_argument("--late", action="store_true", help="pause only at the end")
    one.add_argument("--silent", action="store_true", help="pause before the ClientHello")
    one.add_argument("--fin", action="store_true", help="close_notify and FIN")
    one.add_argument("--tls12", action="store_true")
    one.add_argument("--cipher")
    one.add_argument("--timeout", type=float, default=120)
    one.add_argument("--size", type=int, default=100000)
    one.add_argument("--port", type=int, default=444)
    one.add_argument("--address", default="10.2.0.2")
    one.add_argument("action", choices=sorted(CLIENT))
    return parser.parse_args()


def main():
    args = arguments()
    if args.role == "server":
        serve(args)
    if args.role == "plain":
        serve_plain(args)
    return client(args)


sys.exit(main())
