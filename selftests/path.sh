#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What stations and routers at both ends of a wire do to packets of connections that are inspected:
# fragments, shorter links, congestion, groups of stations; and connections that began before.

. "$(dirname "$0")/wire-lib.sh"

readonly FAR4=192.168.9.2 FAR6=2001:db8:9::2

# seen POINT: packets in a capture that is going on
seen()
{
	"$BUILD/selftests/pcapcat" -c "$DIR/$1.pcap" 2>/dev/null
}

any_seen()
{
	[ "$(seen "$1")" -gt 0 ]
}

# frames MODE FROM TO: of the first packet of a connection to port 443; see frames.py
frames()
{
	in_ns "$CLIENT" /usr/bin/python3 -IS "$SELFTESTS/frames.py" "$1" eth0 "$(mac "$SERVER")" \
		"$2" "$3" 443
}

# A router in front of the client cuts what it sends.
fragments()
{
	needs_kbump
	far_behind "$CLIENT" "$FAR4" "$FAR6"
	in_ns "${CLIENT}far" sysctl -qw net.ipv4.ip_no_pmtu_disc=1
	ip -n "$CLIENT" route add "$SERVER4" dev eth0 mtu lock 600
	record at-client "$CLIENT" 'tcp dst port 444 or ip[6:2] & 0x1fff != 0'
	in_ns "${CLIENT}far" /usr/bin/python3 -IS "$SELFTESTS/peer.py" client --ca "$CLIENT_CA" \
		--size 100000 up >"$DIR/out" || fail "$(cat "$DIR/out")"
	cat "$DIR/out"
	grep 'stored 100000 intact' "$DIR/out" || fail "not all came"
	wait_for "$WAIT" has_fragments || fail "there were no fragments"
	reap at-client INT
	settle
}

has_fragments()
{
	[ "$(read_pcap "$DIR/at-client.pcap" -Y 'ip.frag_offset > 0' | wc -l)" -gt 100 ]
}

# Both address families, TCP's options in the second one.
first_in_fragments()
{
	local before

	needs_kbump
	before=$(stat steered)
	record at-client "$CLIENT" "ip src $SERVER4 and tcp[13] & 0x12 = 0x12"
	frames split "$CLIENT4" "$SERVER4"
	wait_for "$WAIT" any_seen at-client || fail "no answer"
	reap at-client INT
	record at-client "$CLIENT" "ip6 src $SERVER6 and ip6[53] & 0x12 = 0x12"
	frames split "$CLIENT6" "$SERVER6"
	wait_for "$WAIT" any_seen at-client || fail "no answer by IPv6"
	reap at-client INT
	[ "$(stat steered)" = $((before + 2)) ] || fail "$(kbump stat show)"
	kbump flow del all
	settle
}

# Nothing of it is understood at the other end without the first fragment.
hides_header()
{
	local before frames

	needs_kbump
	before=$(wire in_drop_cut)
	frames cut "$CLIENT4" "$SERVER4"
	frames cut "$CLIENT6" "$SERVER6"
	wait_for "$WAIT" counts in_drop_cut $((before + 3)) || fail "$(kbump -s wire show)"
	kbump wire set w0 bypass on
	frames=$(wire in_frames)
	frames cut "$CLIENT4" "$SERVER4"
	wait_for "$WAIT" counts in_frames $((frames + 2)) || fail "$(kbump -s wire show)"
	[ "$(wire in_drop_cut)" = $((before + 3)) ] || fail "not with bypass: $(kbump -s wire show)"
}

# counts KEY NUMBER: so many, or more
counts()
{
	[ "$(wire "$1")" -ge "$2" ]
}

# up_to ADDRESS: what is sent there is too long for its link at first.
up_to()
{
	peer_run --address "$1" --port 449 --size 300000 up >"$DIR/out" || fail "$(cat "$DIR/out")"
	grep 'stored 300000 intact' "$DIR/out" || fail "$(cat "$DIR/out")"
	settle
}

