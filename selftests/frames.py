#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Frames of many kinds on a wire.

send DEVICE MTU: one of each, from the station SOURCE
mark DEVICE WORD: one with this
split DEVICE STATION FROM TO PORT: the first packet of a connection, in two fragments
cut DEVICE STATION FROM TO PORT: the same, but that one could not tell
dump FILE: the frames of a capture, one a line, as digits
"""

import socket
import struct
import sys

SOURCE = bytes.fromhex("0200000000aa")
PEER = bytes.fromhex("0200000000bb")


def frame(dst, kind, payload):
    """An Ethernet frame."""
    return dst + SOURCE + struct.pack("!H", kind) + payload


def ipv4(proto, payload, fragment=0, options=b""):
    """An IPv4 packet between two addresses that nobody has."""
    words = 5 + len(options) // 4
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x40 | words, 0x2E, words * 4 + len(payload), 7, fragment, 9, proto,
        0, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])) + options
    return head[:10] + struct.pack("!H", sum16(head)) + head[12:] + payload


def ipv6(following, payload):
    """An IPv6 packet."""
    ends = socket.inet_pton(socket.AF_INET6, "2001:db8::1") + \
        socket.inet_pton(socket.AF_INET6, "2001:db8::2")
    return struct.pack("!IHBB", 0x6E012345, len(payload), following, 9) + ends + payload


def sum16(data):
    """The Internet's checksum."""
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def syn(src, dst, port):
    """With 20 bytes of options."""
    head = struct.pack("!HHIIBBHHH", 40000, port, 1, 0, 0xA0, 2, 64240, 0, 0) + \
        b"\x02\x04\x05\xb4" + b"\x01" * 16
    pseudo = src + dst + struct.pack("!II", len(head), 6)
    return head[:16] + struct.pack("!H", sum16(pseudo + head)) + head[18:]


def split4(src, dst, port, size):
    """The first of these fragments has so many bytes of TCP."""
    data = syn(src, dst, port)
    for at, part in ((0, data[:size]), (size, data[size:])):
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(part), 7,
                           at // 8 | (0 if at else 0x2000), 64, 6, 0, src, dst)
        yield 0x0800, head[:10] + struct.pack("!H", sum16(head)) + head[12:] + part


def split6(src, dst, port, size, options=b""):
    """The same, after other headers."""
    data = options + syn(src, dst, port)
    for at, part in ((0, data[:size]), (size, data[size:])):
        head = struct.pack("!BxHI", 60 if options else 6, at | (0 if at else 1), 7)
        yield 0x86DD, struct.pack("!IHBB16s16s", 0x60000000, 8 + len(part), 44, 64, src, dst) + \
            head + part


def connection(src, dst, port, cut):
    """The first packet of one, in fragments."""
    if ":" not in src:
        return split4(socket.inet_aton(src), socket.inet_aton(dst), port, 8 if cut else 24)
    ends = [socket.inet_pton(socket.AF_INET6, end) for end in (src, dst)]
    if cut:
        return split6(*ends, port, 8, options=b"\x06\0\x01\x04" + bytes(4))
    return split6(*ends, port, 24)


def tcp(flags, port=443):
    """A TCP header and some data."""
    return struct.pack("!HHIIBBHHH", 1234, port, 1, 2, 0x50, flags, 8, 0xABCD, 0) + b"data"


def all_frames(mtu):
    """Whatever may be on a wire."""
    multicast = bytes.fromhex("0180c2000000")
    full = bytes(range(256)) * (mtu // 256 + 1)
    yield frame(b"\xff" * 6, 0x0806, bytes(range(28)))  # ARP
    yield frame(multicast, 0x0027, b"\x42\x42\x03" + bytes(36))  # STP, by length
    yield frame(bytes.fromhex("0180c2000002"), 0x8809, b"\x01" + bytes(109))  # LACP
    yield frame(bytes.fromhex("0180c200000e"), 0x88CC, bytes(60))  # LLDP
    yield frame(bytes.fromhex("0180c2000001"), 0x8808, b"\x00\x01" + bytes(44))  # pause
    yield frame(bytes.fromhex("01005e0000fb"), 0x0800, ipv4(17, bytes(20)))  # multicast
    yield frame(PEER, 0x8847, bytes.fromhex("000641ff") + ipv4(6, tcp(2)))  # MPLS
    yield frame(PEER, 0x8864, bytes.fromhex("110000010016") + bytes(22))  # PPPoE
    yield frame(PEER, 0x8100, b"\x20\x07\x08\x00" + ipv4(6, tcp(16)))  # VLAN, with priority
    yield frame(PEER, 0x88A8, b"\x00\x09\x81\x00\x00\x07\x08\x00" + ipv4(6, tcp(16)))
    yield frame(PEER, 0x88A8, b"\x00\x09\x81\x00\x00\x07\x81\x00\x00\x05" + bytes(40))
    yield frame(PEER, 0x0800, ipv4(6, tcp(16)))  # of no flow
    yield frame(PEER, 0x0800, ipv4(6, tcp(2, 8443)))  # a SYN that no rule wants
    yield frame(PEER, 0x0800, ipv4(6, tcp(2, 8443), fragment=0x2000))  # the first part of a SYN
    yield frame(PEER, 0x0800, ipv4(6, tcp(2), fragment=3))  # another part
    yield frame(PEER, 0x0800, ipv4(6, tcp(16), options=b"\x94\x04\x00\x00"))
    yield frame(PEER, 0x0800, ipv4(47, bytes(40)))  # GRE
    yield frame(PEER, 0x86DD, ipv6(6, tcp(16)))
    yield frame(PEER, 0x86DD, ipv6(0, b"\x06\x00\x01\x04" + bytes(4) + tcp(16)))
    yield frame(PEER, 0x86DD, ipv6(44, b"\x06\x00\x00\x01\x00\x00\x00\x05" + tcp(2, 8443)))
    yield frame(PEER, 0x0800, b"\x45")  # cut short
    yield frame(PEER, 0x0800, b"\x4f" + bytes(30))  # a header longer than the packet
    yield frame(PEER, 0x0800, b"\x65" + bytes(40))  # another version
    yield frame(PEER, 0x86DD, b"\x60" + bytes(10))
    yield frame(PEER, 0x88B5, full[:mtu])  # as long as may be
    yield frame(PEER, 0x8100, b"\x00\x07\x88\xb5" + full[:mtu])
    yield frame(PEER, 0x88B5, b"the last")


def send(device, frames):
    """Each of them, in order."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((device, 0))
        for data in frames:
            sock.send(data)


def send_connection(cut, device, station, src, dst, port):
    """From the device's own station."""
    with open(f"/sys/class/net/{device}/address", encoding="ascii") as file:
        mine = file.read()
    head = b"".join(bytes.fromhex(mac.strip().replace(":", "")) for mac in (station, mine))
    send(device, (head + struct.pack("!H", kind) + data
                  for kind, data in connection(src, dst, int(port), cut)))


def dump(name):
    """A classic capture file of this machine's byte order."""
    with open(name, "rb") as file:
        data = file.read()
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack_from("=I", data, at + 8)[0]
        print(data[at + 16:at + 16 + length].hex())
        at += 16 + length


if sys.argv[1] == "send":
    send(sys.argv[2], all_frames(int(sys.argv[3])))
elif sys.argv[1] == "mark":
    send(sys.argv[2], [frame(PEER, 0x88B5, sys.argv[3].encode())])
elif sys.argv[1] in ("split", "cut"):
    send_connection(sys.argv[1] == "cut", *sys.argv[2:])
else:
    dump(sys.argv[2])
