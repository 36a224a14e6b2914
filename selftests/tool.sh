#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tools and their devices: whatever becomes of them, no flow notices.

. "$(dirname "$0")/lib.sh"

# More than all socket buffers on the way hold when the client pauses.
readonly SIZE=8000000

# refused TEXT COMMAND...: with status 1, and a reason.
refused()
{
	local text=$1 status=0

	shift
	kbump "$@" >"$DIR/out" 2>&1 || status=$?
	cat "$DIR/out"
	[ "$status" = 1 ] || fail "status $status"
	grep -q -i -e "$text" "$DIR/out" || fail "the reason does not say $text"
}

wrong_commands()
{
	needs_kbump
	refused . tool add ids dev tool0
	refused . tool add other dev nodev0
	refused . tool set other dev tool0
	refused . tool del other
	refused . rule add dport 1 action inspect tool other
	refused . tool del ids
}

goes_down()
{
	local dropped

	needs_kbump
	transfer_begin
	dropped=$(tool_value drop_down)
	ip -n "$BOX" link set tool0 down
	wait_for "$WAIT" tool_is state down
	transfer_end
	[ "$(tool_value drop_down)" -gt "$dropped" ] || fail "no drop counted"
	ip -n "$BOX" link set tool0 up
	wait_for "$WAIT" tool_is state up
}

# The carrier of a veth goes with its peer.
loses_carrier()
{
	needs_kbump
	transfer_begin
	ip -n "$TOOL" link set mon0 down
	wait_for "$WAIT" tool_is state down
	transfer_end
	ip -n "$TOOL" link set mon0 up
	wait_for "$WAIT" tool_is state up
}

is_renamed()
{
	needs_kbump
	transfer_begin
	ip -n "$BOX" link set tool0 down
	ip -n "$BOX" link set tool0 name probe0
	ip -n "$BOX" link set probe0 up
	wait_for "$WAIT" tool_is dev probe0
	wait_for "$WAIT" tool_is state up
	transfer_end
	ip -n "$BOX" link set probe0 down
	ip -n "$BOX" link set probe0 name tool0
	ip -n "$BOX" link set tool0 up
	wait_for "$WAIT" tool_is dev tool0
	ip -n "$TOOL" link show mon0 | grep -q 'state UP' || ip -n "$TOOL" link set mon0 up
}

# Flows begun while the device was away are not mirrored by halves: all is well-formed.
whole_again()
{
	needs_kbump
	settle
	capture_start
	fetch4 443 /hello.txt --http1.1
	capture_stop
	mirror_clean
}

# The device is gone: one of the same name is another, and must not get the traffic.
vanishes()
{
	local before

	needs_kbump
	transfer_begin
	ip -n "$BOX" link del tool0
	wait_for "$WAIT" tool_is state gone
	transfer_end
	add_tool_link tool0 mon0
	before=$(received)
	fetch4 443 /hello.txt >/dev/null
	settle
	[ "$(received)" = "$before" ] || fail "another device got the traffic"
	tool_is state gone
}

is_set_anew()
{
	needs_kbump
	kbump tool set ids dev tool0
	tool_is state up
	whole_again
}

# What is read back takes the place of all rules and tools; who looks at the mirror sees nothing of
# it.
replaced_under_traffic()
{
	local handle

	needs_kbump
	settle
	kbump save >"$DIR/saved"
	capture_start
	transfer_begin
	handle=$(kbump -j rule show | value 'd[0]["handle"]')
	kbump -f "$DIR/saved"
	kbump -f "$DIR/saved"
	[ "$(kbump -j rule show | value 'd[0]["handle"]')" -gt "$handle" ] || fail "the same rule"
	transfer_end
	settle
	capture_stop
	mirror_clean >"$DIR/out" || fail "$(cat "$DIR/out")"
	grep -q " s2c $SIZE .* closed" "$DIR/out" || fail "$(cat "$DIR/out")"
}

# What the copies look like is the operator's choice.
looks()
{
	needs_kbump
	settle
	kbump tool set ids src 02:00:00:00:00:01 dst 02:00:00:00:00:02 vlan 7 dport 80 mtu 800
	capture_start
	fetch4 443 /hello.txt --http1.1
	fetch4 443 /page --http1.1 -o /dev/null
	capture_stop
	mirror_clean >"$DIR/out" || fail "$(cat "$DIR/out")"
	[ "$(grep -c " $SERVER4 80 c2s" "$DIR/out")" = 2 ] || fail "$(cat "$DIR/out")"
	tcpdump -n -e -r "$DIR/mirror.pcap" 2>/dev/null >"$DIR/out"
	if grep -v -i '02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype 802.1Q.* vlan 7,' "$DIR/out"
	then
		fail "frames are not as set"
	fi
	[ "$(tshark -n -r "$DIR/mirror.pcap" -T fields -e ip.len 2>/dev/null | sort -n |
		tail -n 1)" = 800 ] || fail "IP packets are not 800 bytes"
}

