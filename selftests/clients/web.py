#!/usr/bin/python3 -I
# SPDX-License-Identifier: GPL-2.0-only
"""Python's own clients and a WebSocket library, with the system's authorities.

    web.py load HOST    prints the certificate's issuer, checksums, and whether an echo is right
    web.py resume HOST  prints for each of two connections whether it was resumed
"""
import asyncio
import hashlib
import http.client
import os
import ssl
import sys
import urllib.request

import websockets


def digest(response):
    found = hashlib.sha256()
    while data := response.read(1 << 16):
        found.update(data)
    return found.hexdigest()


def issuer(sock):
    names = dict(pair for part in sock.getpeercert()["issuer"] for pair in part)
    return names["commonName"]


async def echo(url):
    sent = os.urandom(60000)
    async with websockets.connect(url) as socket:
        await socket.send(sent)
        return await socket.recv() == sent


def load(host):
    connection = http.client.HTTPSConnection(host)
    connection.request("GET", "/page.html")
    print("issuer", issuer(connection.sock))
    print("page", digest(connection.getresponse()))
    connection.request("GET", "/image-1.png")
    print("image", digest(connection.getresponse()))
    with urllib.request.urlopen(f"https://{host}/download") as response:
        print("download", digest(response))
    print("echo", asyncio.run(echo(f"wss://{host}:447/")))


class Session(http.client.HTTPSConnection):
    """A connection that begins with the session of another one."""

    def __init__(self, host, context, session):
        super().__init__(host, context=context)
        self.context, self.session = context, session

    def connect(self):
        http.client.HTTPConnection.connect(self)
        self.sock = self.context.wrap_socket(self.sock, server_hostname=self.host,
                                             session=self.session)


def resume(host):
    context = ssl.create_default_context()
    session = None
    for _ in range(2):
        connection = Session(host, context, session)
        connection.request("GET", "/page.html")
        print("page", digest(connection.getresponse()))
        print("resumed", connection.sock.session_reused)
        session = connection.sock.session
        connection.close()


{"load": load, "resume": resume}[sys.argv[1]](sys.argv[2])
