#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# TLS 1.3 peers that change their keys at any time; the box does so by itself; and peers that
# send what they must not, or too much of it.

. "$(dirname "$0")/lib.sh"

# Each way, in each storm.
readonly SIZE=${KBUMP_TEST_KEYUPDATE:-2000000}
readonly EVERY=30000
readonly BURST=100
# So often does each side change its keys in a storm.
readonly UPDATES=$((BURST + (SIZE - 1) / EVERY))

readonly AES128=TLS_AES_128_GCM_SHA256 AES256=TLS_AES_256_GCM_SHA384
readonly CHACHA=TLS_CHACHA20_POLY1305_SHA256 AES128_12=ECDHE-ECDSA-AES128-GCM-SHA256
readonly PARAMETER=/sys/module/kbump/parameters/rekey_records

tlspeer()
{
	: >"$DIR/tlspeer.log"
	[ -n "$DIRECT" ] || : >"$DIR/monitor.log"
	# What ends with an error may be what the test wants.
	in_ns "$CLIENT" timeout "$CASE_LIMIT" "$BUILD/selftests/tlspeer" client "$SERVER4" 443 \
		"$CLIENT_CA" "$@" >"$DIR/out" || true
	cat "$DIR/out"
	wait_for "$WAIT" has_line "$DIR/tlspeer.log" '^server end' || fail "no end of the server"
	cat "$DIR/tlspeer.log"
	settle
}

# ended EXPRESSION: of the flow f, as the kernel told of its end.
ended()
{
	wait_for "$WAIT" has_line "$DIR/monitor.log" '"reason"'
	grep '"reason"' "$DIR/monitor.log" | tail -n 1 >"$DIR/end.json"
	value "(lambda f: $1)(d)" <"$DIR/end.json"
}

is_true()
{
	[ "$(ended "$1")" = true ] || fail "not so: $1; $(cat "$DIR/end.json")"
}

# ended_for REASON: as ended(), for less.
ended_for()
{
	wait_for "$WAIT" has_line "$DIR/monitor.log" '"reason"'
	has_line "$DIR/monitor.log" "\"reason\":\"$1\"" || fail "$(tail -n 1 "$DIR/monitor.log")"
}

# updates ROLE FILE: KeyUpdates that it received.
updates()
{
	awk -v role="$1" '$1 == role && $2 == "updates" { print $3 }' "$2"
}

# intact EXPRESSION: the bytes arrive, both sides have heard of the changes that the box
# counted, and it holds.
intact()
{
	has_line "$DIR/out" "client received $SIZE intact" || fail "the client's bytes"
	has_line "$DIR/tlspeer.log" "server received $SIZE intact" || fail "the server's bytes"
	has_line "$DIR/out" 'client end closed' || fail "the client's end"
	has_line "$DIR/tlspeer.log" 'server end closed' || fail "the server's end"
	[ -z "$DIRECT" ] || return 0
	is_true "f['reason'] == 'closed' and
		f['client']['tx_rekeys'] == $(updates client "$DIR/out") and
		f['server']['tx_rekeys'] == $(updates server "$DIR/tlspeer.log") and $1"
}

# digest ROLE FILE: of what it received.
digest()
{
	awk -v role="$1" '$1 == role && $2 == "received" { print $5 }' "$2"
}

mirrored()
{
	mkdir -p "$DIR/streams"
	mirror_clean -w "$DIR/streams" >"$DIR/mirror" || fail "$(cat "$DIR/mirror")"
	grep -q " s2c $SIZE $(digest client "$DIR/out") " "$DIR/mirror" ||
		fail "the mirror differs: $(cat "$DIR/mirror")"
	# After the line that told the server what to do.
	[ "$(tail -n +2 "$DIR"/streams/*.c2s | sha256sum | cut -d ' ' -f 1)" = \
	  "$(digest server "$DIR/tlspeer.log")" ] || fail "the mirror differs from the client"
	rm -rf "$DIR/streams" "$DIR/mirror.pcap"
}

# The namespace's count of changes by peers.
counted()
{
	kbump stat show | awk '$1 == "rx_rekeys" { print $2 }'
}

storm()
{
	local suite=$1 kind=$2 least=0 most=0 before=0

	if [ "$kind" = request ]; then
		# Those that came while an answer was due share it.
		least=1 most=$UPDATES
	fi
	if [ -z "$DIRECT" ]; then
		before=$(counted)
		capture_start 65536
	fi
	tlspeer 1.3 "$suite" storm "$SIZE" "$EVERY" "$kind" "$BURST"
	intact "f['client']['rx_rekeys'] == f['server']['rx_rekeys'] == $UPDATES and
		$most >= f['client']['tx_rekeys'] >= $least and
		$most >= f['server']['tx_rekeys'] >= $least"
	[ -z "$DIRECT" ] || return 0
	[ "$(($(counted) - before))" = $((2 * UPDATES)) ] || fail "stat: $(kbump stat show)"
	capture_stop
	mirrored
}

