#!/usr/bin/python3 -IS
# SPDX-License-Identifier: GPL-2.0-only
"""Pictures of noise, image-1.png and so on in a directory: each with other sizes."""
import os
import struct
import sys
import zlib


def chunk(kind, data):
    return (struct.pack("!I", len(data)) + kind + data +
            struct.pack("!I", zlib.crc32(kind + data)))


def png(width, height):
    rows = b"".join(b"\0" + os.urandom(3 * width) for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" +
            chunk(b"IHDR", struct.pack("!2I5B", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


for number in range(1, 5):
    with open(f"{sys.argv[1]}/image-{number}.png", "wb") as out:
        out.write(png(100 + number, 10 * number))
