# SPDX-License-Identifier: GPL-2.0-only
"""
UDP at both ends.

server PORT...: sends back what comes.
client ADDRESS PORT: one connected socket, which does what the lines of the standard input say:
"ask TEXT" sends and waits for the answer, "send TEXT" only sends, "fill N" is "ask" with N bytes.
"""
import selectors
import socket
import sys

V6ONLY = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


def bound(family, port):
    sock = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        sock.setsockopt(*V6ONLY)
    sock.bind(("", port))
    return sock


def echo(sock):
    try:
        data, peer = sock.recvfrom(65536)
        sock.sendto(data, peer)
    except ConnectionRefusedError:
        pass


def server(ports):
    selector = selectors.DefaultSelector()
    for port in ports:
        for family in socket.AF_INET, socket.AF_INET6:
            selector.register(bound(family, port), selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            echo(key.fileobj)


def ask(sock, data):
    """What becomes of it, in words."""
    try:
        sock.send(data)
        answer = sock.recv(65536)
    except ConnectionRefusedError:
        return "refused " + data[:16].decode()
    return f"answer {answer[:16].decode()} {len(answer)}"


def client(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.connect((address, port))
    print("ready", flush=True)
    for line in sys.stdin:
        verb, text = line.split()
        if verb == "send":
            sock.send(text.encode())
            print("sent", text, flush=True)
        else:
            data = b"x" * int(text) if verb == "fill" else text.encode()
            print(ask(sock, data), flush=True)


if sys.argv[1] == "server":
    server([int(port) for port in sys.argv[2:]])
else:
    client(sys.argv[2], int(sys.argv[3]))
