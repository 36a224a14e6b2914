#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kbump check: silent of a host that is as it should be; each thing that is not is found, and
# what it says mends it.

. "$(dirname "$0")/lib.sh"

# found CHECK LEVEL: how many findings there are of that kind.
found()
{
	kbump -j check >"$DIR/findings" || true
	value "len([f for f in d if f['check'] == '$1' and f['level'] == '$2'])" <"$DIR/findings"
}

expect()
{
	[ "$(found "$1" "$2")" = "${3:-1}" ] || fail "$1 $2: $(cat "$DIR/findings")"
}

# Does as told by all findings of a check.
mend()
{
	kbump -j check >"$DIR/findings" || true
	value "'\n'.join(f['mend'] for f in d if f['check'] == '$1')" <"$DIR/findings" |
		in_ns "$BOX" sh -ex
}

# What the machine of the tests has for a clock or a kernel is not our business.
nothing_wrong()
{
	needs_kbump
	kbump check >"$DIR/out" || fail "$(cat "$DIR/out")"
	grep -v -e '^clock: warning' -e '^kernel: warning' -e '^ ' "$DIR/out" && fail "findings"
	return 0
}

no_privileges()
{
	local status=0

	needs_kbump
	[ "$(found modules error)" = 0 ]
	kbump check unknown >"$DIR/out" 2>&1 || status=$?
	[ "$status" = 2 ] || fail "status $status: $(cat "$DIR/out")"
	# Without privileges the module cannot be asked.
	status=0
	in_ns "$BOX" setpriv --reuid 65534 --clear-groups --bounding-set=-all \
		"$BUILD/kbump" check >"$DIR/out" 2>&1 || status=$?
	[ "$status" = 1 ] || fail "status $status: $(cat "$DIR/out")"
	grep 'permission denied' "$DIR/out" || fail "$(cat "$DIR/out")"
}

no_helper()
{
	needs_kbump
	reap kbumpd
	wait_for "$WAIT" expect helper error
	! kbump check || fail "status 0"
	start_kbumpd
	expect helper error 0
}

no_rule()
{
	needs_kbump
	kbump save >"$DIR/saved"
	kbump rule flush
	expect rules warning
	grep ^rule "$DIR/saved" >"$DIR/rules"
	kbump -f "$DIR/rules"
	expect rules warning 0
}

no_forwarding()
{
	needs_kbump
	in_ns "$BOX" sysctl -w net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
	expect forwarding error
	expect forwarding warning
	! kbump check || fail "status 0"
	mend forwarding
	expect forwarding error 0
	expect forwarding warning 0
}

routing_rules()
{
	needs_kbump
	ip -n "$BOX" rule add fwmark 0x64 lookup 100 pref 100
	in_ns "$BOX" sysctl -w net.ipv4.conf.all.rp_filter=1 net.ipv4.tcp_fwmark_accept=0
	expect routing warning 2
	mend routing
	expect routing warning 0
	ip -n "$BOX" rule del pref 100
	ip -n "$BOX" -6 rule add iif c0 lookup 100 pref 100
	expect routing warning
	grep -q 'packets from c0' "$DIR/findings" || fail "$(cat "$DIR/findings")"
	ip -n "$BOX" -6 rule del pref 100
	expect routing warning 0
	in_ns "$BOX" sysctl -w net.ipv4.conf.all.rp_filter=1
}

bridges()
{
	needs_kbump
	modprobe br_netfilter
	in_ns "$BOX" sysctl -w net.bridge.bridge-nf-call-iptables=1
	expect bridge error 0
	ip -n "$BOX" link add br7 type bridge
	expect bridge error
	grep -q br7 "$DIR/findings" || fail "$(cat "$DIR/findings")"
	mend bridge
	expect bridge error 0
	ip -n "$BOX" link del br7
}

small_buffer()
{
	needs_kbump
	in_ns "$BOX" sysctl -w net.ipv4.tcp_rmem='4096 16384 32768'
	expect buffers warning
	mend buffers
	expect buffers warning 0
}

setup
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
run_case "nothing is wrong" nothing_wrong
run_case "no privileges, and words too many" no_privileges
run_case "no helper" no_helper
run_case "no rule" no_rule
run_case "no forwarding" no_forwarding
run_case "routing rules" routing_rules
run_case "bridges" bridges
run_case "small buffers" small_buffer
finish
