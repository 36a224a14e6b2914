#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The box as a firewall has it: connection tracking, drop policies, NAT, strict reverse
# path filter. What no rule wants is not touched, and nothing can reach the helper.

. "$(dirname "$0")/lib.sh"

inspected()
{
	local found

	found=$(issuer "${1:-443}")
	[ "$found" = "kbump test box CA" ] || fail "issuer: $found"
	fetch4 "${1:-443}" /hello.txt >/dev/null
	fetch6 443 /hello.txt >/dev/null
	settle
}

# What ip(8) shows of the box's routing.
routing()
{
	local family

	for family in -4 -6; do
		ip -n "$BOX" $family rule show
		ip -n "$BOX" $family route show table all
	done | grep -v -E 'cache|proto kernel metric 0.*linkdown' | sed 's/ expires [0-9]*sec//' | sort
}

no_routes_added()
{
	needs_kbump
	inspected
	routing | diff "$DIR/routing" - || fail "routing changed"
	[ -z "$(in_ns "$BOX" nft list ruleset)" ] || fail "$(in_ns "$BOX" nft list ruleset)"
}

# A usual stateful ruleset: the host takes only what it asked for. No set of ports: a kernel with
# CONFIG_PROVE_RCU_LIST complains of what nft_set_bitmap.c does under its own mutex.
stateful()
{
	needs_kbump
	nft_box <<-NFT
		table inet filter {
			chain input {
				type filter hook input priority 0; policy drop;
				iif lo accept
				ct state established,related accept
				meta l4proto ipv6-icmp accept
				counter
			}
			chain forward {
				type filter hook forward priority 0; policy drop;
				ct state established,related accept
				iifname c0 tcp dport 80 ct state new accept
				iifname c0 tcp dport 443-444 ct state new accept
				iifname c0 tcp dport 8443 ct state new accept
				meta l4proto ipv6-icmp accept
				counter
			}
		}
	NFT
	inspected
	bulk_through
	fetch4 8443 /hello.txt --cacert "$PKI/server-ca.crt" >/dev/null
	in_ns "$BOX" nft list ruleset
}

# INPUT drops all: steered packets are no business of the host's own filter.
input_drop()
{
	needs_kbump
	in_ns "$BOX" nft flush ruleset
	nft_box <<-NFT
		table inet filter {
			chain input {
				type filter hook input priority 0; policy drop;
				meta l4proto ipv6-icmp accept
			}
			chain forward {
				type filter hook forward priority 0; policy drop;
				ct state established,related accept
				iifname c0 accept
				meta l4proto ipv6-icmp accept
			}
		}
	NFT
	inspected
}

masquerade()
{
	local path="/hello.txt?nat$RANDOM"

	needs_kbump
	nft_box <<-NFT
		table inet nat {
			chain post {
				type nat hook postrouting priority srcnat; policy accept;
				oifname s0 masquerade
			}
		}
	NFT
	inspected
	fetch4 443 "$path" >/dev/null
	grep -F "$path " "$DIR/nginx/access.log" >"$DIR/line"
	grep '^10\.2\.0\.1 ' "$DIR/line" || fail "not the box's address: $(cat "$DIR/line")"
	bulk_through
	in_ns "$BOX" nft flush ruleset
}

# A destination NAT before the steering: the flow goes where the host's rules send it.
redirected()
{
	needs_kbump
	nft_box <<-NFT
		table ip nat {
			chain pre {
				type nat hook prerouting priority dstnat; policy accept;
				iifname c0 ip daddr 10.9.9.9 tcp dport 443 dnat to $SERVER4
			}
		}
	NFT
	in_ns "$CLIENT" curl -sS --max-time "$WAIT" -k --resolve "$NAME:443:10.9.9.9" \
		"https://$NAME/hello.txt" | grep -q '^Hello'
	settle
	in_ns "$BOX" nft flush ruleset
}

