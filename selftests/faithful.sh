#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Each leg is a TLS endpoint as the standards want it: what is rare, what is refused, and
# what one side chose and the other must see.

. "$(dirname "$0")/lib.sh"

readonly AES128=TLS_AES_128_GCM_SHA256 AES256=TLS_AES_256_GCM_SHA384
readonly BIG=100000

has()
{
	has_line "$DIR/out" "$1" || fail "no '$1' in: $(tail -n 30 "$DIR/out")"
}

# ask_fails OPTION...: s_client on 443, which must be refused.
ask_fails()
{
	if in_ns "$CLIENT" timeout "$WAIT" openssl s_client -connect "$SERVER4:443" \
		-servername "$NAME" "$@" </dev/null >"$DIR/out" 2>&1; then
		fail "it was accepted"
	fi
}

# s_client and s_server say in -msg which messages they saw.
two_hellos()
{
	[ "$(grep -c "$2.*ClientHello" "$1")" = 2 ] || fail "$(grep Hello "$1")"
}

client_retries()
{
	needs_kbump
	ask 443 -tls1_3 -groups ffdhe2048:P-384 -msg
	two_hellos "$DIR/out" '>>>'
}

server_asks_for_retry()
{
	needs_kbump
	serve 447 -groups P-521 -msg
	# The client's own first choice; it is the box that guesses wrong.
	ask 447 -groups P-521
	wait_for "$WAIT" two_hellos "$DIR/s_server.log" '<<<'
}

split_hello()
{
	peer_run --pieces "$1" --port 444 echo --go "$DIR/go" >"$DIR/out" || fail "$(cat "$DIR/out")"
	has 'end closed'
}

modern_hello()
{
	peer_run --port 443 hello >"$DIR/out" || fail "$(cat "$DIR/out")"
	# A handshake record with a ServerHello.
	has '^answer 22 2$'
}

# GREASE, ECH, ALPS, record_size_limit and a wish for post-handshake authentication, with a
# handshake that comes to its end.
unknown_extensions()
{
	ask 443 -tls1_3 -enable_pha -serverinfo 2570,65037,17513,28,51914
}

old_session()
{
	needs_kbump
	CLIENT_CA=$PKI/server-ca.crt ask 8443 -tls1_3 -sess_out "$DIR/session"
	has 'Max Early Data: 16384'
}

# A session of the server's own, from the time before the box.
early_data()
{
	needs_kbump
	old_session
	head -c 16000 /dev/urandom >"$DIR/early"
	ask 443 -tls1_3 -sess_in "$DIR/session" -early_data "$DIR/early"
	has 'Early data was rejected'
	has '^New, TLSv1.3'
	ask 443 -tls1_3 -sess_in "$DIR/session" -early_data "$DIR/early" -groups ffdhe2048:P-256
	has 'Early data was rejected'
	# Our own tickets allow none.
	ask 443 -tls1_3 -sess_out "$DIR/session"
	has 'Max Early Data: 0'
}

follows_cipher()
{
	local cipher

	for cipher in $AES256 $AES128; do
		serve 447 -ciphersuites "$cipher"
		ask 447 -ciphersuites "$AES128:$AES256"
		has "Cipher is $cipher"
	done
	serve 447 -tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384
	ask 447 -cipher ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384
	has 'Cipher is ECDHE-ECDSA-AES256-GCM-SHA384'
}

# The server hello's random, as -msg shows it: does it end in "DOWNGRD\1"?
marked_random()
{
	sed -n '/<<<.*ServerHello/,/^[<>]/p' "$DIR/out" | grep '^ ' | tr -d ' \n' |
		cut -c 1-76 | grep -q '444f574e47524401$'
}

# Who could do TLS 1.3 says so to who asks for less: RFC 8446, section 4.1.3.
downgrade_is_marked()
{
	ask 443 -tls1_2 -msg
	marked_random || fail "no mark: $(grep -A 6 ServerHello "$DIR/out")"
	serve 447 -tls1_2
	ask 447 -tls1_2 -msg
	if marked_random; then
		fail "the server can do no more, and is marked"
	fi
	ask 447
	has 'TLSv1.2, Cipher is'
}

fallback_is_refused()
{
	ask_fails -tls1_2 -fallback_scsv
	has 'inappropriate fallback'
	serve 447 -tls1_2
	ask 447 -tls1_2 -fallback_scsv
}

# typed NAME NETNS WORD...: an openssl program that reads what is written to $DIR/NAME.in
typed()
{
	local name=$1 ns=$2

	shift 2
	mkfifo "$DIR/$name.in"
	# shellcheck disable=SC2016 # for the other shell
	spawn "$name" "$ns" sh -c 'exec <>"$1" && shift && exec openssl "$@"' sh "$DIR/$name.in" "$@"
}

client_to()
{
	typed client "$CLIENT" s_client -connect "$SERVER4:$1" -tls1_2 -servername "$NAME"
	wait_for "$WAIT" has_line "$DIR/client.log" 'Cipher is'
}

