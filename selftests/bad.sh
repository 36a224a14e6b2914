#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Bad input from either side: an error or an alert at once, and nothing left of it.

. "$(dirname "$0")/lib.sh"

# Each piece of garbage must come to an end, by close, alert or reset.
garbage()
{
	local before=0

	[ -n "$DIRECT" ] || before=$(stat handoffs)
	peer_run --port 443 garbage >"$DIR/out" 2>&1 || fail "$(cat "$DIR/out")"
	cat "$DIR/out"
	[ "$(grep -c '^garbage' "$DIR/out")" = 8 ]
	if grep TIMEOUT "$DIR/out"; then
		fail "no end"
	fi
	settle
	[ -z "$DIRECT" ] || return 0
	# What a server may take for a ClientHello is not passed by as clear text: two are none.
	[ "$(($(stat handoffs) - before))" = 2 ] || fail "handed over: $(stat handoffs)"
}

still_serves()
{
	fetch4 443 /hello.txt >/dev/null
	settle
}

# A client that goes away in the middle of its ClientHello.
partial_hello()
{
	rm -f "$DIR/go"
	peer partial --port 443 --go "$DIR/go" partial
	wait_for "$WAIT" has_line "$DIR/partial.log" half-way
	: >"$DIR/go"
	wait_end partial
	settle
}

tls10()
{
	if in_ns "$CLIENT" timeout "$WAIT" openssl s_client -connect "$SERVER4:443" -tls1 \
		-cipher 'ALL:@SECLEVEL=0' </dev/null >"$DIR/out" 2>&1; then
		fail "TLS 1.0 was accepted"
	fi
	grep -i -E 'alert|handshake failure|errno|unexpected' "$DIR/out" || fail "$(cat "$DIR/out")"
	settle
}

expired()
{
	local status=0

	[ -n "$DIRECT" ] || capture_start
	fetch4 445 /secret >"$DIR/out" 2>&1 || status=$?
	cat "$DIR/out"
	[ "$status" != 0 ] || fail "the client saw nothing of it"
	[ "$status" != 28 ] || fail "time-out"
	if grep ' 445 ' "$DIR/nginx/access.log"; then
		fail "the request reached the server"
	fi
	[ -z "$DIRECT" ] || return 0
	settle
	reap tcpdump INT
	if grep -a -q secret "$DIR/mirror.pcap"; then
		fail "the mirror has the request"
	fi
}

# The server is of a CA that the helper does not trust.
untrusted()
{
	local status=0

	needs_kbump
	reap kbumpd
	spawn kbumpd "$BOX" "$BUILD/kbumpd" --ca-cert "$PKI/box-ca.crt" \
		--ca-key "$PKI/box-ca.key" --trust "$PKI/box-ca.crt" --workers 2
	wait_for "$WAIT" has_line "$DIR/kbumpd.log" 'kbumpd: ready'
	fetch4 443 /untrusted >"$DIR/out" 2>&1 || status=$?
	cat "$DIR/out"
	[ "$status" != 0 ] || fail "the client saw nothing of it"
	[ "$status" != 28 ] || fail "time-out"
	if grep '/untrusted' "$DIR/nginx/access.log"; then
		fail "the request reached the server"
	fi
	settle
	reap kbumpd
	start_kbumpd
}

wrong_name()
{
	local status=0

	needs_kbump
	in_ns "$CLIENT" curl -sS --max-time "$WAIT" --cacert "$CLIENT_CA" \
		--resolve "not.example.test:443:$SERVER4" https://not.example.test/wrong \
		>"$DIR/out" 2>&1 || status=$?
	cat "$DIR/out"
	[ "$status" != 0 ] || fail "the client saw nothing of it"
	[ "$status" != 28 ] || fail "time-out"
	if grep '/wrong' "$DIR/nginx/access.log"; then
		fail "the request reached the server"
	fi
	settle
}

# The client does not trust the box: its alert ends the flow, without a request.
client_refuses()
{
	local status=0

	needs_kbump
	CLIENT_CA=$PKI/server-ca.crt fetch4 443 /refused >"$DIR/out" 2>&1 || status=$?
	[ "$status" = 60 ] || fail "curl: $status"
	if grep '/refused' "$DIR/nginx/access.log"; then
		fail "the request reached the server"
	fi
	settle
}

plain_client()
{
	peer_run --port 443 plain >"$DIR/out" || fail "$(cat "$DIR/out")"
	cat "$DIR/out"
	# nginx's answer to clear HTTP on its TLS port: the bytes went through both ways.
	has_line "$DIR/out" 'answer HTTP/1.1 400'
	settle
}

server_speaks_first()
{
	peer_run --port 449 banner >"$DIR/out" || fail "$(cat "$DIR/out")"
	has_line "$DIR/out" 'banner 220 the server speaks first' || fail "$(cat "$DIR/out")"
	settle
}

server_has_client()
{
	in_ns "$SERVER" ss -Htn state established "sport = :444" | grep -q .
}

# A client that says nothing until the server has been called is opened all the same.
silent_client()
{
	rm -f "$DIR/go"
	peer silent --silent --go "$DIR/go" --size 1000 up
	wait_for "$WAIT" has_line "$DIR/silent.log" silent
	wait_for "$WAIT" server_has_client
	: >"$DIR/go"
	wait_for "$WAIT" has_line "$DIR/silent.log" 'end closed' || fail "$(cat "$DIR/silent.log")"
	has_line "$DIR/silent.log" 'stored 1000 intact' || fail "$(cat "$DIR/silent.log")"
	settle
}

# A port where nobody listens, and an address where nobody lives.
no_server()
{
	local status=0

	fetch4 448 / >"$DIR/out" 2>&1 || status=$?
	cat "$DIR/out"
	[ "$status" != 0 ]
	[ "$status" != 28 ] || fail "time-out"
	settle
}

no_host()
{
	local status=0

	in_ns "$CLIENT" curl -sS --max-time 150 -k https://10.2.0.99/ >"$DIR/out" 2>&1 || status=$?
	cat "$DIR/out"
	[ "$status" != 0 ]
	[ "$status" != 28 ] || fail "time-out"
	settle
}

# A server that is no TLS server answers a ClientHello with something else.
server_is_plain()
{
	local status=0

	fetch4 449 / >"$DIR/out" 2>&1 || status=$?
	cat "$DIR/out"
	[ "$status" != 0 ]
	[ "$status" != 28 ] || fail "time-out"
	settle
}

setup
start_nginx || bail_out "nginx does not start"
start_peer || bail_out "the python server does not start"
spawn plain "$SERVER" /usr/bin/python3 -IS "$SELFTESTS/peer.py" plain 449
wait_for "$WAIT" listens "$SERVER" 449
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
run_case "garbage in place of a ClientHello" garbage
run_case "half a ClientHello" partial_hello
run_case "TLS 1.0" tls10
run_case "the server's certificate has expired" expired
run_case "the server's name is another" wrong_name
run_case "the server's CA is not trusted" untrusted
run_case "the client does not trust the box" client_refuses
run_case "clear text from the client" plain_client
run_case "the server speaks first" server_speaks_first
run_case "the client is silent at first" silent_client
run_case "the server does not speak TLS" server_is_plain
run_case "no server on the port" no_server
run_case "no host at the address" no_host
run_case "after all this it still serves" still_serves
finish
