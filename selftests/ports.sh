#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the ports of a wire may be: links that are several in one, VLANs, one of them translated into
# another; and several wires.

. "$(dirname "$0")/wire-lib.sh"

no_wire()
{
	ip -n "$BOX" link del w0
	wait_served 0
}

# new_wire [PORT PORT]: nothing of the one before is taken for a part of it.
new_wire()
{
	add_wire "$@"
	wait_served
	wait_reachable
}

# as_before DEVICE...: those of which the ports were made go.
as_before()
{
	local dev

	no_wire
	for dev; do
		ip -n "$BOX" link del "$dev"
	done
	new_wire
}

passes_and_is_inspected()
{
	in_ns "$CLIENT" ping -q -c 3 -i 0.1 -W 5 -s 1400 "$SERVER4"
	in_ns "$CLIENT" ping -q -c 3 -i 0.1 -W 5 -s 1400 "$SERVER6"
	fetch4 8443 /hello.txt --cacert "$PKI/server-ca.crt" | diff "$DIR/www/hello.txt" -
	opened_46 "$1" --tlsv1.3
	opened_46 "$1" --tls-max 1.2
	transfer_begin
	transfer_end
	settle
}

bonds()
{
	local port

	needs_kbump
	no_wire
	for port in c s; do
		ip -n "$BOX" link add "b$port" type bond mode active-backup miimon 100
		ip -n "$BOX" link set "${port}0" down
		ip -n "$BOX" link set "${port}0" master "b$port"
	done
	new_wire bc bs
	passes_and_is_inspected bonds
	as_before bc bs
}

# host_vlan HOST TAG ADDRESS4 ADDRESS6: its addresses are in that VLAN; 0 for none
host_vlan()
{
	ip -n "$1" addr flush dev eth0
	ip -n "$1" link del v0 2>/dev/null || true
	if [ "$2" = 0 ]; then
		host_addresses "$1" "$3" "$4"
		return
	fi
	ip -n "$1" -batch - <<-IP
		link add link eth0 name v0 type vlan id $2
		addr add $3/$LENGTH4 dev v0
		addr add $4/$LENGTH6 dev v0 nodad
		link set v0 up
	IP
}

host_vlans()
{
	host_vlan "$CLIENT" "$1" "$CLIENT4" "$CLIENT6"
	host_vlan "$SERVER" "$2" "$SERVER4" "$SERVER6"
}

# Of what is on the links, this VLAN alone.
vlan_devices()
{
	needs_kbump
	host_vlans 7 7
	ip -n "$BOX" link add link c0 name c0.7 type vlan id 7
	ip -n "$BOX" link add link s0 name s0.7 type vlan id 7
	no_wire
	new_wire c0.7 s0.7
	passes_and_is_inspected vlan
	rule vlan 7 action bypass
	sees 443 "$NAME" "kbump test server CA"
	kbump rule del pref 5
	host_vlans 0 0
	as_before c0.7 s0.7
}

# Both sides are on one port of a switch, in two VLANs, and what is in the one comes out in the
# other: the clients' switch ports are in 10, the servers' in 20.
one_trunk()
{
	needs_kbump
	no_wire
	ip -n "$BOX" -batch - <<-IP
		link add sw type bridge vlan_filtering 1 vlan_default_pvid 0
		link add t0 type veth peer name t1
		link set c0 master sw
		link set s0 master sw
		link set t1 master sw
		link set sw up
		link set t0 up
		link set t1 up
		link add link t0 name t0.10 type vlan id 10
		link add link t0 name t0.20 type vlan id 20
	IP
	in_ns "$BOX" bridge vlan add dev c0 vid 10 pvid untagged
	in_ns "$BOX" bridge vlan add dev s0 vid 20 pvid untagged
	in_ns "$BOX" bridge vlan add dev t1 vid 10
	in_ns "$BOX" bridge vlan add dev t1 vid 20
	new_wire t0.10 t0.20
	passes_and_is_inspected trunk
	as_before t0 sw
}

# second_sees ISSUER: whose certificate does the client of the second wire see?
second_sees()
{
	in_ns "${CLIENT}two" timeout "$WAIT" openssl s_client -connect "$SERVER4:443" \
		-servername "$NAME" </dev/null 2>/dev/null | openssl x509 -noout -issuer |
		grep "$1" || fail "not $1"
}

# A second wire, with the same addresses at its ends.
two_wires()
{
	local ns dev address

	needs_kbump
	for ns in "$CLIENT" "$SERVER"; do
		dev=c1 address=$CLIENT4
		[ "$ns" = "$CLIENT" ] || dev=s1 address=$SERVER4
		ip netns add "${ns}two"
		ip -n "${ns}two" link add eth0 type veth peer name "$dev" netns "$BOX"
		ip -n "${ns}two" addr add "$address/$LENGTH4" dev eth0
		ip -n "${ns}two" link set eth0 up
	done
	add_wire c1 s1 w1
	wait_served 2
	spawn second "${SERVER}two" openssl s_server -accept 443 -www -cert "$PKI/ecdsa.crt" \
		-key "$PKI/ecdsa.key"
	wait_for "$WAIT" listens "${SERVER}two" 443
	transfer_begin
	second_sees "kbump test box CA"
	rule iif w1 action bypass
	second_sees "kbump test server CA"
	sees 443 "$NAME" "kbump test box CA"
	transfer_end
	reap second
	kbump rule del pref 5
	ip -n "$BOX" link del w1
	ip netns del "${CLIENT}two"
	ip netns del "${SERVER}two"
	wait_served
	settle
}

# As run_rule_case(); the next case begins with the network as it was, however this one ends.
run_ports_case()
{
	local before=$failures dev

	run_rule_case "$@"
	[ "$failures" -gt "$before" ] || return
	{
		kbump flow del all
		for dev in w0 w1 bc bs c0.7 s0.7 t0 sw; do
			ip -n "$BOX" link del "$dev"
		done
		ip netns del "${CLIENT}two"
		ip netns del "${SERVER}two"
		host_vlans 0 0
		new_wire
	} >/dev/null 2>&1
}

readonly SIZE=300000

setup_all
run_ports_case "bonds" bonds
run_ports_case "VLANs" vlan_devices
run_ports_case "one trunk, two VLANs" one_trunk
run_ports_case "two wires" two_wires
finish
