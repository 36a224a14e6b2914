#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Frames of many kinds on a wire.

send DEVICE MTU: one of each, from the station SOURCE
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
    total = sum(struct.unpack("!%dH" % (len(head) // 2), head))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:] + payload


def ipv6(following, payload):
    """An IPv6 packet."""
    ends = socket.inet_pton(socket.AF_INET6, "2001:db8::1") + \
        socket.inet_pton(socket.AF_INET6, "2001:db8::2")
    return struct.pack("!IHBB", 0x6E012345, len(payload), following, 9) + ends + payload


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
    yield frame(PEER, 0x0800, ipv4(6, tcp(2), fragment=0x2000))  # the first part of a SYN
    yield frame(PEER, 0x0800, ipv4(6, tcp(2), fragment=3))  # another part
    yield frame(PEER, 0x0800, ipv4(6, tcp(16), options=b"\x94\x04\x00\x00"))
    yield frame(PEER, 0x0800, ipv4(47, bytes(40)))  # GRE
    yield frame(PEER, 0x86DD, ipv6(6, tcp(16)))
    yield frame(PEER, 0x86DD, ipv6(0, b"\x06\x00\x01\x04" + bytes(4) + tcp(16)))
    yield frame(PEER, 0x86DD, ipv6(44, b"\x06\x00\x00\x01\x00\x00\x00\x05" + tcp(2)))
    yield frame(PEER, 0x0800, b"\x45")  # cut short
    yield frame(PEER, 0x0800, b"\x4f" + bytes(30))  # a header longer than the packet
    yield frame(PEER, 0x0800, b"\x65" + bytes(40))  # another version
    yield frame(PEER, 0x86DD, b"\x60" + bytes(10))
    yield frame(PEER, 0x88B5, full[:mtu])  # as long as may be
    yield frame(PEER, 0x8100, b"\x00\x07\x88\xb5" + full[:mtu])
    yield frame(PEER, 0x88B5, b"the last")


def send(device, mtu):
    """Each of them, in order."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((device, 0))
        for data in all_frames(mtu):
            sock.send(data)


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
    send(sys.argv[2], int(sys.argv[3]))
else:
    dump(sys.argv[2])
