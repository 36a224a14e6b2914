// SPDX-License-Identifier: GPL-2.0-only
//
// nodejs' own clients. NODE_EXTRA_CA_CERTS tells it of the system's authorities.
//
//	web.mjs load HOST	prints the certificate's issuer and checksums
//	web.mjs streams HOST	prints how many of 100 streams of one connection are right
//	web.mjs resume HOST	prints for each of two connections whether it was resumed

import { createHash } from "node:crypto";
import http2 from "node:http2";
import https from "node:https";

// Digest of a stream's data.
async function digest(stream) {
	const hash = createHash("sha256");

	for await (const part of stream)
		hash.update(part);
	return hash.digest("hex");
}

function get(host, path, options) {
	return new Promise((resolve, reject) => {
		https.get({ host, path, ...options }, resolve).on("error", reject);
	});
}

async function load(host) {
	const page = await get(host, "/page.html");

	console.log("issuer", page.socket.getPeerCertificate().issuer.CN);
	console.log("page", await digest(page));
	console.log("image", await digest(await get(host, "/image-1.png")));
	console.log("download", await digest(await get(host, "/download")));
}

async function stream(session, number) {
	const request = session.request({ ":path": "/stream/" + number });
	let text = "";

	request.setEncoding("utf8");
	for await (const part of request)
		text += part;
	return text === "stream " + number + "\n";
}

async function streams(host) {
	const session = http2.connect("https://" + host);
	const numbers = [...Array(100).keys()];
	const right = await Promise.all(numbers.map(number => stream(session, number)));

	console.log("streams", right.filter(Boolean).length);
	session.close();
}

async function resume(host) {
	let session;

	for (let i = 0; i < 2; i++) {
		const agent = new https.Agent({ maxCachedSessions: 0 });
		const page = await get(host, "/page.html", { agent, session });

		// There may be none before the first byte of the answer.
		page.socket.on("session", ticket => { session = ticket; });
		session = page.socket.getSession();
		console.log("page", await digest(page));
		console.log("resumed", page.socket.isSessionReused());
	}
}

await { load, streams, resume }[process.argv[2]](process.argv[3]);
