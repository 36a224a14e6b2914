#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# KBUMP_TEST_BULK bytes each way (a tenth of that in TLS 1.2): the same bytes at both ends and in
# the mirror, no copy of full records, and no work for the helper.

. "$(dirname "$0")/lib.sh"

readonly BULK=${KBUMP_TEST_BULK:-25000000}
readonly RECORD=16384

bulk()
{
	local size=$1 direction=$2 leg=$3 stream=$4 word=$5

	shift 5
	rm -f "$DIR/start" "$DIR/go"
	# The whole of the transfer fits in the buffer, as the writer may be slow.
	[ -n "$DIRECT" ] || capture_start 196608
	peer bulk --size "$size" --start "$DIR/start" --go "$DIR/go" --late \
		--timeout "$CASE_LIMIT" "$@" "$direction"
	wait_for "$WAIT" has_line "$DIR/bulk.log" connected || fail "$(cat "$DIR/bulk.log")"
	[ -n "$DIRECT" ] || begin_counters
	: >"$DIR/start"
	wait_for "$CASE_LIMIT" has_line "$DIR/bulk.log" idle || fail "$(cat "$DIR/bulk.log")"
	cat "$DIR/bulk.log"
	has_line "$DIR/bulk.log" "$word $size intact"
	[ -n "$DIRECT" ] || counters "$size" "$leg"
	: >"$DIR/go"
	wait_for "$WAIT" has_line "$DIR/bulk.log" 'end closed'
	[ -n "$DIRECT" ] || mirrored "$size" "$stream" "$(awk -v w="$word" '$1 == w { print $4 }' "$DIR/bulk.log")"
}

is_established()
{
	[ "$(flow_count 'f["state"] == "established"')" = 1 ]
}

# The helper's part is over, the data have not begun.
begin_counters()
{
	wait_for "$WAIT" is_established
	kbumpd_ticks >"$DIR/ticks"
}

# With the flow still open: its records, and the helper's processor time.
counters()
{
	local size=$1 leg=$2 spent

	kbump -j -s flow show >"$DIR/flow.json"
	cat "$DIR/flow.json"
	[ "$(value 'len(d)' <"$DIR/flow.json")" = 1 ] || fail "not one flow"
	value "'bytes %(rx_bytes)d records %(rx_records)d zc %(rx_zc)d copied %(rx_copied)d' %
		d[0]['$leg']" <"$DIR/flow.json"
	[ "$(value "d[0]['$leg']['rx_copied'] == 0 and
		d[0]['$leg']['rx_zc'] >= $size // $RECORD and
		d[0]['$leg']['rx_bytes'] >= $size" <"$DIR/flow.json")" = true ] ||
		fail "records were copied"
	spent=$(($(kbumpd_ticks) - $(cat "$DIR/ticks")))
	echo "kbumpd: $spent ticks"
	# What it did before may be accounted for now.
	[ "$spent" -le 1 ] || fail "kbumpd worked"
}

http_both_ways()
{
	head -c 5000000 /dev/urandom >"$DIR/www/big"
	fetch4 443 /big --http2 -o "$DIR/big"
	cmp "$DIR/big" "$DIR/www/big"
	mkdir -p "$DIR/www/up"
	fetch4 443 /up/big --http2 -T "$DIR/big"
	cmp "$DIR/www/up/big" "$DIR/www/big"
	rm -f "$DIR/www/up/big" "$DIR/big"
}

setup
start_nginx || bail_out "nginx does not start"
start_peer || bail_out "the python server does not start"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
run_case "download, TLS 1.3" bulk "$BULK" down server s2c received
run_case "upload, TLS 1.3" bulk "$BULK" up client c2s stored
run_case "download, TLS 1.2" bulk $((BULK / 10)) down server s2c received --tls12
run_case "upload, TLS 1.2" bulk $((BULK / 10)) up client c2s stored --tls12
run_case "h2 down and up with curl and nginx" http_both_ways
finish