# The box has sent what is too long, and the client hears nothing of it.
shorter_link()
{
	local before4 before6 seen4 seen6

	needs_kbump
	far_behind "$SERVER" "$FAR4" "$FAR6"
	ip -n "$SERVER" route add "$FAR4" dev far0 mtu lock 1300
	ip -n "$SERVER" route add "$FAR6" dev far0 mtu lock 1300
	spawn far "${SERVER}far" /usr/bin/python3 -IS "$SELFTESTS/peer.py" server \
		--cert "$PKI/ecdsa.crt" --key "$PKI/ecdsa.key" 449
	wait_for "$WAIT" listens "${SERVER}far" 449
	before4=$(netstat IcmpInDestUnreachs "$CLIENT")
	before6=$(netstat Icmp6InPktTooBigs "$CLIENT")
	seen4=$(netstat IcmpInDestUnreachs)
	seen6=$(netstat Icmp6InPktTooBigs)
	up_to "$FAR4"
	up_to "$FAR6"
	[ "$(netstat IcmpInDestUnreachs)" -gt "$seen4" ] || fail "the box has heard nothing"
	[ "$(netstat Icmp6InPktTooBigs)" -gt "$seen6" ] || fail "the box has heard nothing by IPv6"
	[ "$(netstat IcmpInDestUnreachs "$CLIENT")" = "$before4" ] || fail "the client was told"
	[ "$(netstat Icmp6InPktTooBigs "$CLIENT")" = "$before6" ] || fail "the client was told by IPv6"
	reap far
}

# ecn MODE: the flags of the first packets to the server, one a line, after a fetch by IPv4 and IPv6
ecn()
{
	in_ns "$CLIENT" sysctl -qw net.ipv4.tcp_ecn="$1"
	record at-server "$SERVER" 'tcp port 443 or ip6 proto 6'
	fetch4 443 /hello.txt | diff "$DIR/www/hello.txt" -
	fetch6 443 /hello.txt | diff "$DIR/www/hello.txt" -
	wait_for "$WAIT" two_closed at-server
	reap at-server INT
	in_ns "$CLIENT" sysctl -qw net.ipv4.tcp_ecn=2
	read_pcap "$DIR/at-server.pcap" -Y 'tcp.flags.syn == 1' -T fields -e tcp.flags | sort \
		>"$DIR/flags"
	cat "$DIR/flags"
}

two_closed()
{
	[ "$("$BUILD/selftests/pcapcat" "$DIR/$1.pcap" 2>/dev/null | grep -c 'closed$')" = 2 ]
}

# SYN, ACK, ECE, CWR are 0x02, 0x10, 0x40, 0x80.
congestion()
{
	needs_kbump
	ecn 1
	printf '%s\n' 0x0052 0x0052 0x00c2 0x00c2 | diff - "$DIR/flags" || fail "not offered"
	ecn 2
	printf '%s\n' 0x0002 0x0002 0x0012 0x0012 | diff - "$DIR/flags" || fail "offered"
	settle
}

# As a cluster of servers has it, which all get what comes to an address.
group_address()
{
	needs_kbump
	ip -n "$CLIENT" neigh replace "$SERVER4" lladdr 03:bf:0a:02:00:02 dev eth0
	in_ns "$SERVER" tc qdisc add dev eth0 clsact
	in_ns "$SERVER" tc filter add dev eth0 ingress matchall action skbedit ptype host
	record at-server "$SERVER" 'tcp port 443'
	record at-client "$CLIENT" 'tcp port 443'
	sees 443 "$NAME" "kbump test box CA"
	record_stop at-server at-client
	read_pcap "$DIR/at-client.pcap" -Y "ip.src == $SERVER4 && eth.src.ig == 1" | grep . &&
		fail "sent from a group"
	read_pcap "$DIR/at-server.pcap" -Y "ip.dst == $SERVER4 && eth.dst != 03:bf:0a:02:00:02" |
		grep . && fail "sent to another station"
	settle
}

# Nobody has seen its first packet.
begun_before()
{
	local CLIENT_CA=$PKI/server-ca.crt

	needs_kbump
	kbump wire set w0 bypass on
	transfer_begin
	kbump wire set w0 bypass off
	no_flows || fail "$(kbump flow show)"
	transfer_end
	no_flows || fail "$(kbump flow show)"
}

# As run_case(); the next case begins with the network as it was, however this one ends.
run_path_case()
{
	run_case "$@"
	{
		far_gone "$CLIENT"
		far_gone "$SERVER"
		ip -n "$CLIENT" route del "$SERVER4" dev eth0
		ip -n "$CLIENT" neigh del "$SERVER4" dev eth0
		in_ns "$CLIENT" sysctl -qw net.ipv4.tcp_ecn=2
		in_ns "$SERVER" tc qdisc del dev eth0 clsact
		kbump wire set w0 bypass off
		kbump flow del all
	} >/dev/null 2>&1
	wait_reachable
}

readonly SIZE=300000

setup_all
run_path_case "packets in fragments" fragments
run_path_case "the first packet in fragments" first_in_fragments
run_path_case "fragments that hide TCP's header" hides_header
run_path_case "ICMP errors about a leg" icmp_errors
run_path_case "a shorter link beyond" shorter_link
run_path_case "notification of congestion" congestion
run_path_case "a group of stations" group_address
run_path_case "connections that began before" begun_before
finish
