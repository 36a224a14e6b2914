#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A wire between two hosts of one subnet: whatever they send crosses it unchanged, what is inspected
# looks as if it had, and neither of them sees the box.

. "$(dirname "$0")/wire-lib.sh"

# ---- what crosses

passes()
{
	local size

	needs_kbump
	for size in 56 1400; do
		in_ns "$CLIENT" ping -c 3 -i 0.1 -W 5 -s "$size" "$SERVER4"
		in_ns "$CLIENT" ping -c 3 -i 0.1 -W 5 -s "$size" "$SERVER6"
	done
	fetch4 8443 /hello.txt --cacert "$PKI/server-ca.crt" | diff "$DIR/www/hello.txt" -
}

has_last()
{
	tcpdump -n -r "$DIR/$1.pcap" -A 2>/dev/null | grep -q 'the last'
}

# unchanged FROM TO MTU: frames of every kind, as they left one host and came to the other.
unchanged()
{
	local mtu=$3 point

	needs_kbump
	set_mtu "$mtu"
	record sent "$1" 'ether src 02:00:00:00:00:aa'
	record arrived "$2" 'ether src 02:00:00:00:00:aa'
	in_ns "$1" /usr/bin/python3 -IS "$SELFTESTS/frames.py" send eth0 "$mtu"
	wait_for "$WAIT" has_last sent
	wait_for "$WAIT" has_last arrived
	for point in sent arrived; do
		reap "$point" INT
		/usr/bin/python3 -IS "$SELFTESTS/frames.py" dump "$DIR/$point.pcap" >"$DIR/$point.txt"
	done
	[ "$(wc -l <"$DIR/sent.txt")" = 27 ] || fail "$(wc -l <"$DIR/sent.txt") frames were sent"
	diff "$DIR/sent.txt" "$DIR/arrived.txt" || fail "not the same frames"
}

# ---- what real programs say to each other

has_mark()
{
	tcpdump -n -r "$DIR/$1.pcap" -A 2>/dev/null | grep -q "mark $2"
}

# mark WORD: in both directions
mark()
{
	local point

	in_ns "$CLIENT" /usr/bin/python3 -IS "$SELFTESTS/frames.py" mark eth0 "mark $1"
	in_ns "$SERVER" /usr/bin/python3 -IS "$SELFTESTS/frames.py" mark eth0 "mark $1"
	for point in client-out server-in server-out client-in; do
		wait_for "$WAIT" has_mark "$point" "$1"
	done
}

# between POINT: the frames between the marks
between()
{
	/usr/bin/python3 -IS "$SELFTESTS/frames.py" dump "$DIR/$1.pcap" |
		awk -v mark="$(printf 'mark ' | od -An -tx1 | tr -d ' ')" '
			index($0, mark) { marks++; next } marks == 1' | sort
}

# same FROM TO: what one sent is what the other got.
same()
{
	between "$1" >"$DIR/sent"
	between "$2" >"$DIR/arrived"
	echo "$1: $(wc -l <"$DIR/sent") frames"
	[ "$(wc -l <"$DIR/sent")" -gt 50 ] || fail "too few"
	diff "$DIR/sent" "$DIR/arrived" || fail "not the same frames"
}

lease()
{
	cat >"$DIR/udhcpd.conf" <<-CONF
		interface eth0
		start 10.3.0.1
		end 10.3.0.9
		lease_file $DIR/leases
		pidfile $DIR/udhcpd.pid-file
		option subnet 255.0.0.0
	CONF
	: >"$DIR/leases"
	spawn udhcpd "$SERVER" busybox udhcpd -f "$DIR/udhcpd.conf"
	in_ns "$CLIENT" busybox udhcpc -f -n -q -t 10 -i eth0 -s /bin/true
	reap udhcpd
}

bond_partner()
{
	in_ns "$1" cat /sys/class/net/bond0/bonding/ad_partner_mac
}

are_partners()
{
	[ "$(bond_partner "$CLIENT")" = "$(mac "$SERVER" bond0)" ] &&
		[ "$(bond_partner "$SERVER")" = "$(mac "$CLIENT" bond0)" ]
}

