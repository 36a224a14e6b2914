#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Legs that kTLS cannot carry: the helper's pump does, and nothing else is different. How such
# flows end is in close.sh.

. "$(dirname "$0")/lib.sh"

readonly BULK=${KBUMP_TEST_PUMP:-8000000}
readonly CBC=ECDHE-ECDSA-AES128-SHA256
readonly OLD=ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES256-SHA:AES128-SHA
readonly CCM8=TLS_AES_128_CCM_8_SHA256
readonly ALL=$CBC:$OLD:ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES128-SHA256:\
ECDHE-ECDSA-AES128-CCM:ECDHE-ECDSA-AES256-CCM8:AES256-SHA256:AES128-GCM-SHA256:$CCM8:\
TLS_AES_128_CCM_SHA256:TLS_AES_256_GCM_SHA384:ECDHE-ECDSA-AES128-GCM-SHA256

# By default such suites are not allowed, and the client is told.
refused()
{
	needs_kbump
	if in_ns "$CLIENT" timeout "$WAIT" openssl s_client -connect "$SERVER4:443" "$@" \
		</dev/null >"$DIR/out" 2>&1; then
		fail "it was accepted: $(cat "$DIR/out")"
	fi
	grep -q -i 'alert' "$DIR/out" || fail "$(tail -n 20 "$DIR/out")"
	settle
}

# pumped_as HEX: the flow that is there now has two pumped legs.
pumped_as()
{
	kbump -j flow show >"$DIR/flow.json"
	[ "$(value "[f[leg].get('pumped') for f in d for leg in ('client', 'server')] ==
		['$1', '$1']" <"$DIR/flow.json")" = true ]
}

