#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Any Ethernet device is a tool's: tunnels to elsewhere, a VLAN, a device that a program of the box
# reads. And the tools at the other end are those that people have.

. "$(dirname "$0")/lib.sh"

# add_way: between the box and the tools' host, for tunnels.
add_way()
{
	ip -n "$BOX" link add m0 type veth peer name m1 netns "$TOOL"
	ip -n "$BOX" addr add 10.9.0.1/24 dev m0
	ip -n "$TOOL" addr add 10.9.0.2/24 dev m1
	ip -n "$BOX" link set m0 up
	ip -n "$TOOL" link set m1 up
	ip -n "$TOOL" link set lo up
}

# add_device NETNS LOCAL REMOTE PORT TYPE OPTION...: probe0, of that type; %l, %r and %p in the
# options are what stands before.
add_device()
{
	local ns=$1 local=$2 remote=$3 port=$4

	shift 4
	set -- "${@//%l/$local}"
	set -- "${@//%r/$remote}"
	set -- "${@//%p/$port}"
	if [ "$1" = vlan ]; then
		ip -n "$ns" link add link "$port" name probe0 type "$@"
	else
		ip -n "$ns" link add probe0 type "$@"
	fi
	in_ns "$ns" sysctl -qw net.ipv6.conf.probe0.disable_ipv6=1
	# As on any device that tools read: what comes is to be seen as it comes.
	in_ns "$ns" ethtool -K probe0 gro off >/dev/null
	ip -n "$ns" link set probe0 arp off up
}

add_devices()
{
	add_device "$BOX" 10.9.0.1 10.9.0.2 m0 "$@"
	[ "$1" = dummy ] || add_device "$TOOL" 10.9.0.2 10.9.0.1 m1 "$@"
	kbump tool add far dev probe0 dport 80
	rule dport 443 action inspect alpn http/1.1 tool far learn off
	wait_for "$WAIT" is_up
}

is_up()
{
	[ "$(kbump -j tool show far | value "d[0]['state']")" = up ]
}

del_devices()
{
	kbump rule del pref 5 2>/dev/null
	kbump tool del far 2>/dev/null
	ip -n "$BOX" link del probe0 2>/dev/null
	ip -n "$TOOL" link del probe0 2>/dev/null
	true
}

# reads NAME NETNS COMMAND...: a program that has begun to read the device probe0.
reads()
{
	local name=$1 ns=$2

	shift
	spawn "$name" "$@"
	wait_for "$WAIT" has_socket "$ns"
}

has_socket()
{
	in_ns "$1" ss -Hl0 | grep -q 'probe0'
}

# whole NETNS TYPE OPTION...: a connection is, at the other end.
whole()
{
	local ns=$1

	shift
	rm -rf "$DIR/streams"
	add_devices "$@"
	reads tcpdump "$ns" tcpdump -n -U -s 0 -i probe0 -w "$DIR/far.pcap"
	fetch4 443 /page -o "$DIR/page"
	cmp "$DIR/page" "$DIR/www/page"
	settle
	wait_for "$WAIT" is_closed far
	reap tcpdump INT
	mkdir -p "$DIR/streams"
	"$BUILD/selftests/pcapcat" -w "$DIR/streams" "$DIR/far.pcap" >"$DIR/out" ||
		fail "$(cat "$DIR/out")"
	tail -c 50000 "$DIR"/streams/*.s2c | cmp - "$DIR/www/page"
}

same_file()
{
	cmp "$DIR"/flow/*.00080-*-HTTPBODY-001* "$DIR/www/page" >/dev/null 2>&1
}

tcpflow_writes()
{
	add_devices vxlan id 7 local %l remote %r dstport 4789 dev %p
	mkdir -p "$DIR/flow"
	reads tcpflow "$TOOL" tcpflow -a -i probe0 -o "$DIR/flow"
	fetch4 443 /page -o /dev/null
	settle
	wait_for "$WAIT" same_file || fail "$(ls "$DIR/flow")"
	reap tcpflow
}

ngrep_finds()
{
	add_devices erspan seq key 5 local %l remote %r erspan_ver 1 erspan 1
	reads ngrep "$TOOL" ngrep -l -q -W byline -d probe0 'GET /hello' port 80
	fetch4 443 "/hello.txt?$RANDOM" -o /dev/null
	wait_for "$WAIT" has_line "$DIR/ngrep.log" 'GET /hello.txt' || fail "$(cat "$DIR/ngrep.log")"
	reap ngrep
}

p0f_recognises()
{
	add_devices gretap local %l remote %r
	reads p0f "$TOOL" p0f -i probe0
	fetch4 443 "/hello.txt?$RANDOM" -o /dev/null
	wait_for "$WAIT" has_line "$DIR/p0f.log" 'curl' || fail "$(cat "$DIR/p0f.log")"
	has_line "$DIR/p0f.log" 'nginx' || fail "$(cat "$DIR/p0f.log")"
	reap p0f
}

# case_with NAME FUNCTION...
case_with()
{
	run_case "$@"
	reap tcpdump
	del_devices
}

setup_all
add_way || bail_out "cannot make the way to the tools"
head -c 50000 /dev/urandom >"$DIR/www/page"
case_with "VXLAN" whole "$TOOL" vxlan id 7 local %l remote %r dstport 4789 dev %p
case_with "GRETAP" whole "$TOOL" gretap local %l remote %r
case_with "ERSPAN" whole "$TOOL" erspan seq key 5 local %l remote %r erspan_ver 1 erspan 1
case_with "VLAN" whole "$TOOL" vlan id 9
case_with "a device that a program reads" whole "$BOX" dummy
case_with "tcpflow writes the file that was served" tcpflow_writes
case_with "ngrep finds the request" ngrep_finds
case_with "p0f recognises both ends" p0f_recognises
finish
