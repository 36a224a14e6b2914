# SPDX-License-Identifier: GPL-2.0-only
"""Accepts each packet of netfilter's queue named, as an intrusion prevention system would."""
import socket
import struct
import sys

NETLINK_NETFILTER = 12
NLMSG_ERROR = 2
QUEUE = 3 << 8
PACKET, VERDICT, CONFIG = QUEUE, QUEUE | 1, QUEUE | 2
REQUEST, ACK = 1, 4
NF_ACCEPT = 1


def attribute(kind, data):
    return struct.pack("=HH", len(data) + 4, kind) + data + bytes(-len(data) % 4)


def send(sock, kind, queue, flags, data):
    body = struct.pack("!BBH", 0, 0, queue) + data
    sock.send(struct.pack("=IHHII", len(body) + 16, kind, flags, 0, 0) + body)


def configure(sock, queue, data):
    send(sock, CONFIG, queue, REQUEST | ACK, data)
    answer = sock.recv(65536)
    kind, error = struct.unpack_from("=4xH10xi", answer)
    if kind != NLMSG_ERROR or error:
        sys.exit(f"queue {queue}: error {error}")


def packet_id(message):
    """The first attribute has it."""
    return struct.unpack_from("!I", message, 16 + 4 + 4)[0]


def main():
    queue = int(sys.argv[1])
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    sock.bind((0, 0))
    configure(sock, queue, attribute(1, struct.pack("!BxH", 1, 0)))      # bind
    configure(sock, queue, attribute(2, struct.pack("!IB", 0, 1)))       # no payload
    print("ready", flush=True)
    while True:
        data = sock.recv(65536)
        while data:
            length, kind = struct.unpack_from("=IH", data)
            if kind == PACKET:
                send(sock, VERDICT, queue, REQUEST,
                     attribute(2, struct.pack("!II", NF_ACCEPT, packet_id(data))))
            data = data[(length + 3) & ~3:]


main()