# In a VLAN, so that eth0 itself remains what it is.
aggregate()
{
	local ns

	modprobe bonding max_bonds=0
	for ns in "$CLIENT" "$SERVER"; do
		ip -n "$ns" -batch - <<-IP
			link add link eth0 name v5 type vlan id 5
			link add bond0 type bond mode 802.3ad miimon 100 lacp_rate fast
			link set v5 master bond0
			link set bond0 up
		IP
	done
	wait_for "$WAIT" are_partners || fail "no partners"
	ip -n "$CLIENT" link del bond0
	ip -n "$SERVER" link del bond0
	ip -n "$CLIENT" link del v5
	ip -n "$SERVER" link del v5
}

# A tunnel, with long frames that are still to be cut.
tunnel()
{
	local ns other

	for ns in "$CLIENT" "$SERVER"; do
		other=$SERVER4
		[ "$ns" = "$CLIENT" ] || other=$CLIENT4
		ip -n "$ns" link add vx0 type vxlan id 9 dstport 4789 remote "$other" dev eth0
		ip -n "$ns" link set vx0 up
	done
	ip -n "$CLIENT" addr add 192.168.5.1/24 dev vx0
	ip -n "$SERVER" addr add 192.168.5.2/24 dev vx0
	head -c 300000 /dev/urandom >"$DIR/www/large"
	in_ns "$CLIENT" curl -sS --max-time "$WAIT" -k --noproxy '*' https://192.168.5.2:443/large |
		cmp - "$DIR/www/large" || fail "not intact"
	ip -n "$CLIENT" link del vx0
	ip -n "$SERVER" link del vx0
}

# What each host sends is what the other one gets.
programs()
{
	local point

	needs_kbump
	record client-out "$CLIENT" -Q out
	record server-in "$SERVER" -Q in
	record server-out "$SERVER" -Q out
	record client-in "$CLIENT" -Q in
	mark first
	ip -n "$CLIENT" neigh flush all
	ip -n "$SERVER" neigh flush all
	passes
	lease
	aggregate
	tunnel
	mark last
	for point in client-out server-in server-out client-in; do
		reap "$point" INT
	done
	same client-out server-in
	same server-out client-in
}

# ---- what is inspected

jumbo()
{
	needs_kbump
	ip -n "$BOX" link set tool0 mtu 9000
	ip -n "$TOOL" link set mon0 mtu 9000
	unchanged "$CLIENT" "$SERVER" 9000
	opened_46 jumbo
	transfer_begin
	transfer_end
	settle
	set_mtu 1500
}

inspected()
{
	needs_kbump
	opened_46 tls13 --tlsv1.3
	opened_46 tls12 --tls-max 1.2
}

# All that either host sees has the stations, hops and services of the other.
looks_untouched()
{
	local point

	needs_kbump
	in_ns "$CLIENT" sysctl -qw net.ipv4.ip_default_ttl=37
	in_ns "$SERVER" sysctl -qw net.ipv4.ip_default_ttl=53
	record at-client "$CLIENT" 'tcp port 443'
	record at-server "$SERVER" 'tcp port 443'
	fetch4 443 /hello.txt | diff "$DIR/www/hello.txt" -
	record_stop at-client at-server
	for point in at-client at-server; do
		read_pcap "$DIR/$point.pcap" -T fields -e ip.src -e eth.src -e eth.dst \
			-e ip.ttl | sort -u >"$DIR/seen"
		cat "$DIR/seen"
		grep -v -x -e "$CLIENT4	$(mac "$CLIENT")	$(mac "$SERVER")	37" \
			-e "$SERVER4	$(mac "$SERVER")	$(mac "$CLIENT")	53" \
			-e "$SERVER4	$(mac "$SERVER")	$(mac "$CLIENT")	64" "$DIR/seen" &&
			fail "$point sees something else"
	done
	in_ns "$CLIENT" sysctl -qw net.ipv4.ip_default_ttl=64
	in_ns "$SERVER" sysctl -qw net.ipv4.ip_default_ttl=64
}

