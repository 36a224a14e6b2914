#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What is not opened is not changed: the same bytes on both wires, seen by captures; and tools of a
# rule that bypasses get the same bytes once more.

. "$(dirname "$0")/lib.sh"

readonly NATTED=10.9.9.9
readonly LIMIT=/sys/module/kbump/parameters/max_taps
# More than the socket buffers of both ends hold when the client pauses.
readonly SIZE=3000000

# ---- captures

# offload on|off: with it, frames on the wires are longer than any cable's, and have no sums yet.
offload()
{
	local end

	for end in "$CLIENT eth0" "$BOX c0" "$BOX s0" "$SERVER eth0"; do
		# shellcheck disable=SC2086 # two words
		set -- "$1" $end
		in_ns "$2" ethtool -K "$3" tx "$1" tso "$1" gso "$1" >/dev/null
	done
}

# record POINT NETNS DEVICE [FILTER]: into POINT.pcap
record()
{
	reap "$1"
	rm -f "$DIR/$1.pcap"
	spawn "$1" "$2" tcpdump -n -U -s 0 -B 16384 -i "$3" -w "$DIR/$1.pcap" ${4+"$4"}
	wait_for "$WAIT" has_line "$DIR/$1.log" 'listening on'
}

# At both ends, and at the tool.
record_all()
{
	record client "$CLIENT" eth0 tcp
	record server "$SERVER" eth0 tcp
	record tool "$TOOL" mon0
}

frames()
{
	"$BUILD/selftests/pcapcat" -c "$DIR/$1.pcap"
}

same_number()
{
	[ "$(frames "$1")" = "$(frames "$2")" ]
}

# recorded POINT...: the connection is over, and all of it is there.
recorded()
{
	local point

	for point; do
		wait_for "$WAIT" is_closed "$point"
	done
	for point; do
		reap "$point" INT
		has_line "$DIR/$point.log" '^0 packets dropped by kernel' ||
			fail "$(cat "$DIR/$point.log")"
	done
}

# As before; each packet is at all of these points.
recorded_each()
{
	local point

	for point; do
		wait_for "$WAIT" is_closed "$point"
		wait_for "$WAIT" same_number "$1" "$point"
	done
	recorded "$@"
}

# segments POINT: each one with all that it says, into POINT.segments; their order may change.
segments()
{
	read_pcap "$DIR/$1.pcap" -T fields -e tcp.checksum.status -e ip.src -e ip.dst -e ipv6.src \
		-e ipv6.dst -e tcp.srcport -e tcp.dstport -e tcp.seq_raw -e tcp.ack_raw \
		-e tcp.flags -e tcp.window_size_value -e tcp.checksum -e tcp.options \
		-e tcp.payload | sort >"$DIR/$1.segments"
	[ -s "$DIR/$1.segments" ] || fail "$1: no segment"
}

# sums_right POINT: of its segments
sums_right()
{
	local bad

	bad=$(cut -f 1 "$DIR/$1.segments" | grep -v -x -e 1 -e Good | sort | uniq -c)
	[ -z "$bad" ] || fail "$1: sums that are not good: $bad"
}

# streams POINT [PORT]: what both sides sent, put together by numbers, into POINT.streams
streams()
{
	read_pcap "$DIR/$1.pcap" -Y 'tcp.len > 0' -T fields -e tcp.srcport -e tcp.seq \
		-e tcp.payload | awk -v port="${2:-443}" '{ $1 = $1 == port; print }' |
		sort -k 1,1n -k 2,2n -s | awk '
			BEGIN { ORS = "" }
			NR == 1 || $1 != side {
				side = $1
				at = 1
				print "\n" side " "
			}
			$2 > at {
				print " gap "
				at = $2
			}
			$2 + length($3) / 2 > at {
				print substr($3, 2 * (at - $2) + 1)
				at = $2 + length($3) / 2
			}' >"$DIR/$1.streams"
	# A ClientHello, and a ServerHello.
	[ "$(grep -c -E '^[01] 1603' "$DIR/$1.streams")" = 2 ] || fail "$1: no TLS in it"
	if grep -q gap "$DIR/$1.streams"; then
		fail "$1: something is missing"
	fi
}

same()
{
	cmp "$DIR/$2.$1" "$DIR/$3.$1" || fail "$1 of $2 and $3 differ"
}

taps_are()
{
	[ "$(stat taps)" = "$1" ]
}

# Those of connections that have ended go after some seconds.
no_taps()
{
	wait_for "$WAIT" taps_are 0
}

# ---- at the first packet