# suite HEX NAME OPTION...: openssl on both ends, held open while the flow is looked at.
suite()
{
	local hex=$1 name=$2
	local -a options=(-tls1_2 -cipher "$name")

	shift 2
	[[ $name != TLS_* ]] || options=(-tls1_3 -ciphersuites "$name")
	[ $# -eq 0 ] || options=("$@")
	serve 447 "${options[@]}"
	rm -f "$DIR/in"
	mkfifo "$DIR/in"
	exec 8<>"$DIR/in"
	spawn s_client "$CLIENT" sh -c "timeout $CASE_LIMIT openssl s_client -connect $SERVER4:447 \
		-servername $NAME -CAfile '$CLIENT_CA' -verify_return_error -ign_eof ${options[*]} \
		<'$DIR/in' 2>&1"
	wait_for "$WAIT" grep -q 'Verify return code: 0' "$DIR/s_client.log" ||
		fail "$(cat "$DIR/s_client.log" "$DIR/s_server.log")"
	if [ -z "$DIRECT" ] && [ "$hex" != - ]; then
		wait_for "$WAIT" pumped_as "$hex" || fail "$(cat "$DIR/flow.json")"
	fi
	printf 'GET /hello.txt HTTP/1.0\r\n\r\n' >&8
	exec 8>&-
	wait_for "$WAIT" grep -q '^Hello from the server' "$DIR/s_client.log" ||
		fail "$(cat "$DIR/s_client.log")"
	grep -q "Cipher is $name\|Cipher *: *$name" "$DIR/s_client.log" ||
		fail "$(cat "$DIR/s_client.log")"
	wait_end s_client
	settle
}

rsa()
{
	local suite=$1

	shift
	serve 447 -cert "$PKI/rsa.crt" -key "$PKI/rsa.key" "$@" -cipher "$suite"
	ask 447 "$@" -cipher "$suite"
	grep -q "Cipher is $suite" "$DIR/out" || fail "$(cat "$DIR/out")"
	[ -n "$DIRECT" ] || has_line "$DIR/kbumpd.log" "client [^ ]* $suite" ||
		fail "$(tail "$DIR/kbumpd.log")"
}

# Both directions at once would hide which one fails.
bulk()
{
	local stream=$1 word=$2

	shift 2
	[ -n "$DIRECT" ] || capture_start 196608
	peer_run --late --size "$BULK" --timeout "$CASE_LIMIT" --tls12 --cipher "$CBC" "$@" \
		>"$DIR/bulk.log" 2>&1 || fail "$(cat "$DIR/bulk.log")"
	cat "$DIR/bulk.log"
	has_line "$DIR/bulk.log" "$word $BULK intact" || fail "$(cat "$DIR/bulk.log")"
	settle
	[ -n "$DIRECT" ] || mirrored "$BULK" "$stream" \
		"$(awk -v w="$word" '$1 == w { print $4 }' "$DIR/bulk.log")"
}

resumes()
{
	peer_run resume --size 3 --tls12 --cipher "$CBC" >"$DIR/out" || fail "$(cat "$DIR/out")"
	[ "$(grep -c 'echoed again resumed' "$DIR/out")" = 2 ] || fail "$(cat "$DIR/out")"
}

# One that stays open until the test says so, or somebody else does.
begin_stay()
{
	rm -f "$DIR/go"
	peer stays --go "$DIR/go" --tls12 --cipher "$CBC" --late echo
	wait_for "$WAIT" pumped_as 0xc023 || fail "$(cat "$DIR/flow.json" "$DIR/stays.log")"
}

deleted()
{
	needs_kbump
	begin_stay
	kbump flow del all || fail "flow del"
	settle
	: >"$DIR/go"
	wait_end stays
	grep -q 'reset\|Reset\|ragged' "$DIR/stays.log" || fail "$(cat "$DIR/stays.log")"
}

sockets_of_helper()
{
	in_ns "$BOX" ss -Htnp state established state close-wait | grep -c kbumpd
}

no_sockets()
{
	[ "$(sockets_of_helper)" = 0 ]
}

# Nobody but the worker itself gets to its end of a pair.
strangers()
{
	local port

	needs_kbump
	wait_for "$WAIT" no_sockets
	in_ns "$BOX" ss -Hltnp | grep kbumpd | awk '{ print $4 }' | grep '^127\.' | sed 's/.*://' \
		>"$DIR/ports"
	[ "$(wc -l <"$DIR/ports")" = 4 ] || fail "$(in_ns "$BOX" ss -Hltnp)"
	while read -r port; do
		in_ns "$BOX" timeout "$WAIT" bash -c "exec 7<>/dev/tcp/127.0.0.1/$port; cat <&7" \
			>"$DIR/out" || fail "port $port: not hung up on"
		[ ! -s "$DIR/out" ] || fail "port $port: it speaks"
	done <"$DIR/ports"
	serve 447 -tls1_2 -cipher "$CBC"
	ask 447 -tls1_2 -cipher "$CBC"
}

without_loopback()
{
	needs_kbump
	in_ns "$BOX" ip link set lo down
	if peer_run echo --tls12 --cipher "$CBC" --timeout "$WAIT" >"$DIR/out" 2>&1; then
		in_ns "$BOX" ip link set lo up
		fail "$(cat "$DIR/out")"
	fi
	in_ns "$BOX" ip link set lo up
	wait_for "$WAIT" has_line "$DIR/kbumpd.log" 'pumped leg: ' || fail "$(cat "$DIR/kbumpd.log")"
	settle
	wait_for "$WAIT" no_sockets
}

# Unlike others, such flows end with the helper; no half of them stays.
helper_killed()
{
	needs_kbump
	begin_stay
	reap kbumpd KILL
	settle
	: >"$DIR/go"
	wait_end stays
	if has_line "$DIR/stays.log" 'end closed'; then
		fail "the cut looks like an end: $(cat "$DIR/stays.log")"
	fi
}

setup
small_buffers
start_nginx || bail_out "nginx does not start"
start_peer || bail_out "the python server does not start"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
run_case "CBC is refused by default" refused -tls1_2 -cipher "$CBC"
run_case "CCM_8 is refused by default" refused -tls1_3 -ciphersuites "$CCM8"
run_case "TLS 1.1 is refused by default" refused -tls1_1 -cipher "$OLD:@SECLEVEL=0"
reap kbumpd TERM
start_kbumpd --min-version 1.0 --ciphers "$ALL" || bail_out "kbumpd does not start"
run_case "CBC with SHA-256" suite 0xc023 "$CBC"
run_case "CBC with SHA-384" suite 0xc024 ECDHE-ECDSA-AES256-SHA384
run_case "CBC with SHA-1" suite 0xc009 ECDHE-ECDSA-AES128-SHA
run_case "CCM" suite 0xc0ac ECDHE-ECDSA-AES128-CCM
run_case "CCM_8" suite 0xc0af ECDHE-ECDSA-AES256-CCM8
run_case "CCM, TLS 1.3" suite 0x1304 TLS_AES_128_CCM_SHA256
run_case "CCM_8, TLS 1.3" suite 0x1305 "$CCM8"
run_case "TLS 1.1" suite 0xc009 ECDHE-ECDSA-AES128-SHA -tls1_1 \
	-cipher ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0
run_case "TLS 1.0" suite 0xc009 ECDHE-ECDSA-AES128-SHA -tls1 \
	-cipher ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0
run_case "CBC with RSA" rsa ECDHE-RSA-AES128-SHA256 -tls1_2
run_case "without forward secrecy" rsa AES256-SHA256 -tls1_2
run_case "without forward secrecy, by kTLS" rsa AES128-GCM-SHA256 -tls1_2
run_case "what kTLS carries is not pumped" suite - TLS_AES_256_GCM_SHA384
run_case "a download" bulk s2c received down
run_case "an upload" bulk c2s stored up
run_case "resumption" resumes
run_case "a flow is deleted" deleted
run_case "strangers on the loopback interface" strangers
run_case "no loopback interface" without_loopback
run_case "the helper is killed" helper_killed
finish
