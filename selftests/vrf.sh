#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Clients and servers in VRFs of the box: opened and left alone as elsewhere, by the routes of their
# own table, and each of several with the same addresses by itself.

. "$(dirname "$0")/lib.sh"

readonly PORT=40000

# ---- the box's VRFs

# vrf NAME TABLE PORT...: with these ports, which lose their IPv6 addresses on the way.
vrf()
{
	local name=$1 table=$2 port

	shift 2
	ip -n "$BOX" link add "$name" type vrf table "$table"
	ip -n "$BOX" link set "$name" up
	ip -n "$BOX" route add table "$table" unreachable default metric 4278198272
	for port; do
		ip -n "$BOX" link set "$port" master "$name"
		[[ $port == s* ]] || ip -n "$BOX" addr replace fd01::1/64 dev "$port" nodad
		[[ $port == c* ]] || ip -n "$BOX" addr replace fd02::1/64 dev "$port" nodad
	done
}

# out_of_vrf PORT...
out_of_vrf()
{
	local port

	for port; do
		ip -n "$BOX" link set "$port" nomaster
		[[ $port == s* ]] || ip -n "$BOX" addr replace fd01::1/64 dev "$port" nodad
		[[ $port == c* ]] || ip -n "$BOX" addr replace fd02::1/64 dev "$port" nodad
	done
}

# served VRFS: each of both workers listens, for IPv4 and IPv6, for so many and for those in none.
served()
{
	local each=$((2 + 2 * $1))

	[ "$(kbump -j helper show | value '[h["listeners"] for h in d]')" = "[$each, $each]" ]
}

wait_served()
{
	wait_for "$WAIT" served "$1" || fail "$(kbump helper show; cat "$DIR/kbumpd.log")"
	wait_for "$WAIT" reachable "$SERVER4"
	wait_for "$WAIT" reachable "$SERVER6"
}

# ---- what clients see

is_opened()
{
	[ "$(issuer "$1")" = "kbump test box CA" ]
}

left_alone()
{
	[ "$(issuer "$1")" = "kbump test server CA" ]
}

# ---- cases

in_a_vrf()
{
	needs_kbump
	vrf red 10 c0 s0
	wait_served 1
	opened_46 red
	transfer_begin
	[ "$(kbump -j flow show | value '[(f["iif"], f["vrf"]) for f in d]')" = '[["c0", "red"]]' ] ||
		fail "$(kbump flow show)"
	transfer_end
	settle
}

# Of a VRF and its port either may be named.
by_rules()
{
	needs_kbump
	rule iif red action bypass
	left_alone 443 || fail "by VRF: $(issuer 443)"
	kbump explain from "$CLIENT4" to "$SERVER4" sport 1 dport 443 iif c0 vrf red tls 1.3 sni a |
		grep 'bypass' || fail "explained otherwise"
	kbump rule del pref 5
	rule iif c0 action bypass
	left_alone 443 || fail "by port: $(issuer 443)"
	kbump rule del pref 5
	rule iif blue action bypass
	is_opened 443 || fail "another VRF: $(issuer 443)"
	kbump rule del pref 5
	rule not iif red action bypass
	is_opened 443 || fail "not: $(issuer 443)"
}

# By the host's strict rp_filter, from the port on which the client is not.
from_elsewhere()
{
	needs_kbump
	in_ns "$BOX" sysctl -qw net.ipv4.conf.red.rp_filter=0
	nft_box <<-NFT
		table inet t {
			chain forward {
				type filter hook forward priority 0;
				ip saddr 10.1.0.9 counter
				ip saddr $SERVER4 counter
			}
		}
	NFT
	ip -n "$SERVER" addr add 10.1.0.9/32 dev eth0
	in_ns "$SERVER" /usr/bin/python3 -ISc 'import socket, sys
for source in sys.argv[1:]:
    s = socket.socket()
    s.bind((source, 0))
    s.settimeout(0.5)
    try:
        s.connect(("10.1.0.2", 9))
    except OSError as e:
        print(source, e)' 10.1.0.9 "$SERVER4"
	in_ns "$BOX" nft list chain inet t forward >"$DIR/counters"
	cat "$DIR/counters"
	grep 'saddr 10.1.0.9 counter packets 0 ' "$DIR/counters" || fail "a forged packet passed"
	! grep "saddr $SERVER4 counter packets 0 " "$DIR/counters" || fail "no packet passed"
	ip -n "$SERVER" addr del 10.1.0.9/32 dev eth0
	clear_nft
}

