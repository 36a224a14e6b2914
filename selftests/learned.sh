#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What cannot be opened is left alone the next time: clients that refuse the box's certificates,
# servers that want one of the client. What must not be learned is not.

. "$(dirname "$0")/lib.sh"

readonly BOX_CA="kbump test box CA" SERVER_CA="kbump test server CA"
readonly OTHER=other.example.test PARAMETERS=/sys/module/kbump/parameters

# Each case begins with that rule alone and with nothing learned, however the one before ended.
run_learned_case()
{
	run_rule_case "$@"
	kbump flow learned flush
}

# learned [EXPRESSION]: how many there are of which it holds.
learned()
{
	kbump -j flow learned show | value "len([l for l in d if ${1:-True}])"
}

has_learned()
{
	[ "$(learned "$1")" = 1 ]
}

waits_for_learned()
{
	wait_for "$WAIT" has_learned "$1" || fail "$(kbump flow learned)"
	[ "$(learned)" = 1 ] || fail "more was learned: $(kbump flow learned)"
}

nothing_learned()
{
	settle
	[ "$(learned)" = 0 ] || fail "$1: $(kbump flow learned)"
}

# The hashes of the server's keys, as curl wants them.
pins()
{
	local file

	for file in rsa ecdsa; do
		openssl x509 -in "$PKI/$file.crt" -noout -pubkey | openssl pkey -pubin -outform DER |
			openssl dgst -sha256 -binary | base64
	done | sed 's,^,sha256//,' | paste -s -d ';'
}

# pinned FAMILY [CURL-OPTION]...: a client that trusts both authorities, but one key.
pinned()
{
	local fetch=$1

	shift
	"$fetch" 443 /hello.txt --cacert "$DIR/both.crt" --pinnedpubkey "$(pins)" "$@" >"$DIR/out" 2>&1
}

# Status 90: the key is another.
pin_fails()
{
	local status=0

	pinned "$@" || status=$?
	[ "$status" = 90 ] || fail "curl: $status, $(cat "$DIR/out")"
}

pinned_client()
{
	local before

	needs_kbump
	before=$(stat learned)
	spawn monitor "$BOX" "$BUILD/kbump" monitor flow
	wait_for "$WAIT" monitoring monitor
	pin_fails "$@"
	waits_for_learned 'l["why"] == "quit" and "alert" not in l'
	kbump flow learned show sni "$NAME" dport 443 | grep "sni $NAME why quit rule [0-9]* left"
	[ -z "$(kbump flow learned show sni "$OTHER")" ]
	pinned "$@"
	grep -q "^Hello from" "$DIR/out"
	wait_for "$WAIT" has_line "$DIR/monitor.log" "flow add .*action bypass rule [0-9]* learned"
	has_line "$DIR/monitor.log" "learned add .*sni $NAME why quit" || fail "$(cat "$DIR/monitor.log")"
	settle
	reap monitor INT
	[ "$(stat learned)" = $((before + 1)) ] || fail "learned: $before, $(stat learned)"
	[ "$(kbump -j -s flow learned | value 'd[0]["hits"]')" = 1 ]
	if [ "$1" = fetch4 ]; then
		sees 443 "$NAME" "$SERVER_CA"
		sees 443 "$OTHER" "$BOX_CA"
	fi
	settle
}

# alert PORT NAME OPTION...: a client that does not know the box's authority, and says so.
alert()
{
	local port=$1 name=$2

	shift 2
	in_ns "$CLIENT" timeout "$WAIT" openssl s_client -connect "$SERVER4:$port" \
		-servername "$name" -CAfile "$PKI/server-ca.crt" -verify_return_error "$@" \
		</dev/null >"$DIR/out" 2>&1
}

alerting_client()
{
	needs_kbump
	if alert 443 "$NAME" "$@"; then
		fail "the certificate was taken"
	fi
	waits_for_learned 'l["why"] == "alert" and l["alert"] == 48 and l["client_addr"] == "'"$CLIENT4"'"
		and l["server_addr"] == "'"$SERVER4"'" and l["server_port"] == 443
		and l["sni"] == "'"$NAME"'" and l["left"] > 3500000 and l["rule"] > 0'
	alert 443 "$NAME" "$@" || fail "refused again: $(cat "$DIR/out")"
	# Names are the same in upper case; other names, ports and addresses are not.
	sees 443 WWW.Example.Test "$SERVER_CA"
	sees 443 "$OTHER" "$BOX_CA"
	sees 446 "$NAME" "$BOX_CA"
	settle
}

# The box's doubt of the server is not the client's of the box.
unverified_server()
{
	local status=0

	needs_kbump
	fetch4 445 / --cacert "$DIR/both.crt" >"$DIR/out" 2>&1 || status=$?
	[ "$status" = 60 ] || fail "curl: $status, $(cat "$DIR/out")"
	if alert 445 "$NAME"; then
		fail "the certificate was taken"
	fi
	alert 443 wrong.example.net && fail "the certificate was taken"
	nothing_learned "an unverified server"
}