wrong_commands()
{
	local text

	needs_kbump
	if kbump rule add dport 443 action block tool ids >"$DIR/out" 2>&1; then
		fail "block has a tool"
	fi
	grep "action block has no tools" "$DIR/out" || fail "$(cat "$DIR/out")"
	rule dport 443 action bypass tool ids
	text="dport 443 action bypass tool ids"
	kbump rule show | grep -F "$text"
	kbump save | grep -F "$text"
	kbump -j rule show | value 'd[0]["tool"]' | grep -F ids
}

# at_syn FAMILY: the same segments at all three points, up to options and sums
at_syn()
{
	local flows

	needs_kbump
	flows=$(tool_value flows)
	rule dport 443 action bypass tool ids
	record_all
	"fetch$1" 443 /page --http1.1 | cmp - "$DIR/www/page"
	recorded_each client server tool
	segments client
	segments server
	segments tool
	same segments client server
	same segments client tool
	sums_right tool
	[ "$(tool_value flows)" = $((flows + 1)) ] || fail "flows: $flows, $(tool_value flows)"
}

longest()
{
	read_pcap "$DIR/$1.pcap" -T fields -e ip.len | sort -n | tail -n 1
}

# Frames of up to 64 KiB between the ends: to the tool they are as they would be on a cable.
long_frames()
{
	needs_kbump
	offload on
	rule dport 443 action bypass tool ids
	record_all
	fetch4 443 /page --http1.1 | cmp - "$DIR/www/page"
	recorded client server tool
	[ "$(longest server)" -gt 1500 ] || fail "the frames were not long"
	[ "$(longest tool)" -le 1500 ] || fail "the copies are too long: $(longest tool)"
	streams client
	streams tool
	same streams client tool
	segments tool
	sums_right tool
}

# What each tool's copies look like is its own.
two_tools()
{
	needs_kbump
	add_tool_link tool1 mon1
	kbump tool add two dev tool1 src 02:00:00:00:00:01 dst 02:00:00:00:00:02 vlan 7 dport 80 \
		mtu 800
	rule dport 443 action bypass tool ids tool two
	record tool "$TOOL" mon0
	record two "$TOOL" mon1
	fetch4 443 /page --http1.1 | cmp - "$DIR/www/page"
	recorded tool two
	kbump rule del pref 5
	kbump tool del two
	streams tool
	streams two 80
	same streams tool two
	segments two
	sums_right two
	[ "$(longest two)" = 800 ] || fail "the longest copy: $(longest two)"
	tcpdump -n -e -r "$DIR/two.pcap" 2>/dev/null >"$DIR/out"
	if grep -v -i '02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype 802.1Q.* vlan 7,' "$DIR/out"
	then
		fail "frames are not as set"
	fi
}

# To the tool the client has its own address, and the server the one that it really has.
address_translation()
{
	needs_kbump
	in_ns "$BOX" nft -f - <<-NFT
		table ip nat {
			chain pre {
				type nat hook prerouting priority dstnat;
				iifname c0 ip daddr $NATTED tcp dport 443 dnat to $SERVER4
			}
			chain post {
				type nat hook postrouting priority srcnat;
				oifname s0 masquerade
			}
		}
	NFT
	rule to "$SERVER4" dport 443 action bypass tool ids
	record server "$SERVER" eth0 tcp
	record tool "$TOOL" mon0
	in_ns "$CLIENT" curl -sS --max-time "$WAIT" --cacert "$CLIENT_CA" --http1.1 \
		--resolve "$NAME:443:$NATTED" "https://$NAME/page" | cmp - "$DIR/www/page"
	recorded server tool
	in_ns "$BOX" nft flush ruleset
	streams server
	streams tool
	same streams server tool
	segments tool
	sums_right tool
	cut -f 2,3 "$DIR/tool.segments" | tr '\t' '\n' | sort -u >"$DIR/out"
	[ "$(paste -s -d ' ' "$DIR/out")" = "$CLIENT4 $SERVER4" ] || fail "$(cat "$DIR/out")"
}

# ---- after the ClientHello

# after_hello FAMILY: no other rule wants the connection, and there is no need for one.
after_hello()
{
	needs_kbump
	no_taps
	rule sni "$NAME" action bypass tool ids
	record_all
	"fetch$1" 443 /page --http1.1 | cmp - "$DIR/www/page"
	recorded client server tool
	taps_are 0 || fail "a flow of the relay is copied twice"
	streams client
	streams server
	streams tool
	same streams client server
	same streams client tool
	"$BUILD/selftests/pcapcat" "$DIR/tool.pcap" || fail "the copy is not well-formed"
}

