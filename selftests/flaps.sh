#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A wire under traffic: nothing that an operator does loses a frame, and ports, links, the wire and
# the module come and go. KBUMP_TEST_MIXED=SECONDS and KBUMP_TEST_FLAPS=TIMES make it longer.

. "$(dirname "$0")/wire-lib.sh"

# https_loop FILE: line by line what became of each
https_loop()
{
	# shellcheck disable=SC2016 # for the inner shell
	spawn fetches "$CLIENT" bash -c 'while [ ! -e "$2" ]; do
			curl -sS -k -m "$1" -o /dev/null -w "%{http_code}\n" "https://$0/hello.txt"
		done' "$SERVER4" "$WAIT" "$1"
}

# One round of whatever an operator may do while all runs.
operate()
{
	rule sport 1 action block
	rule proto udp sport 1 action block
	kbump tool add more dev tool0 vlan 9
	kbump rule add pref 6 sport 2 action inspect tool more
	kbump wire set w0 inside s0
	kbump wire set w0 link on
	kbump wire set w0 bypass on
	kbump rule del pref 6
	kbump tool del more
	kbump wire set w0 bypass off
	kbump wire set w0 link off
	kbump wire set w0 inside c0
	kbump set add names type domain
	kbump set fill names "$DIR/names"
	kbump set del names
	kbump rule del pref 5
	kbump rule del pref 5
	echo 'rule add pref 5 sport 3 action bypass' | kbump -f -
	kbump rule del pref 5
}

# Every frame that is not inspected comes to the other side, every inspected connection to its end.
nothing_lost()
{
	local count=$((${KBUMP_TEST_MIXED:-10} * 100)) rounds=0

	needs_kbump
	seq -f 'n%g.example' 1000 >"$DIR/names"
	rm -f "$DIR/stop"
	https_loop "$DIR/stop"
	spawn ping "$CLIENT" ping -q -i 0.01 -c "$count" -W "$WAIT" "$SERVER4"
	while ! is_gone "$(pid_of ping)"; do
		operate
		rounds=$((rounds + 1))
	done
	: >"$DIR/stop"
	wait_end fetches
	cat "$DIR/ping.log"
	echo "$rounds rounds, $(wc -l <"$DIR/fetches.log") connections"
	has_line "$DIR/ping.log" "^$count packets transmitted, $count received" || fail "lost"
	grep -v '^200$' "$DIR/fetches.log" && fail "a connection failed"
	[ "$rounds" -gt 0 ] && has_line "$DIR/fetches.log" '^200$'
	settle
}

# Under traffic: it ends, as if the cable were cut, and nothing else happens.
ports_go()
{
	needs_kbump
	transfer_begin
	ip -n "$BOX" link set s0 nomaster
	ip -n "$BOX" link set s0 master w0
	transfer_end
	settle
	transfer_begin
	ip -n "$BOX" link del w0
	add_wire
	wait_served
	settle
	reap transfer
	wait_for "$WAIT" reachable "$SERVER4"
	opened_46 new-wire
}

flaps()
{
	local i

	for ((i = 0; i < ${KBUMP_TEST_FLAPS:-20}; i++)); do
		cat <<-IP
			link set s0 down
			link set s0 up
			link set c0 nomaster
			link set c0 master w0
			link set w0 down
			link set w0 up
			link set c0 mtu 1400
			link set c0 mtu 1500
			link del w0
			link add w0 type kbump
			link set c0 master w0
			link set s0 master w0
			link set w0 up
		IP
	done
}

# Ports, links and the wire itself come and go under traffic of both kinds.
changes()
{
	needs_kbump
	spawn ping "$CLIENT" ping -q -i 0.01 "$SERVER4"
	# shellcheck disable=SC2016 # for the inner shell
	spawn fetches "$CLIENT" bash -c 'while :; do
			curl -s -k -m 2 -o /dev/null "https://$0/hello.txt?$RANDOM"
		done' "$SERVER4"
	kbump wire set w0 link on
	flaps >"$DIR/flaps"
	ip -n "$BOX" -batch "$DIR/flaps"
	reap fetches
	reap ping
	kbump flow del all
	wait_served
	wait_reachable
	opened_46 changes
}

# The wire goes with it; nothing else remains, and all can be made again.
module_goes()
{
	needs_kbump
	transfer_begin
	rmmod kbump
	! ip -n "$BOX" link show w0 2>/dev/null || fail "the wire is still there"
	reap transfer
	load_module
	add_wire
	inspect_all
	wait_served
	opened_46 new-module
}

readonly SIZE=300000

setup_all
run_rule_case "changes lose nothing" nothing_lost
run_case "ports and the wire go" ports_go
run_case "ports and links change under traffic" changes
run_case "the module goes" module_goes
finish
