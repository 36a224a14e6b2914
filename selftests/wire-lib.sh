# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the tests of wires share, on top of lib.sh:
#
#   client 10.1.0.2/8 fd01::2/8 --- c0 box s0 --- 10.2.0.2/8 fd02::2/8 server
#                                      tool0 --- mon0 tool

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# As much as both sides' addresses have in common.
readonly LENGTH4=8 LENGTH6=8

# ---- the network: two hosts, and the box between them without an address

host_addresses()
{
	ip -n "$1" addr flush dev eth0
	ip -n "$1" -batch - <<-IP
		addr add $2/$LENGTH4 dev eth0
		addr add $3/$LENGTH6 dev eth0 nodad
	IP
}

# add_wire [PORT PORT [NAME]]
add_wire()
{
	local name=${3:-w0} port

	ip -n "$BOX" link add "$name" type kbump
	for port in "${1:-c0}" "${2:-s0}"; do
		ip -n "$BOX" link set "$port" master "$name"
		ip -n "$BOX" link set "$port" up
	done
	ip -n "$BOX" link set "$name" up
}

setup_network()
{
	ip netns add "$BOX" && ip netns add "$TOOL" || return
	setup_client && setup_server && setup_tool_link || return
	ip -n "$BOX" link set lo up
	host_addresses "$CLIENT" "$CLIENT4" "$CLIENT6"
	host_addresses "$SERVER" "$SERVER4" "$SERVER6"
	add_wire && wait_reachable
}

wait_reachable()
{
	wait_for "$WAIT" reachable "$SERVER4" && wait_for "$WAIT" reachable "$SERVER6"
}

mac()
{
	in_ns "$1" cat "/sys/class/net/${2:-eth0}/address"
}

set_mtu()
{
	ip -n "$CLIENT" link set eth0 mtu "$1"
	ip -n "$SERVER" link set eth0 mtu "$1"
	ip -n "$BOX" link set c0 mtu "$1"
	ip -n "$BOX" link set s0 mtu "$1"
	[ "$(in_ns "$BOX" cat /sys/class/net/w0/mtu)" = "$1" ] || fail "the wire has another MTU"
}

# far_behind HOST ADDRESS4 ADDRESS6: a host of its own behind one of the two, to which both know the
# way. Its namespace is HOSTfar.
far_behind()
{
	local host=$1 other=$SERVER here4=$CLIENT4 here6=$CLIENT6 near4=${2%.*}.1 near6=${3%::*}::1

	if [ "$1" = "$SERVER" ]; then
		other=$CLIENT here4=$SERVER4 here6=$SERVER6
	fi
	ip netns add "${host}far"
	ip -n "${host}far" -batch - <<-IP
		link set lo up
		link add eth0 type veth peer name far0 netns $host
		addr add $2/24 dev eth0
		addr add $3/64 dev eth0 nodad
		link set eth0 up
		route add default via $near4
		route add default via $near6
	IP
	ip -n "$host" -batch - <<-IP
		addr add $near4/24 dev far0
		addr add $near6/64 dev far0 nodad
		link set far0 up
	IP
	in_ns "$host" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ip -n "$other" route add "${2%.*}.0/24" via "$here4"
	ip -n "$other" route add "${3%::*}::/64" via "$here6"
}

# far_gone HOST: and the routes to it.
far_gone()
{
	local ns

	ip netns del "${1}far"
	for ns in "$CLIENT" "$SERVER"; do
		ip -n "$ns" route flush root 192.168.0.0/16
		ip -n "$ns" -6 route flush root 2001:db8::/32
	done
	in_ns "$1" sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
}

# ---- what is seen

# record POINT NETNS [TCPDUMP-ARGUMENT]...: frames at a host into POINT.pcap
record()
{
	local point=$1 ns=$2

	shift 2
	rm -f "$DIR/$point.pcap"
	spawn "$point" "$ns" tcpdump -n -U -s 0 -B 16384 -i eth0 -w "$DIR/$point.pcap" "$@"
	wait_for "$WAIT" has_line "$DIR/$point.log" 'listening on'
}

record_stop()
{
	local point

	for point; do
		wait_for "$WAIT" is_closed "$point"
		reap "$point" INT
	done
}

# wire KEY: of w0
wire()
{
	kbump -j -s wire show w0 | value "(d[0] if isinstance(d, list) else d)['$1']"
}

# wait_served [WIRES]: both workers listen on all wires.
served()
{
	[ "$(kbump -j helper show | value '[h["listeners"] for h in d]')" = "[$1, $1]" ]
}

wait_served()
{
	wait_for "$WAIT" served $((2 + 2 * ${1:-1})) || fail "$(kbump helper show; cat "$DIR/kbumpd.log")"
}