client_renegotiates()
{
	needs_kbump
	client_to 443
	echo R >"$DIR/client.in"
	wait_for "$WAIT" has_line "$DIR/client.log" 'no renegotiation' || fail "$(cat "$DIR/client.log")"
	wait_end client
	rm "$DIR/client.in"
	settle
}

# The server asks; its HelloRequest is answered, not passed on.
server_renegotiates()
{
	needs_kbump
	reap s_server
	typed s_server "$SERVER" s_server -accept 447 -tls1_2 -cert "$PKI/ecdsa.crt" \
		-key "$PKI/ecdsa.key"
	wait_for "$WAIT" listens "$SERVER" 447
	client_to 447
	echo before >"$DIR/client.in"
	wait_for "$WAIT" has_line "$DIR/s_server.log" before
	echo r >"$DIR/s_server.in"
	wait_for "$WAIT" has_line "$DIR/s_server.log" 'no renegotiation' ||
		fail "$(cat "$DIR/s_server.log" "$DIR/client.log")"
	reap client
	reap s_server
	settle
}

# Lengths of the data records that s_client saw, decimal, the longest last.
record_lengths()
{
	local hex

	grep -A 1 '<<<.*RecordHeader' "$DIR/out" | sed -n 's/^ *17 03 03 \(..\) \(..\)$/\1\2/p' |
		while read -r hex; do
			echo $((16#$hex))
		done | sort -n
}

short_records()
{
	local version=$1 bytes=$2

	printf 'GET /big HTTP/1.0\r\n\r\n' |
		in_ns "$CLIENT" timeout "$WAIT" openssl s_client -connect "$SERVER4:443" \
			-servername "$NAME" -CAfile "$CLIENT_CA" -ign_eof "-tls1_$version" -msg \
			-maxfraglen "$bytes" >"$DIR/out" 2>&1 || fail "$(tail "$DIR/out")"
	record_lengths >"$DIR/lengths"
	# Nonce, tag and content type make at most 24 bytes.
	[ "$(tail -n 1 "$DIR/lengths")" -le $((bytes + 24)) ] || fail "$(tail "$DIR/lengths")"
	[ "$(wc -l <"$DIR/lengths")" -ge $((BIG / bytes)) ] || fail "$(wc -l "$DIR/lengths")"
}

padded_records()
{
	serve 447 -tls1_3 -record_padding 4096
	printf 'GET /big HTTP/1.0\r\n\r\n' |
		in_ns "$CLIENT" timeout "$WAIT" openssl s_client -connect "$SERVER4:447" -quiet \
			-servername "$NAME" -CAfile "$CLIENT_CA" -record_padding 1000 >"$DIR/out" \
			2>"$DIR/err" || fail "$(cat "$DIR/err")"
	# Behind the header, whose last line is empty.
	sed '1,/^\r$/d' "$DIR/out" | cmp - "$DIR/www/big"
}

# What a scanner says of the client leg: nothing but the suites of kTLS, and no fault.
scanned()
{
	needs_kbump
	in_ns "$CLIENT" timeout "$CASE_LIMIT" sslscan --no-colour --sni-name="$NAME" \
		"$SERVER4:443" >"$DIR/out" 2>&1 || fail "$(cat "$DIR/out")"
	cat "$DIR/out"
	has '^TLSv1.2 *enabled'
	has '^TLSv1.3 *enabled'
	has 'supports TLS Fallback SCSV'
	has 'Session renegotiation not supported'
	if grep -E '^(SSLv|TLSv1\.[01] ).*enabled|^TLS.* vulnerable' "$DIR/out" | grep -v ' not '; then
		fail "see above"
	fi
	[ "$(grep -c -E '^(Accepted|Preferred) ' "$DIR/out")" = 9 ]
	[ "$(grep -c -E '^(Accepted|Preferred) .*(GCM|CHACHA20)' "$DIR/out")" = 9 ]
}

setup
start_nginx || bail_out "nginx does not start"
head -c "$BIG" /dev/urandom | base64 -w 76 | head -c "$BIG" >"$DIR/www/big"
start_peer || bail_out "the python server does not start"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
: >"$DIR/go"
run_case "a client is asked to try again" client_retries
run_case "a server asks to try again" server_asks_for_retry
run_case "a ClientHello in records of 5 bytes" split_hello 5
run_case "a browser's ClientHello, with GREASE and ECH" modern_hello
run_case "unknown extensions" unknown_extensions
run_case "early data is refused" early_data
run_case "the client gets the server's choice of cipher" follows_cipher
run_case "a downgrade is marked as the server marks it" downgrade_is_marked
run_case "TLS_FALLBACK_SCSV is the server's to judge" fallback_is_refused
run_case "a client's renegotiation is refused" client_renegotiates
run_case "a server's renegotiation is refused" server_renegotiates
for version in 2 3; do
	run_case "max_fragment_length 512 TLS 1.$version" short_records "$version" 512
done
run_case "padded records, byte for byte" padded_records
run_case "a scanner finds no fault" scanned
finish