# Nor does the box say anything by itself, when ports and the wire come up again.
no_trace()
{
	local ns dev

	needs_kbump
	for dev in c0 s0 w0; do
		printf 'ether src %s or ' "$(mac "$BOX" "$dev")"
	done | sed 's/ or $//' >"$DIR/filter"
	record sent "$CLIENT" "$(cat "$DIR/filter")"
	record arrived "$SERVER" "$(cat "$DIR/filter")"
	for dev in c0 s0 w0; do
		ip -n "$BOX" link set "$dev" down
		ip -n "$BOX" link set "$dev" up
	done
	wait_reachable
	# The kernel would look for IPv6 neighbours and routers for a few seconds.
	in_ns "$CLIENT" ping -q -c 30 -i 0.2 "$SERVER4"
	reap sent INT
	reap arrived INT
	tcpdump -n -e -r "$DIR/sent.pcap" 2>/dev/null
	tcpdump -n -e -r "$DIR/arrived.pcap" 2>/dev/null
	[ "$("$BUILD/selftests/pcapcat" -c "$DIR/sent.pcap")" = 0 ] || fail "the box speaks to the client"
	[ "$("$BUILD/selftests/pcapcat" -c "$DIR/arrived.pcap")" = 0 ] || fail "the box speaks to the server"
	opened_46 no-trace
	for ns in "$CLIENT" "$SERVER"; do
		ip -n "$ns" neigh show nud reachable nud stale nud delay nud probe >"$DIR/neighbours"
		cat "$DIR/neighbours"
		grep -F -e "$(mac "$BOX" c0)" -e "$(mac "$BOX" s0)" -e "$(mac "$BOX" w0)" "$DIR/neighbours" &&
			fail "the box is known"
	done
	return 0
}

by_rules()
{
	needs_kbump
	rule iif w0 sni "$NAME" action bypass
	sees 443 "$NAME" "kbump test server CA"
	kbump rule del pref 5
	rule iif s0 action bypass
	sees 443 "$NAME" "kbump test box CA"
	kbump rule del pref 5
	rule iif c0 action bypass
	sees 443 "$NAME" "kbump test server CA"
	kbump rule del pref 5
	rule dport 443 action block
	peer_run --port 443 connect | grep ConnectionRefusedError || fail "not refused"
	peer_run --address "$SERVER6" --port 443 connect | grep ConnectionRefusedError ||
		fail "not refused by IPv6"
	settle
}

blocked_udp()
{
	local before

	needs_kbump
	before=$(stat udp_blocked)
	rule proto udp dport 443 action block
	for address in "$SERVER4" "$SERVER6"; do
		echo 'ask hello' | in_ns "$CLIENT" timeout "$WAIT" /usr/bin/python3 -IS \
			"$SELFTESTS/udp.py" client "$address" 443 | grep refused ||
			fail "UDP is not refused"
	done
	[ "$(stat udp_blocked)" = $((before + 2)) ] || fail "$(kbump stat show)"
}

shows()
{
	[ "$(tcpdump -n -r "$DIR/on-wire.pcap" "$1" 2>/dev/null | wc -l)" -ge "$2" ]
}

# Who looks at the wire's own device sees both directions, and what is taken out of them.
looked_at()
{
	needs_kbump
	spawn on-wire "$BOX" tcpdump -n -U -i w0 -w "$DIR/on-wire.pcap"
	wait_for "$WAIT" has_line "$DIR/on-wire.log" 'listening on'
	in_ns "$CLIENT" ping -q -c 3 -i 0.1 "$SERVER4"
	fetch4 443 /hello.txt | diff "$DIR/www/hello.txt" -
	wait_for "$WAIT" shows "icmp and src $CLIENT4 and icmp[0] = 8" 3
	wait_for "$WAIT" shows "icmp and src $SERVER4 and icmp[0] = 0" 3
	wait_for "$WAIT" shows "tcp dst port 443 and src $CLIENT4 and tcp[13] & 1 != 0" 2
	wait_for "$WAIT" shows "tcp src port 443 and dst $CLIENT4 and tcp[13] & 1 != 0" 2
	reap on-wire INT
	settle
}

