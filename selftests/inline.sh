#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Inline tools: real ones, in namespaces of their own, get the clear stream, and what they do to it
# is what becomes of the flow.

. "$(dirname "$0")/lib.sh"

readonly SIZE=2000000
readonly BEAT=400
# "GET /bad" and "GET /gone" begin so.
readonly BAD=0x474554202f626164 GONE=0x474554202f676f6e

# add_bridge NUMBER: a tool that is a bridge, in kb...i1 and so on, between in1 and out1 of the box.
add_bridge()
{
	local ns=kb$$i$1

	ip netns add "$ns"
	ip -n "$BOX" link add "in$1" type veth peer name near netns "$ns"
	ip -n "$BOX" link add "out$1" type veth peer name far netns "$ns"
	ip -n "$ns" -batch - <<-IP
		link add br0 type bridge
		link set near master br0
		link set far master br0
		link set near up
		link set far up
		link set br0 up
	IP
	ip -n "$BOX" link set "in$1" up
	ip -n "$BOX" link set "out$1" up
}

# in_tool NUMBER COMMAND...
in_tool()
{
	local ns=kb$$i$1

	shift
	in_ns "$ns" "$@"
}

# tool_has NAME KEY VALUE
tool_has()
{
	[ "$(kbump -j -s tool show "$1" | value "(d[0] if isinstance(d, list) else d)['$2']")" = "$3" ]
}

is_up()
{
	wait_for "$WAIT" tool_has "$1" state up || fail "$(kbump -s tool show "$1")"
}

# watch NUMBER: what crosses the bridge, to $DIR/seen.
watch()
{
	spawn "watch$1" "kb$$i$1" tcpdump -n -i br0 -A -l -s 0 tcp
	wait_for "$WAIT" has_line "$DIR/watch$1.log" 'listening on'
}

# sent NUMBER TEXT: it was seen there in clear.
sent()
{
	wait_for "$WAIT" has_line "$DIR/watch$1.log" "$2"
}

wrong()
{
	local text=$1 status=0

	shift
	kbump "$@" >"$DIR/out" 2>&1 || status=$?
	[ "$status" = 1 ] || [ "$status" = 2 ] || fail "status $status"
	grep -q -i -e "$text" "$DIR/out" || fail "$(cat "$DIR/out")"
}

wrong_commands()
{
	needs_kbump
	wrong 'other side is missing' tool add x mode inline dev in2
	wrong 'two devices' tool add x mode inline dev in2 peer in2
	wrong 'another tool' tool add x mode inline dev in1 peer in2
	wrong 'another tool' tool add x mode inline dev in2 peer tool0
	wrong 'device of its own' tool add x mode inline dev lo peer in2
	wrong 'only an inline tool' tool add x dev in2 heartbeat 100
	wrong 'no such setting' tool add x mode inline dev in2 peer out2 mtu 900
	wrong 'cannot be changed' tool set ips mode mirror
	wrong '20 to 60000\|20..60000' tool set ips heartbeat 7
	wrong 'no such device' tool add x mode inline dev in2 peer nodev0
	kbump tool show x 2>/dev/null && fail "$(kbump tool show)"
	is_up ips
}

clear_through()
{
	local path="/hello.txt?$RANDOM"

	watch 1
	fetch4 443 "$path" >"$DIR/out"
	grep -q 'Hello from the server' "$DIR/out" || fail "$(cat "$DIR/out")"
	grep -F "$path" "$DIR/nginx/access.log" | grep -q "^$CLIENT4 443 " ||
		fail "$(tail -n 3 "$DIR/nginx/access.log")"
	sent 1 "GET .*$path\|$path"
	sent 1 'Hello from the server'
	sent 1 "$CLIENT4.* > $SERVER4.443"
	path="/hello.txt?$RANDOM"
	fetch6 443 "$path" >"$DIR/out"
	grep -q 'Hello from the server' "$DIR/out" || fail "$(cat "$DIR/out")"
	sent 1 "$CLIENT6.* > $SERVER6.443"
	reap watch1
	settle
}

# intact DIRECTION
intact()
{
	: >"$DIR/go"
	peer_run --size "$SIZE" --go "$DIR/go" --timeout "$CASE_LIMIT" transfer "$1" >"$DIR/out" ||
		fail "$(cat "$DIR/out")"
	has_line "$DIR/out" "intact" || fail "$(cat "$DIR/out")"
	settle
}

setup_inline()
{
	add_bridge 1 && add_bridge 2 &&
		kbump tool add ips mode inline dev in1 peer out1 heartbeat "$BEAT" &&
		kbump rule add pref 5 dport 443-449 action inspect alpn http/1.1 tool ips tool ids learn off
}

setup_all
setup_inline || bail_out "cannot add the tools"
run_case "wrong commands are refused" wrong_commands
run_case "the clear stream leads through the tool" clear_through
run_case "a download is intact" intact down
finish