# longest FIELD: of the frames captured
longest()
{
	tshark -n -r "$DIR/mirror.pcap" -T fields -e "$1" 2>/dev/null | sort -n | tail -n 1
}

slices()
{
	needs_kbump
	settle
	kbump tool set ids vlan 0 dport 0 mtu 0 snaplen 100
	capture_start
	fetch4 443 /page --http1.1 -o /dev/null
	capture_stop
	kbump tool set ids snaplen 0
	[ "$(longest frame.len)" = 100 ] || fail "frames of $(longest frame.len) bytes"
	[ "$(longest ip.len)" -gt 1000 ] || fail "packets of $(longest ip.len) bytes"
}

# To the tool both streams end where the limit is.
limits()
{
	needs_kbump
	settle
	kbump tool set ids limit 1000
	capture_start
	fetch4 443 /page --http1.1 -o /dev/null
	capture_stop
	kbump tool set ids limit 0
	mirror_clean >"$DIR/out" || fail "$(cat "$DIR/out")"
	grep -q ' s2c 1000 .* closed' "$DIR/out" || fail "$(cat "$DIR/out")"
}

# Of what is left alone no packet with data comes behind the limit; the end does.
limits_packets()
{
	needs_kbump
	settle
	kbump tool set ids limit 2000
	rule dport 443 action bypass tool ids
	capture_start
	fetch4 443 /large --http1.1 --cacert "$PKI/server-ca.crt" -o /dev/null
	wait_for "$WAIT" is_closing
	reap tcpdump INT
	kbump tool set ids limit 0
	# The one that passes the limit may be many that were put together.
	if [ "$(sent_by 443)" -eq 0 ] || [ "$(sent_by 443)" -gt 67536 ]; then
		fail "$(sent_by 443) bytes"
	fi
}

# Both sides' FINs have been copied.
is_closing()
{
	[ "$(tcpdump -n -r "$DIR/mirror.pcap" 'tcp[tcpflags] & tcp-fin != 0' 2>/dev/null |
		wc -l)" -ge 2 ]
}

# sent_by PORT: bytes of data that were copied of that side
sent_by()
{
	tshark -n -r "$DIR/mirror.pcap" -Y "tcp.srcport == $1" -T fields -e tcp.len 2>/dev/null |
		awk '{ sum += $1 } END { print sum + 0 }'
}

# Whole connections, or nothing of them.
samples()
{
	local before i copied

	needs_kbump
	settle
	kbump tool set ids sample 2
	before=$(tool_value flows)
	capture_start
	for i in {1..20}; do
		fetch4 443 "/hello.txt?$i" -o /dev/null
	done
	capture_stop
	kbump tool set ids sample 0
	mirror_clean >"$DIR/out" || fail "$(cat "$DIR/out")"
	copied=$(grep -c ' closed$' "$DIR/out")
	if [ "$copied" -eq 0 ] || [ "$copied" -eq 20 ]; then
		fail "$copied of 20"
	fi
	[ $((before + copied)) = "$(tool_value flows)" ] || fail "counted: $(tool_value flows)"
}

removed_after_its_rules()
{
	needs_kbump
	kbump rule flush
	kbump tool del ids
	[ -z "$(kbump tool show)" ]
}

# A flow keeps its rule and the rule its tools: neither may be freed under it.
removed_under_traffic()
{
	needs_kbump
	inspect_all
	transfer_begin
	kbump rule flush
	kbump tool del ids || echo "refused while a flow lasts"
	transfer_end
	settle
	kbump tool del ids 2>/dev/null || true
	[ -z "$(kbump tool show)" ]
}

setup
small_buffers
start_nginx || bail_out "nginx does not start"
head -c 5000 /dev/urandom >"$DIR/www/page"
head -c 300000 /dev/urandom >"$DIR/www/large"
start_peer || bail_out "the python server does not start"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
run_case "wrong commands are refused" wrong_commands
run_case "the device goes down under traffic" goes_down
run_case "the device loses its carrier" loses_carrier
run_case "the device is renamed" is_renamed
run_case "the mirror is whole afterwards" whole_again
run_case "the device vanishes under traffic" vanishes
run_case "the tool gets a new device" is_set_anew
run_case "all is replaced under traffic" replaced_under_traffic
run_case "addresses, tag, port and size of the copies" looks
run_case "slices of the copies" slices
run_case "the beginning of each stream" limits
run_rule_case "the beginning of what is left alone" limits_packets
run_case "a sample of connections" samples
run_case "a tool goes after its rules" removed_after_its_rules
run_case "rule and tool are deleted under traffic" removed_under_traffic
finish