# A client that ends the connection when it has all that the server says before it must answer.
leave()
{
	in_ns "$CLIENT" /usr/bin/python3 -ISc 'import socket, ssl, sys
c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
c.check_hostname = False
c.verify_mode = ssl.CERT_NONE
c.maximum_version = getattr(ssl.TLSVersion, sys.argv[3])
rx, tx = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = c.wrap_bio(rx, tx, server_hostname=sys.argv[2])
s = socket.create_connection((sys.argv[1], 443))
def step():
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
step()
s.sendall(tx.read())
while not tx.pending:
    data = s.recv(65536)
    if not data:
        sys.exit("the server closed")
    rx.write(data)
    step()
s.close()' "$SERVER4" "$NAME" "$1"
}

leaving_client()
{
	needs_kbump
	leave "$1"
	nothing_learned "once is not enough"
	# It takes the certificate after all.
	fetch4 443 /hello.txt >/dev/null
	settle
	leave "$1"
	nothing_learned "twice, but not in a row"
	leave "$1"
	waits_for_learned 'l["why"] == "close"'
	sees 443 "$NAME" "$SERVER_CA"
	settle
}

# Those that look at the certificate and at nothing else are no refusal, nor is a request.
no_refusal()
{
	local i

	needs_kbump
	for i in 1 2 3; do
		sees 443 "$NAME" "$BOX_CA"
		fetch4 443 /hello.txt >/dev/null
	done
	nothing_learned "no refusal"
}

# The operator's own server shows its own certificate: who refuses that refuses no box.
identity()
{
	needs_kbump
	reap kbumpd
	start_kbumpd --identity "$PKI/ecdsa.crt,$PKI/ecdsa.key" --identity "$PKI/rsa.crt,$PKI/rsa.key"
	in_ns "$CLIENT" openssl s_client -connect "$SERVER4:443" -servername "$NAME" \
		-CAfile "$PKI/box-ca.crt" -verify_return_error </dev/null >"$DIR/out" 2>&1 &&
		fail "the certificate was taken"
	nothing_learned "an identity"
	reap kbumpd
	start_kbumpd
}

off()
{
	needs_kbump
	alert 443 "$NAME" && fail "the certificate was taken"
	waits_for_learned 'l["why"] == "alert"'
	rule dport 443 action inspect learn off
	sees 443 "$NAME" "$BOX_CA"
	kbump flow learned flush
	alert 443 "$NAME" && fail "the certificate was taken"
	pin_fails fetch4
	nothing_learned "off"
	kbump rule show | grep "pref 5 .*learn off"
	kbump save | grep -c "learn off" >/dev/null
	[ "$(kbump -j rule show | value '[r["learn"] for r in d if r["pref"] == 5][0]')" = 0 ]
}

# A rule that blocks by the certificate has its say before what was learned.
still_blocked()
{
	needs_kbump
	alert 443 "$NAME" && fail "the certificate was taken"
	waits_for_learned 'l["why"] == "alert"'
	rule cert ok action block
	fetch4 443 /blocked --cacert "$DIR/both.crt" >"$DIR/out" 2>&1 && fail "it was not blocked"
	kbump rule del pref 5
	# One that only waits for the certificate leaves it byte for byte the client's in the end.
	rule cert expired action block
	sees 443 "$NAME" "$SERVER_CA"
	settle
}

timeout_of_rule()
{
	needs_kbump
	rule dport 443 action inspect learn 1
	spawn monitor "$BOX" "$BUILD/kbump" monitor flow
	wait_for "$WAIT" monitoring monitor
	alert 443 "$NAME" && fail "the certificate was taken"
	wait_for "$WAIT" has_line "$DIR/monitor.log" "learned add .*why alert 48"
	wait_for "$WAIT" has_line "$DIR/monitor.log" "learned del .*why alert 48"
	[ "$(learned)" = 0 ]
	reap monitor INT
	sees 443 "$NAME" "$BOX_CA"
	settle
}

deleted()
{
	local id

	needs_kbump
	alert 443 "$NAME" && fail "the certificate was taken"
	alert 443 "$OTHER" && fail "the certificate was taken"
	wait_for "$WAIT" has_learned 'l["sni"] == "'"$OTHER"'"'
	id=$(kbump -j flow learned show sni "$NAME" | value 'd[0]["id"]')
	if kbump flow learned del >"$DIR/out" 2>&1; then
		fail "all were deleted"
	fi
	kbump flow learned del sni "$OTHER" from 10.1.0.0/24 dport 443
	waits_for_learned 'l["id"] == '"$id"
	kbump flow learned del id "$id"
	[ "$(learned)" = 0 ]
	kbump flow learned del id "$id" >"$DIR/out" 2>&1 && fail "it was deleted twice"
	grep "nothing that was learned has this id" "$DIR/out" || fail "$(cat "$DIR/out")"
	sees 443 "$NAME" "$BOX_CA"
	settle
}