# Tools of a rule that inspects expect clear data: they get nothing else.
no_cipher_text()
{
	local before

	needs_kbump
	before=$(received)
	serve 447 -verify 1
	rule dport 443-449 action inspect tool ids fail open
	# The server asks for a certificate of the client.
	ask 447
	settle
	reap kbumpd
	fetch4 443 /hello.txt >/dev/null
	start_kbumpd
	[ "$(received)" = "$before" ] || fail "the tool got what was not opened"
}

# ---- entries

# Without a tool there is nothing that packets could be found by.
no_entry()
{
	local before

	needs_kbump
	no_taps
	before=$(received)
	rule dport 444 action bypass
	transfer_begin
	taps_are 0 || fail "$(stat taps) entries"
	transfer_end
	[ "$(received)" = "$before" ] || fail "the tool got something"
	kbump rule del pref 5
	rule dport 444 action bypass tool ids
	transfer_begin
	taps_are 1 || fail "$(stat taps) entries"
	transfer_end
	no_taps
}

# The tool sees all of a flow whose rule is deleted, or moved, or another one.
rule_goes()
{
	needs_kbump
	rule dport 444 action bypass tool ids
	record client "$CLIENT" eth0 tcp
	record tool "$TOOL" mon0
	transfer_begin
	kbump rule del pref 5
	transfer_end
	recorded_each client tool
}

# Nor does it notice what becomes of the tool, and gets copies again when that is back.
tool_goes_down()
{
	local dropped frames

	needs_kbump
	rule dport 444 action bypass tool ids
	transfer_begin
	dropped=$(tool_value drop_down)
	ip -n "$BOX" link set tool0 down
	wait_for "$WAIT" tool_is state down
	transfer_end
	[ "$(tool_value drop_down)" -gt "$dropped" ] || fail "no drop counted"
	transfer_begin
	frames=$(tool_value frames)
	ip -n "$BOX" link set tool0 up
	wait_for "$WAIT" tool_is state up
	transfer_end
	[ "$(tool_value frames)" -gt "$frames" ] || fail "no frame after it came up"
}

# A flow keeps rule and tool as long as it needs them.
tool_is_deleted()
{
	needs_kbump
	rule dport 444 action bypass tool ids
	transfer_begin
	kbump rule del pref 5
	kbump tool del ids
	transfer_end
	kbump tool add ids dev tool0
}

at_the_limit()
{
	local failed

	needs_kbump
	no_taps
	rule dport 443-444 action bypass tool ids
	failed=$(stat taps_failed)
	record tool "$TOOL" mon0
	echo 1 >"$LIMIT"
	transfer_begin
	fetch4 443 /page | cmp - "$DIR/www/page"
	echo 65536 >"$LIMIT"
	[ "$(stat taps_failed)" -gt "$failed" ] || fail "$failed, $(stat taps_failed)"
	taps_are 1 || fail "$(stat taps) entries"
	transfer_end
	recorded tool
	[ "$("$BUILD/selftests/pcapcat" "$DIR/tool.pcap" | grep -c ' 44[34] c2s')" = 1 ] ||
		fail "the tool got what is beyond the limit"
}

# The box forwards: what is left alone does not notice that the module goes.
module_goes()
{
	needs_kbump
	no_taps
	rule dport 444 action bypass tool ids
	transfer_begin
	taps_are 1
	timeout 120 rmmod kbump || fail "rmmod: status $?"
	transfer_end
	load_module
}

setup
small_buffers
offload off
for link in "$CLIENT eth0" "$SERVER eth0" "$BOX c0" "$BOX s0"; do
	# shellcheck disable=SC2086 # two words
	keep_order $link
done
CLIENT_CA=$PKI/server-ca.crt
start_nginx || bail_out "nginx does not start"
head -c 100000 /dev/urandom >"$DIR/www/page"
start_peer || bail_out "the python server does not start"
start_kbumpd || bail_out "kbumpd does not start"
kbump tool add ids dev tool0 || bail_out "cannot add the tool"
run_rule_case "which rules have tools" wrong_commands
run_rule_case "left alone at the first packet: the same segments" at_syn 4
run_rule_case "the same by IPv6" at_syn 6
run_rule_case "long frames" long_frames
offload off
run_rule_case "two tools, and what their copies look like" two_tools
run_rule_case "addresses behind NAT" address_translation
run_rule_case "left alone by its name: the same bytes" after_hello 4
run_rule_case "the same by IPv6" after_hello 6
run_rule_case "no cipher text for tools that expect clear data" no_cipher_text
run_rule_case "entries only where there is a tool" no_entry
run_rule_case "the rule is deleted under traffic" rule_goes
run_rule_case "the device goes down under traffic" tool_goes_down
run_rule_case "the tool is deleted under traffic" tool_is_deleted
run_rule_case "no more copies than the limit allows" at_the_limit
run_rule_case "the module goes under traffic" module_goes
finish