bulk_through()
{
	peer_run --size 2000000 down >"$DIR/out" || fail "$(cat "$DIR/out")"
	has_line "$DIR/out" 'received 2000000 intact' || fail "$(cat "$DIR/out")"
}

strict_rp_filter()
{
	needs_kbump
	in_ns "$BOX" sysctl -w net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.c0.rp_filter=1 \
		net.ipv4.conf.s0.rp_filter=1 net.ipv4.conf.all.log_martians=1
	inspected
}

# The box answers SYNs with cookies: of what comes next no socket knows.
syn_cookies()
{
	needs_kbump
	in_ns "$BOX" sysctl -w net.ipv4.tcp_syncookies=2
	inspected
	in_ns "$BOX" sysctl -w net.ipv4.tcp_syncookies=1
	[ "$(netstat TcpExtSyncookiesRecv)" -gt 0 ] || fail "there were no cookies"
}

other_port_untouched()
{
	local before

	needs_kbump
	before=$(stat steered)
	[ "$(issuer 8443)" = "kbump test server CA" ] || fail "issuer: $(issuer 8443)"
	[ "$(stat steered)" = "$before" ]
}

bypassed()
{
	local before

	needs_kbump
	before=$(stat bypassed)
	kbump rule add pref 1 dport 446 action bypass
	[ "$(issuer 446)" = "kbump test server CA" ] || fail "issuer: $(issuer 446)"
	[ "$(stat bypassed)" = "$((before + 1))" ] || fail "$(kbump stat show)"
	kbump rule del pref 1
	[ "$(issuer 446)" = "kbump test box CA" ] || fail "issuer: $(issuer 446)"
}

blocked()
{
	local before status address

	needs_kbump
	before=$(stat blocked)
	kbump rule add pref 1 dport 446 action block
	for address in "$SERVER4" "$SERVER6"; do
		in_ns "$CLIENT" timeout "$WAIT" bash -c ": >/dev/tcp/$address/446" >"$DIR/out" 2>&1 &&
			fail "connected"
		grep 'Connection refused' "$DIR/out" || fail "$(cat "$DIR/out")"
	done
	[ "$(stat blocked)" = "$((before + 2))" ] || fail "$(kbump stat show)"
	kbump rule del pref 1
}

# Rules by address: the most specific is not preferred, the first is.
by_address()
{
	needs_kbump
	kbump rule add pref 1 from "$CLIENT4/32" to 10.2.0.0/24 dport 446 action bypass
	kbump rule add pref 2 from fd01::/64 dport 446 action block
	kbump rule add pref 3 iif s0 dport 446 action block
	[ "$(issuer 446)" = "kbump test server CA" ] || fail "issuer: $(issuer 446)"
	[ "$(kbump -j -s rule show | value '[r["hits"] for r in d][:3]')" = "[1, 0, 0]" ] ||
		fail "$(kbump -s rule show)"
	kbump rule del pref 1
	kbump rule del pref 2
	kbump rule del pref 3
}

by_mark()
{
	needs_kbump
	nft_box <<-NFT
		table inet choose {
			chain pre {
				type filter hook prerouting priority mangle; policy accept;
				tcp dport 8443 meta mark set 0x15
			}
		}
	NFT
	kbump rule add pref 1 mark 0x10/0xf0 action inspect tool ids
	[ "$(issuer 8443)" = "kbump test box CA" ] || fail "issuer: $(issuer 8443)"
	kbump rule del pref 1
	settle
	in_ns "$BOX" nft flush ruleset
	[ "$(issuer 8443)" = "kbump test server CA" ] || fail "issuer: $(issuer 8443)"
}

