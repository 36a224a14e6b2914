#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# 200 connections, all open at the same time.

. "$(dirname "$0")/lib.sh"

readonly COUNT=${KBUMP_TEST_MANY:-200}

all_established()
{
	[ "$(flow_count 'f["state"] == "established"')" = "$COUNT" ]
}

at_once()
{
	[ -n "$DIRECT" ] || capture_start
	peer many --size "$COUNT" --go "$DIR/go" --timeout 170 many
	wait_for 170 has_line "$DIR/many.log" 'all open' || fail "$(tail "$DIR/many.log")"
	if [ -z "$DIRECT" ]; then
		wait_for "$WAIT" all_established ||
			fail "$(cat "$DIR/many.log"; kbump stat show)"
	fi
	: >"$DIR/go"
	wait_for 170 has_line "$DIR/many.log" '^good' || fail "$(tail "$DIR/many.log")"
	has_line "$DIR/many.log" "^good $COUNT" || fail "$(tail "$DIR/many.log")"
}

all_mirrored()
{
	needs_kbump
	capture_stop
	mirror_clean >"$DIR/out" || fail "$(tail -n 20 "$DIR/out")"
	[ "$(grep -c ' closed$' "$DIR/out")" = "$COUNT" ]
}

setup
start_peer || bail_out "the python server does not start"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
run_case "$COUNT connections at once" at_once
run_case "each of them is in the mirror, whole" all_mirrored
finish