all_drops()
{
	kbump -j -s wire show | value \
		'[n for key, n in (d[0] if isinstance(d, list) else d).items() if "drop" in key]'
}

# What does not pass is counted by why it does not.
drops()
{
	local down long rule

	needs_kbump
	down=$(wire in_drop_down) long=$(wire in_drop_long) rule=$(wire in_drop_rule)
	ip -n "$BOX" link set w0 down
	! in_ns "$CLIENT" ping -q -c 2 -i 0.1 -W 1 "$SERVER4" || fail "it is down"
	ip -n "$BOX" link set w0 up
	[ "$(wire in_drop_down)" -ge $((down + 2)) ] || fail "down: $(kbump -s wire show)"
	ip -n "$BOX" link set s0 mtu 1400
	! in_ns "$CLIENT" ping -q -M "do" -c 2 -i 0.1 -W 1 -s 1472 "$SERVER4" || fail "too long"
	ip -n "$BOX" link set s0 mtu 1500
	[ "$(wire in_drop_long)" = $((long + 2)) ] || fail "long: $(kbump -s wire show)"
	rule dport 447 action block
	peer_run --port 447 connect | grep ConnectionRefusedError
	[ "$(wire in_drop_rule)" = $((rule + 1)) ] || fail "rule: $(kbump -s wire show)"
	wait_served
}

shown()
{
	local before drops

	needs_kbump
	kbump -s wire show
	[ "$(wire inside) $(wire outside) $(wire state) $(wire bypass) $(wire link)" = \
	  'c0 s0 up off off' ] || fail "$(kbump wire show)"
	before=$(wire in_frames)
	drops=$(all_drops)
	in_ns "$CLIENT" ping -q -c 5 -i 0.1 "$SERVER4"
	[ "$(wire in_frames)" -ge $((before + 5)) ] || fail "$(kbump -s wire show)"
	[ "$(all_drops)" = "$drops" ] || fail "$(kbump -s wire show)"
	kbump wire set w0 inside s0
	[ "$(wire inside) $(wire outside)" = 's0 c0' ] || fail "$(kbump wire show)"
	kbump wire set w0 inside c0
	! kbump wire set w0 inside tool0 2>"$DIR/out" || fail "another device"
	grep 'no port of the wire' "$DIR/out"
	! kbump wire set w9 bypass on 2>"$DIR/out" || fail "no wire"
	grep 'no wire has this name' "$DIR/out"
}

# Nothing new is opened; what is there goes on.
bypassed()
{
	needs_kbump
	transfer_begin
	kbump wire set w0 bypass on
	sees 443 "$NAME" "kbump test server CA"
	transfer_end
	kbump wire set w0 bypass off
	sees 443 "$NAME" "kbump test box CA"
	settle
}

has_carrier()
{
	[ "$(in_ns "$1" cat /sys/class/net/eth0/carrier)" = "$2" ]
}

# One side sees what becomes of the other, if asked.
link_follows()
{
	needs_kbump
	spawn monitor "$BOX" "$BUILD/kbump" -j monitor wire
	wait_for "$WAIT" monitoring monitor
	ip -n "$SERVER" link set eth0 down
	wait_for "$WAIT" has_line "$DIR/monitor.log" '"state":"down"'
	has_carrier "$CLIENT" 1 || fail "not asked"
	kbump wire set w0 link on
	wait_for "$WAIT" has_carrier "$CLIENT" 0
	ip -n "$SERVER" link set eth0 up
	wait_for "$WAIT" has_carrier "$CLIENT" 1
	ip -n "$CLIENT" link set eth0 down
	wait_for "$WAIT" has_carrier "$SERVER" 0
	ip -n "$CLIENT" link set eth0 up
	wait_for "$WAIT" has_carrier "$SERVER" 1
	ip -n "$SERVER" link set eth0 down
	wait_for "$WAIT" has_carrier "$CLIENT" 0
	kbump wire set w0 link off
	wait_for "$WAIT" has_carrier "$CLIENT" 1
	ip -n "$SERVER" link set eth0 up
	reap monitor INT
	ip -n "$CLIENT" addr replace "$CLIENT6/$LENGTH6" dev eth0 nodad
	ip -n "$SERVER" addr replace "$SERVER6/$LENGTH6" dev eth0 nodad
	wait_reachable
	opened_46 after-link
}

