#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The judges of all other tests: they must accept what is right and see what is wrong.

. "$(dirname "$0")/lib.sh"

# Clear traffic as a mirror would show it: true frames, with checksums in them.
record()
{
	in_ns "$SERVER" ethtool -K eth0 tx off tso off gso off >/dev/null
	in_ns "$CLIENT" ethtool -K eth0 tx off tso off gso off >/dev/null
	keep_order "$CLIENT" eth0
	keep_order "$SERVER" eth0
	keep_order "$BOX" c0
	keep_order "$BOX" s0
	spawn tcpdump "$CLIENT" tcpdump -n -U -i eth0 -w "$DIR/clear.pcap" \
		"tcp port 81 or tcp port 80"
	wait_for "$WAIT" has_line "$DIR/tcpdump.log" 'listening on'
	head -c 300000 /dev/urandom >"$DIR/www/data"
	in_ns "$CLIENT" curl -sS --max-time "$WAIT" -o "$DIR/data" "http://$SERVER4/data"
	in_ns "$CLIENT" curl -sS --max-time "$WAIT" --http2-prior-knowledge -o "$DIR/data6" \
		"http://[$SERVER6]:81/data"
	# The last segment of the last connection: its ACK to the server's FIN.
	wait_for "$WAIT" has_end
	reap tcpdump INT
	cmp "$DIR/www/data" "$DIR/data"
	cmp "$DIR/www/data" "$DIR/data6"
}

has_end()
{
	[ "$("$BUILD/selftests/pcapcat" "$DIR/clear.pcap" | grep -c 'closed$')" = 2 ]
}

accepts()
{
	mkdir -p "$DIR/streams"
	"$BUILD/selftests/pcapcat" -w "$DIR/streams" "$DIR/clear.pcap" || fail "faults"
	tail -c 300000 "$DIR"/streams/*.s2c | cmp -n 1000 - "$DIR/www/data" ||
		grep -q 'HTTP/1.1 200' "$DIR"/streams/*.s2c
}

tshark_accepts()
{
	local found

	found=$(faults "$DIR/clear.pcap")
	[ -z "$found" ] || fail "$found"
	found=$(read_pcap "$DIR/clear.pcap" -T fields -e http.request.uri -e http.response.code \
		-e http2.headers.path -e http2.headers.status | sort | uniq -c)
	echo "$found"
	[ "$(grep -c -E '/data|200' <<<"$found")" -ge 4 ]
}

# A byte of the capture changed, and a frame left out: neither may pass.
damage_is_seen()
{
	local size

	size=$(/usr/bin/stat -c %s "$DIR/clear.pcap")
	cp "$DIR/clear.pcap" "$DIR/bad.pcap"
	printf 'x~' | dd of="$DIR/bad.pcap" bs=1 seek=$((size / 3)) conv=notrunc status=none
	if "$BUILD/selftests/pcapcat" "$DIR/bad.pcap" >/dev/null; then
		fail "a changed byte passed"
	fi
	editcap "$DIR/clear.pcap" "$DIR/bad.pcap" 20 2>/dev/null || skip "no editcap"
	if "$BUILD/selftests/pcapcat" "$DIR/bad.pcap" >/dev/null; then
		fail "a lost frame passed"
	fi
}

# The same frames put on the tool's link: all must come back, however they come.
replay()
{
	in_ns "$BOX" /usr/bin/python3 -ISc 'import socket, struct, sys
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind(("tool0", 0))
data = open(sys.argv[1], "rb").read()
at = 24
while at < len(data):
    size = struct.unpack_from("IIII", data, at)[2]
    out.send(data[at + 16:at + 16 + size])
    at += 16 + size' "$DIR/clear.pcap"
}

capture_is_whole()
{
	capture_start
	replay
	capture_stop
	[ "$("$BUILD/selftests/pcapcat" -c "$DIR/mirror.pcap")" = \
	  "$("$BUILD/selftests/pcapcat" -c "$DIR/clear.pcap")" ]
	"$BUILD/selftests/pcapcat" "$DIR/mirror.pcap" || fail "faults"
}

# The limit itself: a case that hangs must be ended, and fail.
limit_works()
{
	mkdir -p "$DIR/limit"
	KBUMP_TEST_LIMIT=2 bash -c '. "$1"; DIR=$2; run_case hang sleep 1000' - \
		"$SELFTESTS/lib.sh" "$DIR/limit" | grep -q '^not ok'
}

setup
start_nginx || bail_out "nginx does not start"
run_case "clear traffic is recorded" record
run_case "pcapcat accepts good traffic" accepts
run_case "tshark decodes both versions of HTTP" tshark_accepts
run_case "a capture on the tool's side has every frame" capture_is_whole
run_case "a case that hangs fails" limit_works
run_case "damage to a capture is seen" damage_is_seen
finish
