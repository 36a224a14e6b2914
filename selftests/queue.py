# SPDX-License-Identifier: GPL-2.0-only
"""QUEUE [OLD NEW]: accepts each packet of that queue of netfilter's, as an intrusion prevention
system would; with NEW, of the same length, in the place of OLD."""
import socket
import struct
import sys

NETLINK_NETFILTER = 12
NLMSG_ERROR = 2
QUEUE = 3 << 8
PAYLOAD = 10
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


def payload(message):
    """Of the packet, or nothing."""
    at = 16 + 4
    while at < len(message):
        length, kind = struct.unpack_from("=HH", message, at)
        if kind & 0x7fff == PAYLOAD:
            return bytearray(message[at + 4:at + length])
        at += (length + 3) & ~3
    return bytearray()


def checksum(data):
    data = bytes(data) + bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def rewritten(packet, old, new):
    """IPv4 and TCP, with the right sum."""
    head = (packet[0] & 15) * 4
    if packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP or old not in packet[head:]:
        return packet
    packet = packet[:head] + packet[head:].replace(old, new)
    packet[head + 16:head + 18] = bytes(2)
    pseudo = packet[12:20] + struct.pack("!HH", socket.IPPROTO_TCP, len(packet) - head)
    packet[head + 16:head + 18] = struct.pack("!H", checksum(pseudo + packet[head:]))
    return packet


def verdict(message, words):
    answer = attribute(2, struct.pack("!II", NF_ACCEPT, packet_id(message)))
    if words:
        answer += attribute(PAYLOAD, bytes(rewritten(payload(message), *words)))
    return answer


def main():
    queue = int(sys.argv[1])
    words = [word.encode() for word in sys.argv[2:4]]
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    sock.bind((0, 0))
    configure(sock, queue, attribute(1, struct.pack("!BxH", 1, 0)))      # bind
    mode = struct.pack("!IB", 65535, 2) if words else struct.pack("!IB", 0, 1)
    configure(sock, queue, attribute(2, mode))      # with the payload, or without
    print("ready", flush=True)
    while True:
        data = sock.recv(65536)
        while data:
            length, kind = struct.unpack_from("=IH", data)
            if kind == PACKET:
                send(sock, VERDICT, queue, REQUEST, verdict(data[:length], words))
            data = data[(length + 3) & ~3:]


main()