is_told()
{
	[ "$(tail -n 1 "$DIR/told")" = "relay $1" ]
}

# A relay is told whenever the wire ceases to pass or to inspect, and when that is over.
hardware_bypass()
{
	needs_kbump
	: >"$DIR/told"
	cat >"$DIR/relay" <<-RELAY
		#!/bin/sh
		echo "relay \$1" >>$DIR/told
	RELAY
	chmod +x "$DIR/relay"
	PATH=$BUILD:$PATH spawn bypass "$BOX" "$TOP/Documentation/examples/hardware-bypass" w0 \
		"$DIR/relay"
	wait_for "$WAIT" is_told off
	kbump wire set w0 bypass on
	wait_for "$WAIT" is_told on
	kbump wire set w0 bypass off
	wait_for "$WAIT" is_told off
	ip -n "$BOX" link set s0 nomaster
	wait_for "$WAIT" is_told on
	ip -n "$BOX" link set s0 master w0
	wait_for "$WAIT" is_told off
	ip -n "$BOX" link set w0 down
	wait_for "$WAIT" is_told on
	ip -n "$BOX" link set w0 up
	wait_for "$WAIT" is_told off
	ip -n "$SERVER" link set eth0 down
	kbump wire set w0 bypass on
	wait_for "$WAIT" is_told on
	kbump wire set w0 bypass off
	wait_for "$WAIT" is_told off
	reap bypass
	is_told on || fail "not at the end"
	ip -n "$SERVER" link set eth0 up
	ip -n "$SERVER" addr replace "$SERVER6/$LENGTH6" dev eth0 nodad
	printf 'relay %s\n' off on off on off on off on off on | diff - "$DIR/told" || fail "too often"
	wait_served
}

no_helper()
{
	needs_kbump
	reap kbumpd
	sees 443 "$NAME" "kbump test server CA"
	start_kbumpd
	wait_served
	opened_46 again
}

# tagged NAME TAG...: both hosts in VLANs, one in the other.
tagged()
{
	local name=$1 ns dev tag

	needs_kbump
	shift
	for ns in "$CLIENT" "$SERVER"; do
		dev=eth0
		ip -n "$ns" addr flush dev eth0
		for tag; do
			ip -n "$ns" link add link "$dev" name "$name.$tag" type vlan id "$tag"
			dev=$name.$tag
			ip -n "$ns" link set "$dev" up
		done
	done
	ip -n "$CLIENT" addr add "$CLIENT4/$LENGTH4" dev "$dev"
	ip -n "$CLIENT" addr add "$CLIENT6/$LENGTH6" dev "$dev" nodad
	ip -n "$SERVER" addr add "$SERVER4/$LENGTH4" dev "$dev"
	ip -n "$SERVER" addr add "$SERVER6/$LENGTH6" dev "$dev" nodad
	wait_reachable
	opened_46 "$name"
	rule vlan "$1" action bypass
	sees 443 "$NAME" "kbump test server CA"
	kbump rule del pref 5
	for ns in "$CLIENT" "$SERVER"; do
		ip -n "$ns" link del "$name.$1"
	done
	host_addresses "$CLIENT" "$CLIENT4" "$CLIENT6"
	host_addresses "$SERVER" "$SERVER4" "$SERVER6"
	wait_reachable
}