# parameter NAME VALUE
parameter()
{
	echo "$2" >"$PARAMETERS/$1"
}

# A client that refuses everything crowds out itself.
bounded()
{
	local limit before found=1

	needs_kbump
	for limit in max_learned_per_client max_learned; do
		before=$(cat "$PARAMETERS/$limit")
		parameter "$limit" 2
		alert 443 "$NAME" && fail "the certificate was taken"
		alert 443 "$OTHER" && fail "the certificate was taken"
		alert 446 "$NAME" && fail "the certificate was taken"
		wait_for "$WAIT" has_learned 'l["server_port"] == 446' || found=
		parameter "$limit" "$before"
		[ "$found" ] || fail "$limit: $(kbump flow learned)"
		[ "$(learned)" = 2 ] || fail "$limit: $(kbump flow learned)"
		has_learned 'l["sni"] == "'"$OTHER"'"' || fail "$limit: $(kbump flow learned)"
		kbump flow learned flush
		[ "$(learned)" = 0 ]
	done
}

# Nobody but the client has that certificate: from the first connection on, and for all clients.
client_auth()
{
	local before

	needs_kbump
	cp "$DIR/www/hello.txt" "$DIR/www/auth.txt"
	serve 447 -verify 1
	ask 447 -CAfile "$PKI/server-ca.crt"
	waits_for_learned 'l["why"] == "client-auth" and "client_addr" not in l
		and l["server_port"] == 447'
	before=$(stat learned)
	ask 447 -CAfile "$PKI/server-ca.crt"
	[ "$(stat learned)" = $((before + 1)) ]
	# A rule that speaks of such servers has the last word.
	rule cert client-auth action block
	if ( ask 447 -CAfile "$PKI/server-ca.crt" ) >/dev/null; then
		fail "it was not blocked"
	fi
	settle
	reap s_server
}

# typed NAME NETNS WORD...: openssl, which reads what is written to $DIR/NAME.in.
typed()
{
	local name=$1 ns=$2

	shift 2
	mkfifo "$DIR/$name.in"
	# shellcheck disable=SC2016 # for the other shell
	spawn "$name" "$ns" sh -c 'exec <>"$1" && shift && exec openssl "$@"' sh "$DIR/$name.in" "$@"
}

# With TLS 1.2 a server may want it long after the handshake.
renegotiation()
{
	needs_kbump
	typed s_server "$SERVER" s_server -accept 448 -tls1_2 -cert "$PKI/ecdsa.crt" \
		-key "$PKI/ecdsa.key"
	wait_for "$WAIT" listens "$SERVER" 448
	typed client "$CLIENT" s_client -connect "$SERVER4:448" -tls1_2 -servername "$NAME"
	wait_for "$WAIT" has_line "$DIR/client.log" 'Cipher is'
	echo before >"$DIR/client.in"
	wait_for "$WAIT" has_line "$DIR/s_server.log" before
	echo R >"$DIR/s_server.in"
	waits_for_learned 'l["why"] == "renegotiation" and "client_addr" not in l'
	reap client
	reap s_server
	rm "$DIR/client.in" "$DIR/s_server.in"
	settle
	serve 448 -tls1_2
	sees 448 "$NAME" "$SERVER_CA"
	reap s_server
	settle
}

setup
cat "$PKI/box-ca.crt" "$PKI/server-ca.crt" >"$DIR/both.crt"
start_nginx || bail_out "nginx does not start"
start_kbumpd || bail_out "kbumpd does not start"
# Under emulation "at once" takes longer.
[ -n "$DIRECT" ] || parameter learned_quit_ms 120000
kbump tool add ids dev tool0 || bail_out "cannot add the tool"
kbump rule add pref 10 dport 443-449 action inspect tool ids || bail_out "cannot add the rule"
run_learned_case "a client with a pinned key, TLS 1.3" pinned_client fetch4 --tlsv1.3
run_learned_case "a client with a pinned key, TLS 1.2" pinned_client fetch4 --tls-max 1.2
run_learned_case "a client with a pinned key, IPv6" pinned_client fetch6
run_learned_case "a client's alert, TLS 1.3" alerting_client -tls1_3
run_learned_case "a client's alert, TLS 1.2" alerting_client -tls1_2
run_learned_case "a client that leaves twice, TLS 1.3" leaving_client TLSv1_3
run_learned_case "a client that leaves twice, TLS 1.2" leaving_client TLSv1_2
run_learned_case "nothing from an unverified server" unverified_server
run_learned_case "nothing from an identity" identity
run_learned_case "nothing from who only looks" no_refusal
run_learned_case "nothing where a rule has it off" off
run_learned_case "rules that block have their say" still_blocked
run_learned_case "a rule's time-out" timeout_of_rule
run_learned_case "deleted by command" deleted
run_learned_case "tables have limits" bounded
run_learned_case "a server that wants a certificate" client_auth
run_learned_case "a server that wants another handshake" renegotiation
finish