# What connection tracking knows at the first packet.
by_conntrack()
{
	local pref

	needs_kbump
	nft_box <<-NFT
		table inet track {
			chain raw {
				type filter hook prerouting priority raw; policy accept;
				ct zone set 7
			}
			chain mangle {
				type filter hook prerouting priority mangle; policy accept;
				tcp dport 446 ct mark set 0x42
			}
		}
	NFT
	kbump rule add pref 1 dport 446 zone 7 ctmark 0x40/0xf0 action bypass
	kbump rule add pref 2 dport 446 not ctmark 0 action block
	kbump rule add pref 3 dport 443 not zone 7 action block
	[ "$(issuer 446)" = "kbump test server CA" ] || fail "issuer: $(issuer 446)"
	[ "$(issuer 443)" = "kbump test box CA" ] || fail "issuer: $(issuer 443)"
	[ "$(kbump -j -s rule show | value '[r["hits"] for r in d][:3]')" = "[1, 0, 0]" ] ||
		fail "$(kbump -s rule show)"
	kbump -j -s rule show | value "'last_hit' in d[0] and not 'last_hit' in d[1]" | grep true
	settle
	in_ns "$BOX" nft flush ruleset
	# Nothing tracks now: there is neither zone nor mark.
	[ -z "$(issuer 443)" ] || fail "issuer: $(issuer 443)"
	for pref in 1 2 3; do
		kbump rule del pref "$pref"
	done
	settle
}

by_vlan()
{
	local found pref

	needs_kbump
	ip -n "$CLIENT" -batch - <<-IP
		link add link eth0 name eth0.5 type vlan id 5
		addr add 10.5.0.2/24 dev eth0.5
		link set eth0.5 up
		route add $SERVER4/32 via 10.5.0.1 dev eth0.5 src 10.5.0.2
	IP
	ip -n "$BOX" -batch - <<-IP
		link add link c0 name c0.5 type vlan id 5
		addr add 10.5.0.1/24 dev c0.5
		link set c0.5 up
	IP
	wait_for "$WAIT" reachable "$SERVER4"
	kbump rule add pref 1 dport 446 vlan 1-4,6-4095 action block
	kbump rule add pref 2 dport 446 not vlan 5 action block
	kbump rule add pref 3 dport 446 vlan 5 action bypass
	found=$(issuer 446)
	ip -n "$CLIENT" link del eth0.5
	ip -n "$BOX" link del c0.5
	[ "$found" = "kbump test server CA" ] || fail "issuer: $found, $(kbump -s rule show)"
	wait_for "$WAIT" reachable "$SERVER4"
	[ -z "$(issuer 446)" ] || fail "issuer: $(issuer 446)"
	[ "$(kbump -j -s rule show | value '[r["hits"] for r in d][:3]')" = "[0, 1, 1]" ] ||
		fail "$(kbump -s rule show)"
	for pref in 1 2 3; do
		kbump rule del pref "$pref"
	done
}

# A connection that is older than the rule goes on as it was.
older_than_the_rule()
{
	needs_kbump
	kbump rule flush
	rm -f "$DIR/go"
	CLIENT_CA=$PKI/server-ca.crt peer older --go "$DIR/go" echo
	wait_for "$WAIT" has_line "$DIR/older.log" half-way || fail "$(cat "$DIR/older.log")"
	kbump rule add dport 443-449 action inspect tool ids
	: >"$DIR/go"
	wait_for "$WAIT" has_line "$DIR/older.log" 'end closed' || fail "$(cat "$DIR/older.log")"
	inspected
}

# The reverse: the flow goes on when its rule is gone.
younger_than_the_rule()
{
	needs_kbump
	rm -f "$DIR/go"
	peer younger --go "$DIR/go" echo
	wait_for "$WAIT" has_line "$DIR/younger.log" half-way || fail "$(cat "$DIR/younger.log")"
	kbump rule flush
	: >"$DIR/go"
	wait_for "$WAIT" has_line "$DIR/younger.log" 'end closed' || fail "$(cat "$DIR/younger.log")"
	[ "$(issuer 443)" = "kbump test server CA" ] || fail "issuer: $(issuer 443)"
	kbump rule add dport 443-449 action inspect tool ids
}

udp_untouched()
{
	peer_run --port 449 udp >"$DIR/out" || fail "$(cat "$DIR/out")"
	has_line "$DIR/out" 'answer datagram'
}