reset()
{
	peer_run --port "$1" connect | grep ConnectionRefusedError
}

blocked()
{
	local before

	needs_kbump
	before=$(stat blocked)
	rule dport 443 action block
	kbump rule add pref 6 proto udp dport 443 action block
	reset 443 || fail "no reset"
	[ "$(stat blocked)" = $((before + 1)) ] || fail "$(kbump stat show)"
	before=$(stat udp_blocked)
	echo 'ask hello' | in_ns "$CLIENT" timeout "$WAIT" /usr/bin/python3 -IS "$SELFTESTS/udp.py" \
		client "$SERVER4" 443 | grep refused || fail "UDP is not refused"
	[ "$(stat udp_blocked)" = $((before + 1)) ] || fail "$(kbump stat show)"
}

# What the host's chains say of the VRF holds, and so do its zone and its masquerading.
with_nftables()
{
	needs_kbump
	nft_box <<-NFT
		table inet filter {
			chain pre {
				type filter hook prerouting priority raw;
				iifname { c0, s0, red } ct zone set 7
			}
			chain input {
				type filter hook input priority 0; policy drop;
				iif lo accept
				meta l4proto ipv6-icmp accept
			}
			chain output {
				type filter hook output priority 0; policy drop;
				oif lo accept
				ct state established,related accept
				meta l4proto ipv6-icmp accept
			}
			chain forward {
				type filter hook forward priority 0; policy drop;
				ct state invalid counter drop
				ct state established,related accept
				meta l4proto ipv6-icmp accept
				iifname red oifname s0 tcp dport 443-444 ct state new accept
				iifname red tcp dport 446 reject with tcp reset
			}
			chain post {
				type nat hook postrouting priority srcnat;
				oifname s0 tcp dport 444 masquerade
			}
		}
	NFT
	opened_46 nftables
	reset 446 || fail "446 is not refused"
	transfer_begin
	in_ns "$BOX" conntrack -L -p tcp --orig-port-dst 444 --state ESTABLISHED 2>/dev/null |
		tee "$DIR/tracked"
	[ "$(grep -c 'dst=10\.2\.0\.1 .*zone=7' "$DIR/tracked")" = 1 ] || fail "not masqueraded, in zone 7"
	[ "$(wc -l <"$DIR/tracked")" = 1 ] || fail "tracked more than once"
	transfer_end
	settle
	clear_nft
}

# With a queue, what the box sends passes the VRF's device.
with_queue()
{
	needs_kbump
	in_ns "$BOX" tc qdisc add dev red root pfifo limit 1000
	opened_46 queue
	in_ns "$BOX" tc qdisc del dev red root
}

# Only the client is in the VRF; each side's table leads to a port of the other.
out_by_another()
{
	needs_kbump
	out_of_vrf s0
	ip -n "$BOX" -batch - <<-IP
		route add 10.2.0.0/24 dev s0 table 10
		route add fd02::/64 dev s0 table 10
		route add 10.1.0.0/24 dev c0
		route add fd01::/64 dev c0
	IP
	wait_served 1
	opened_46 leak
	ip -n "$BOX" -batch - <<-IP
		route del 10.2.0.0/24 dev s0 table 10
		route del fd02::/64 dev s0 table 10
		route del 10.1.0.0/24 dev c0
		route del fd01::/64 dev c0
	IP
	ip -n "$BOX" link set s0 master red
	ip -n "$BOX" addr replace fd02::1/64 dev s0 nodad
	wait_served 1
}

# ---- three with the same addresses

as()
{
	local CLIENT=$CLIENT SERVER=$SERVER

	[ "$1" = red ] || CLIENT=$CLIENT$1 SERVER=$SERVER$1
	shift
	"$@"
}

# tenant NAME NUMBER: a client, and a server which says lines backwards; with addresses as all have.
tenant()
{
	local name=$1 c=c$2 s=s$2

	ip netns add "$CLIENT$name"
	ip netns add "$SERVER$name"
	ip -n "$BOX" link add "$c" type veth peer name eth0 netns "$CLIENT$name"
	ip -n "$BOX" link add "$s" type veth peer name eth0 netns "$SERVER$name"
	[ "$name" = none ] || vrf "$name" "$2$2" "$c" "$s"
	ip -n "$BOX" -batch - <<-IP
		addr add 10.1.0.1/24 dev $c
		addr add 10.2.0.1/24 dev $s
		link set $c up
		link set $s up
	IP
	ip -n "$CLIENT$name" -batch - <<-IP
		addr add $CLIENT4/24 dev eth0
		link set eth0 up
		route add default via 10.1.0.1
	IP
	ip -n "$SERVER$name" -batch - <<-IP
		addr add $SERVER4/24 dev eth0
		link set eth0 up
		route add default via 10.2.0.1
	IP
}

