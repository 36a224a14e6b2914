#!/usr/bin/python3 -I
# SPDX-License-Identifier: GPL-2.0-only
"""A WebSocket server over TLS that sends each message back: echo.py CERT KEY PORT."""
import asyncio
import ssl
import sys

import websockets


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def main(cert, key, port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    async with websockets.serve(echo, None, int(port), ssl=context):
        await asyncio.Future()


asyncio.run(main(*sys.argv[1:]))
