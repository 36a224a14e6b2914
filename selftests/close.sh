#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Every way for a connection to end is seen at the other end as what it was.

. "$(dirname "$0")/lib.sh"

# Both kinds of legs: kTLS carries the first ones.
readonly CBC=ECDHE-ECDSA-AES128-SHA256
readonly SUITES=TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:$CBC

# ends CLIENT-LINE SERVER-LINE ACTION [OPTION]...
ends()
{
	local client=$1 server=$2

	shift 2
	: >"$DIR/peer.log"
	peer_run "$@" >"$DIR/out" 2>&1 || fail "client failed: $(cat "$DIR/out")"
	cat "$DIR/out"
	has_line "$DIR/out" "$client" || fail "client: $(cat "$DIR/out")"
	peer_log_has "$server"
	settle
}

# The reason that the kernel gives for the end.
reason()
{
	needs_kbump
	wait_for 20 has_line "$DIR/monitor.log" "$1" || fail "$(tail -n 20 "$DIR/monitor.log")"
}

start_monitor()
{
	[ -n "$DIRECT" ] || spawn monitor "$BOX" "$BUILD/kbump" -j monitor flow
}

# A server with four tickets: they are TLS's own business, no byte of the stream.
tickets()
{
	echo "ticket test" >"$DIR/ticket.txt"
	spawn s_server "$SERVER" sh -c "cd '$DIR' && exec openssl s_server -accept 447 -WWW \
		-cert '$PKI/ecdsa.crt' -key '$PKI/ecdsa.key' -num_tickets 4"
	wait_for "$WAIT" listens "$SERVER" 447
	[ -n "$DIRECT" ] || capture_start
	fetch4 447 /ticket.txt --http1.0 >"$DIR/out" || fail "curl failed"
	[ "$(cat "$DIR/out")" = "ticket test" ] || fail "$(cat "$DIR/out")"
	reap s_server
	[ -z "$DIRECT" ] || return 0
	capture_stop
	mkdir -p "$DIR/streams"
	mirror_clean -w "$DIR/streams"
	grep -a -q '^HTTP/1.0 200' "$DIR"/streams/*.s2c
	[ "$(head -c 5 "$DIR"/streams/*.s2c)" = HTTP/ ] || fail "$(od -c "$DIR"/streams/*.s2c)"
	[ "$(tail -n 1 "$DIR"/streams/*.s2c)" = "ticket test" ]
}

# A session that the client got is for the next connection: it must not break it.
resumption()
{
	local try

	for try in first second; do
		in_ns "$CLIENT" timeout "$WAIT" openssl s_client -connect "$SERVER4:444" \
			-servername "$NAME" -CAfile "$CLIENT_CA" -verify_return_error -ign_eof \
			"$([ "$try" = first ] && echo -sess_out || echo -sess_in)" "$DIR/session" \
			>"$DIR/out" 2>&1 <<<"first 0" || true
		grep -q '^no more' "$DIR/out" || fail "$try: $(tail -n 30 "$DIR/out")"
		[ -s "$DIR/session" ] || skip "no session offered"
	done
}

setup
start_peer || bail_out "the python server does not start"
start_kbumpd --ciphers "$SUITES" || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
start_monitor
for version in "" --tls12 "--tls12 --cipher $CBC"; do
	# shellcheck disable=SC2086 # an option or nothing
	for case in \
		"half-close by the client|end closed|half closed|half" \
		"half-close by the client with FIN|received 100000 intact|half closed|--fin half" \
		"half-close by the server|no more end closed|first 100000 True|first" \
		"truncation by the server|received 100000 end ragged|truncate [cr]|truncate" \
		"truncation by the client|end [cr]|wait ragged|client-truncate" \
		"abort by the client|aborted|wait reset|abort" \
		"abort by the server|received 100000 end reset|abort aborted|aborted"; do
		IFS='|' read -r name client server action <<<"$case"
		action=${action/#truncate/truncated}
		action=${action/#client-truncate/truncate}
		run_case "$name ${version:+TLS 1.2${version#--tls12}}" ends "$client" "$server" $version $action
	done
done
run_case "reasons: closed" reason '"reason": *"closed"'
run_case "reasons: truncated" reason '"reason": *"truncated"'
run_case "reasons: reset by the client" reason '"reason": *"client_reset"'
run_case "reasons: reset by the server" reason '"reason": *"server_reset"'
run_case "session tickets do not leak into the stream" tickets
run_case "a client that resumes its session" resumption
finish