# The same 5-tuple again, as soon as the flow before it has ended.
same_port_again()
{
	local try

	needs_kbump
	for try in 1 2 3; do
		fetch4 443 /hello.txt --http1.1 --local-port 40000 >"$DIR/out" 2>&1 && continue
		# The client's own TIME_WAIT: not of our making.
		grep -q -i 'bind\|address already' "$DIR/out" || fail "try $try: $(cat "$DIR/out")"
	done
	settle
}

# Sockets of the box that listen: none may be reached from outside.
no_open_listener()
{
	local port address

	needs_kbump
	in_ns "$BOX" ss -Hltn | awk '{ sub(/.*:/, "", $4); print $4 }' | sort -un >"$DIR/ports"
	cat "$DIR/ports"
	while read -r port; do
		for address in "$BOX4" "$BOX6" 10.2.0.1 fd02::1 "$SERVER4" "$SERVER6"; do
			peer_run --timeout 5 --address "$address" --port "$port" connect >"$DIR/out"
			if has_line "$DIR/out" '^connected'; then
				fail "port $port of $address can be reached"
			fi
		done
	done <"$DIR/ports"
}

limit_share()
{
	echo "$1" >/sys/module/kbump/parameters/max_handshakes_per_client
}

holds()
{
	[ "$(stat handshakes)" = "$1" ]
}

# A client that only connects gets no more than its share; others get theirs.
share_of_a_client()
{
	local before normal

	needs_kbump
	normal=$(cat /sys/module/kbump/parameters/max_handshakes_per_client)
	before=$(stat fail_share)
	limit_share 3
	# shellcheck disable=SC2016 # the inner shell's
	spawn hold "$CLIENT" bash -c 'for i in 1 2 3; do exec {fd}<>"/dev/tcp/$0/444"; done
		sleep 1000' "$SERVER4"
	wait_for "$WAIT" holds 3
	[ "$(issuer 443)" = "kbump test server CA" ] || fail "the fourth was opened"
	[ "$(stat fail_share)" = $((before + 1)) ] || fail "fail_share: $(stat fail_share)"
	fetch6 443 /hello.txt >/dev/null
	reap hold
	settle
	[ "$(issuer 443)" = "kbump test box CA" ] || fail "its share was not given back"
	limit_share "$normal"
}

# Another namespace knows nothing of this one's rules.
namespaces_are_apart()
{
	needs_kbump
	[ -z "$(in_ns "$SERVER" "$BUILD/kbump" rule show)" ]
	[ -z "$(in_ns "$SERVER" "$BUILD/kbump" tool show)" ]
	[ -z "$(in_ns "$SERVER" "$BUILD/kbump" flow show)" ]
}

setup
start_nginx || bail_out "nginx does not start"
start_peer || bail_out "the python server does not start"
spawn plain "$SERVER" /usr/bin/python3 -IS "$SELFTESTS/peer.py" plain 449
wait_for "$WAIT" listens "$SERVER" 449
routing >"$DIR/routing"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
run_case "no route and no rule is added" no_routes_added
run_case "strict reverse path filter" strict_rp_filter
run_case "SYN cookies" syn_cookies
run_case "ICMP errors about a leg" icmp_errors
run_case "a port without rule is untouched" other_port_untouched
run_case "UDP is untouched" udp_untouched
run_case "bypass" bypassed
run_case "block" blocked
run_case "rules by address and interface" by_address
run_case "rules by mark" by_mark
run_case "rules by conntrack's zone and mark" by_conntrack
run_case "rules by VLAN" by_vlan
run_case "connections older than the rule" older_than_the_rule
run_case "flows younger than the rule's end" younger_than_the_rule
run_case "the same client port again" same_port_again
run_case "no listener is open to the network" no_open_listener
run_case "namespaces are apart" namespaces_are_apart
run_case "a client's share of the handshakes" share_of_a_client
run_case "stateful ruleset" stateful
run_case "INPUT drops all" input_drop
run_case "masquerade" masquerade
run_case "destination NAT" redirected
finish