# One connection of a tenant, with a port as all have, which waits for lines.
talk()
{
	local name=$1

	spawn "server-$name" "$SERVER" openssl s_server -accept 449 -rev \
		-cert "$PKI/ecdsa.crt" -key "$PKI/ecdsa.key"
	wait_for "$WAIT" listens "$SERVER" 449
	rm -f "$DIR/$name.in"
	mkfifo "$DIR/$name.in"
	# shellcheck disable=SC2016 # for the inner shell
	spawn "$name" "$CLIENT" bash -c 'exec openssl s_client "${@:2}" <>"$1"' - "$DIR/$name.in" \
		-connect "$SERVER4:449" -bind "$CLIENT4:$PORT" -servername "$NAME" \
		-CAfile "$CLIENT_CA" -verify_return_error -brief
}

says()
{
	echo "I am $2, port $1" >"$DIR/$2.in"
	wait_for "$WAIT" has_line "$DIR/$2.log" "^$(echo "I am $2, port $1" | rev)" ||
		fail "$(cat "$DIR/$2.log")"
}

same_addresses()
{
	local name

	needs_kbump
	tenant blue 2
	tenant none 3
	wait_served 2
	as blue wait_for "$WAIT" reachable "$SERVER4"
	as none wait_for "$WAIT" reachable "$SERVER4"
	for name in red blue none; do
		as "$name" talk "$name"
	done
	for name in red blue none none blue red; do
		says "$PORT" "$name"
	done
	kbump flow show
	[ "$(kbump -j flow show |
		value 'sorted([f["client_port"], f["iif"], f.get("vrf", "")] for f in d)')" = \
	  "[[$PORT, \"c0\", \"red\"], [$PORT, \"c2\", \"blue\"], [$PORT, \"c3\", \"\"]]" ] ||
		fail "not three flows"
	# The end of one is not that of another.
	reap blue
	wait_for "$WAIT" flows_are 2
	says again red
	says again none
	reap red
	reap none
	settle
	for name in red blue none; do
		reap "server-$name"
	done
}

flows_are()
{
	[ "$(flow_count)" = "$1" ]
}

# ---- VRFs that come and go

found_at_start()
{
	needs_kbump
	reap kbumpd
	start_kbumpd
	served 2 || fail "$(kbump helper show)"
	opened_46 start
}

come_and_gone()
{
	needs_kbump
	ip -n "$BOX" link del blue
	ip -n "$BOX" link del red
	wait_for "$WAIT" served 0 || fail "$(kbump helper show)"
	vrf green 12 c0 s0
	wait_served 1
	opened_46 green
	kill -KILL "$(children worker | head -n 1)"
	wait_for "$WAIT" served 1 || fail "$(kbump helper show)"
	opened_46 restarted
}

in_none()
{
	local port

	needs_kbump
	for port in c2 s2 c3 s3; do
		ip -n "$BOX" link del "$port"
	done
	out_of_vrf c0 s0
	ip -n "$BOX" link del green
	wait_served 0
	opened_46 none
	! grep -F 'VRF' "$DIR/kbumpd.log" || fail "complaints"
	[ "$(grep -c 'was ended by' "$DIR/kbumpd.log")" = 1 ] || fail "$(cat "$DIR/kbumpd.log")"
}

readonly SIZE=300000

setup_all
run_case "a VRF's connections are opened" in_a_vrf
run_rule_case "rules by VRF and port" by_rules
run_case "strict rp_filter" from_elsewhere
run_case "ICMP errors about a leg" icmp_errors
run_rule_case "rules that block" blocked
run_rule_case "left alone, with a tool" tapped
run_case "chains, zone and masquerading" with_nftables
run_case "a VRF with a queue" with_queue
run_case "the way out is in no VRF" out_by_another
run_case "three with the same addresses" same_addresses
run_case "VRFs that are there at the start" found_at_start
run_case "VRFs that come and go" come_and_gone
run_case "in no VRF any more" in_none
finish