mistakes()
{
	needs_kbump
	! ip -n "$BOX" link set tool0 master w0 2>"$DIR/out" || fail "a third port"
	grep 'two ports' "$DIR/out"
	! ip -n "$BOX" link set lo master w0 2>"$DIR/out" || fail "the loopback device"
	ip -n "$BOX" link add w1 type kbump
	! ip -n "$BOX" link set w0 master w1 2>"$DIR/out" || fail "a wire in a wire"
	ip -n "$BOX" link set tool0 master w1
	ip -n "$BOX" link del w1
}

# Twice over the wire, in two VLANs, as by a router on a stick: the second crossing passes.
twice()
{
	needs_kbump
	ip -n "$CLIENT" link add link eth0 name v7 type vlan id 7
	ip -n "$CLIENT" addr add 10.77.0.1/24 dev v7
	ip -n "$CLIENT" link set v7 up
	ip -n "$SERVER" link add link eth0 name v7 type vlan id 7
	ip -n "$SERVER" link add link eth0 name v8 type vlan id 8
	ip -n "$SERVER" addr add 10.77.0.2/24 dev v7
	ip -n "$SERVER" addr add 10.88.0.2/24 dev v8
	ip -n "$SERVER" link set v7 up
	ip -n "$SERVER" link set v8 up
	in_ns "$SERVER" sysctl -qw net.ipv4.ip_forward=1
	ip netns add "${CLIENT}far"
	ip -n "$CLIENT" link add link eth0 name v8 type vlan id 8
	ip -n "$CLIENT" link set v8 netns "${CLIENT}far"
	ip -n "${CLIENT}far" addr add 10.88.0.1/24 dev v8
	ip -n "${CLIENT}far" link set v8 up
	ip -n "${CLIENT}far" route add default via 10.88.0.2
	ip -n "$CLIENT" route add 10.88.0.0/24 via 10.77.0.2
	spawn far "${CLIENT}far" openssl s_server -accept 449 -www -cert "$PKI/ecdsa.crt" \
		-key "$PKI/ecdsa.key"
	wait_for "$WAIT" listens "${CLIENT}far" 449
	in_ns "$CLIENT" timeout "$WAIT" openssl s_client -connect 10.88.0.1:449 -servername "$NAME" \
		</dev/null 2>/dev/null | openssl x509 -noout -issuer | grep 'kbump test box CA' ||
		fail "not inspected"
	reap far
	settle
	ip netns del "${CLIENT}far"
	ip -n "$CLIENT" link del v7
	ip -n "$SERVER" link del v7
	ip -n "$SERVER" link del v8
}

# The host's own rules have no say.
drop_all()
{
	needs_kbump
	nft_box <<-NFT
		table inet t {
			chain pre { type filter hook prerouting priority mangle; policy drop; }
			chain input { type filter hook input priority 0; policy drop; iif lo accept; }
			chain output { type filter hook output priority 0; policy drop; oif lo accept; }
			chain post { type filter hook postrouting priority 0; policy drop; oif lo accept; }
		}
	NFT
	opened_46 drop-all
	clear_nft
}

readonly SIZE=300000

setup_all
run_case "what is not inspected passes" passes
run_case "frames of every kind" unchanged "$CLIENT" "$SERVER" 1500
run_case "the other way round" unchanged "$SERVER" "$CLIENT" 1500
run_case "real programs" programs
run_case "connections are inspected" inspected
run_case "long frames" jumbo
run_case "they look untouched" looks_untouched
run_case "no trace of the box" no_trace
run_rule_case "rules" by_rules
run_rule_case "UDP" blocked_udp
run_rule_case "left alone, with a tool" tapped
run_case "shown and set" shown
run_case "looked at" looked_at
run_rule_case "drops" drops
run_case "bypass" bypassed
run_case "the link of the other side" link_follows
run_rule_case "a VLAN" tagged vlan 7
run_rule_case "a VLAN in a VLAN" tagged qinq 7 9
run_case "a bypass relay" hardware_bypass
run_case "no helper" no_helper
run_case "what is no port" mistakes
run_case "the host drops all" drop_all
run_case "two times over the wire" twice
finish