# The box changes its own keys long before they are worn out.
own()
{
	local suite=$1 limit=$2 least=$3 most=$4 old

	needs_kbump
	old=$(cat "$PARAMETER")
	[ "$old" = 8388608 ] || fail "the default is $old"
	echo "$limit" >"$PARAMETER"
	tlspeer 1.3 "$suite" storm "$SIZE" "$EVERY" none 0
	echo "$old" >"$PARAMETER"
	intact "$most >= f['client']['tx_rekeys'] >= $least and
		$most >= f['server']['tx_rekeys'] >= $least and
		f['client']['rx_rekeys'] == f['server']['rx_rekeys'] == 0"
}

bad_limits()
{
	local value

	needs_kbump
	for value in 0 16777217 -1 x; do
		if echo "$value" >"$PARAMETER"; then
			fail "$value was accepted"
		fi
	done 2>/dev/null
	[ "$(cat "$PARAMETER")" = 8388608 ]
}

# KeyUpdates in parts, and behind another message of the same record.
parts()
{
	tlspeer 1.3 "$AES128" send parts
	has_line "$DIR/tlspeer.log" 'server got 12$' || fail "the server's bytes"
	has_line "$DIR/tlspeer.log" 'server end closed' || fail "the server's end"
	[ -n "$DIRECT" ] || is_true 'f["client"]["rx_rekeys"] == 2'
	tlspeer 1.3 "$AES128" receive parts
	has_line "$DIR/out" 'client got 12$' || fail "the client's bytes"
	has_line "$DIR/out" 'client end closed' || fail "the client's end"
	[ -n "$DIRECT" ] || is_true 'f["server"]["rx_rekeys"] == 2'
}

# ended_by SIDE ALERT: it is told; the other gets internal_error, and not a byte.
ended_by()
{
	local bad=$1 alert=$2 good=server

	[ "$bad" = client ] || good=client
	cat "$DIR/out" "$DIR/tlspeer.log" >"$DIR/both"
	has_line "$DIR/both" "^$bad end alert $alert\$" || fail "not alert $alert"
	has_line "$DIR/both" "^$good got 0\$" || fail "something reached the $good"
	[ -n "$DIRECT" ] || has_line "$DIR/both" "^$good end alert 80\$" ||
		fail "not alert 80 for the $good"
	[ -n "$DIRECT" ] || ended_for "${bad}_record"
}

# bad WHAT ALERT VERSION SUITE: from the client, then from the server.
bad()
{
	local what=$1 alert=$2

	shift 2
	tlspeer "$@" send "$what"
	ended_by client "$alert"
	tlspeer "$@" receive "$what"
	ended_by server "$alert"
}

# Of a record that does not decrypt nobody gets a byte: not the other side, not the tool.
flipped()
{
	[ -n "$DIRECT" ] || capture_start
	bad flip 20 "$@"
	[ -z "$DIRECT" ] || return 0
	capture_stop
	# The rest of the flow is there.
	grep -a -q 'receive flip' "$DIR/mirror.pcap"
	if grep -a -q -e 'is to see' -e 'nor this' "$DIR/mirror.pcap"; then
		fail "the tool got it"
	fi
}

flood()
{
	local way=$1 what=$2 side=client

	needs_kbump
	[ "$way" = send ] || side=server
	tlspeer 1.3 "$AES128" "$way" "$what"
	# No more than the budget was read.
	is_true "f['reason'] == '${side}_flood' and f['$side']['control'] <= 1024"
}

start_tlspeer()
{
	spawn tlspeer "$SERVER" "$BUILD/selftests/tlspeer" server 443 "$PKI/ecdsa.crt" \
		"$PKI/ecdsa.key"
	wait_for "$WAIT" listens "$SERVER" 443
}

setup
start_tlspeer || bail_out "tlspeer does not start"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
[ -n "$DIRECT" ] || spawn monitor "$BOX" "$BUILD/kbump" -j -s monitor flow
for suite in "$AES128" "$AES256" "$CHACHA"; do
	run_case "storm of KeyUpdates, $suite" storm "$suite" plain
	run_case "storm of KeyUpdates that ask for an answer, $suite" storm "$suite" request
done
run_case "own KeyUpdates, $AES128" own "$AES128" 7 $((SIZE / 16384 / 8)) $((SIZE / 16384))
run_case "own KeyUpdates, each record, $AES256" own "$AES256" 1 $((SIZE / 16384)) "$SIZE"
run_case "no own KeyUpdates, $CHACHA" own "$CHACHA" 1 0 0
run_case "limits that are none" bad_limits
run_case "KeyUpdates in parts" parts
run_case "KeyUpdate of an illegal value" bad value 47 1.3 "$AES128"
run_case "KeyUpdate that is too long" bad length 50 1.3 "$AES128"
run_case "two KeyUpdates in a record" bad twice 10 1.3 "$AES128"
run_case "half a KeyUpdate, then data" bad half 10 1.3 "$AES128"
run_case "KeyUpdate, then data under the old keys" bad update 20 1.3 "$AES128"
run_case "KeyUpdate in TLS 1.2" bad update 10 1.2 "$AES128_12"
run_case "empty handshake record" bad empty 10 1.3 "$AES128"
run_case "a flipped bit, TLS 1.3" flipped 1.3 "$AES128"
run_case "a flipped bit, TLS 1.2" flipped 1.2 "$AES128_12"
run_case "flood of KeyUpdates" flood send updates
run_case "flood of alerts" flood send canceled
run_case "flood of empty records" flood send nothing
run_case "flood of alerts by the server" flood receive canceled
finish
