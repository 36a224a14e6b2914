#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The helper is killed, is absent, comes back: established flows do not notice, new ones
# follow the rule's fail setting.

. "$(dirname "$0")/lib.sh"

# More than all socket buffers on the way hold when the client pauses.
readonly SIZE=8000000

no_helper()
{
	[ -z "$(kbump helper show)" ]
}

killed_under_traffic()
{
	local action

	needs_kbump
	rm -f "$DIR/go"
	for action in down up; do
		peer "$action" --size "$SIZE" --go "$DIR/go" "$action"
		wait_for "$WAIT" has_line "$DIR/$action.log" half-way || fail "$(cat "$DIR/$action.log")"
	done
	reap kbumpd KILL
	wait_for "$WAIT" no_helper
	: >"$DIR/go"
	for action in down up; do
		wait_for "$WAIT" has_line "$DIR/$action.log" '^end' || fail "$(cat "$DIR/$action.log")"
		has_line "$DIR/$action.log" "$SIZE intact" || fail "$(cat "$DIR/$action.log")"
		has_line "$DIR/$action.log" 'end closed' || fail "$(cat "$DIR/$action.log")"
	done
}

# A handshake that is in progress ends with the helper.
killed_in_handshake()
{
	needs_kbump
	rm -f "$DIR/go"
	peer partial --go "$DIR/go" partial
	wait_for "$WAIT" has_line "$DIR/partial.log" half-way
	wait_for "$WAIT" has_handshake
	reap kbumpd KILL
	: >"$DIR/go"
	wait_end partial
	settle
	[ "$(stat handshakes)" = 0 ]
}

has_handshake()
{
	[ "$(stat handshakes)" -ge 1 ]
}

fails_open()
{
	needs_kbump
	no_helper
	[ "$(issuer 443)" = "kbump test server CA" ] || fail "issuer: $(issuer 443)"
}

fails_closed()
{
	local status=0

	needs_kbump
	fetch4 446 /hello.txt >"$DIR/out" 2>&1 || status=$?
	cat "$DIR/out"
	# Refused at once; nothing reached the server.
	[ "$status" = 7 ] || fail "curl: $status"
	if grep " 446 " "$DIR/nginx/access.log"; then
		fail "the server was reached"
	fi
	[ "$(stat fail_helper)" -ge 1 ]
}

serves()
{
	local port

	needs_kbump
	start_kbumpd || fail "kbumpd: $(cat "$DIR/kbumpd.log")"
	for port in 443 446; do
		[ "$(issuer "$port")" = "kbump test box CA" ] || fail "issuer: $(issuer "$port")"
	done
}

# Two at once: an upgrade starts the new one before it stops the old one.
replaced()
{
	needs_kbump
	peer stays --go "$DIR/go2" echo
	wait_for "$WAIT" has_line "$DIR/stays.log" half-way
	mv "$DIR/kbumpd.pid" "$DIR/old.pid"
	start_kbumpd || fail "kbumpd: $(cat "$DIR/kbumpd.log")"
	[ "$(kbump -j helper show | value 'len(d)')" = 4 ] || fail "$(kbump helper show)"
	reap old TERM
	[ "$(issuer 443)" = "kbump test box CA" ] || fail "issuer: $(issuer 443)"
	: >"$DIR/go2"
	wait_for "$WAIT" has_line "$DIR/stays.log" 'end closed' || fail "$(cat "$DIR/stays.log")"
}

ends_on_signal()
{
	needs_kbump
	kill -TERM "$(pid_of kbumpd)"
	wait_end kbumpd 30 || fail "kbumpd does not end on SIGTERM"
	no_helper
}

add_rules()
{
	kbump tool add ids dev tool0 &&
		kbump rule add dport 446 action inspect tool ids fail closed &&
		kbump rule add dport 443-449 action inspect tool ids fail open
}

setup
small_buffers
start_nginx || bail_out "nginx does not start"
start_peer || bail_out "the python server does not start"
add_rules || bail_out "cannot add the rules"
run_case "no helper yet, fail open" fails_open
run_case "no helper yet, fail closed" fails_closed
run_case "the helper serves" serves
run_case "kill -9 under traffic" killed_under_traffic
run_case "new flows, fail open" fails_open
run_case "new flows, fail closed" fails_closed
run_case "a restarted helper serves" serves
run_case "kill -9 during a handshake" killed_in_handshake
run_case "it serves once more" serves
run_case "the helper is replaced without a gap" replaced
run_case "the helper ends on SIGTERM" ends_on_signal
finish
