#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Programs that people use, as they are: no option but an address. Their system has the
# operator's CA as update-ca-certificates would install it, and no other. Run by name, see
# scripts/check --help; KBUMP_TEST_DOWNLOAD is the size of the large file in megabytes.

# Browsers and Java take minutes under emulation: these are limits, not durations.
export KBUMP_TEST_WAIT=${KBUMP_TEST_WAIT:-600} KBUMP_TEST_LIMIT=${KBUMP_TEST_LIMIT:-1200}
. "$(dirname "$0")/lib.sh"

readonly PARTS=$SELFTESTS/clients
readonly BASE=https://$NAME
readonly DOWNLOAD=${KBUMP_TEST_DOWNLOAD:-50}
# What "ip netns exec" shows as /etc to the programs of the client.
readonly ETC=/etc/netns/$CLIENT

# ---- both ends

# What the server has; the page is the same for all.
make_files()
{
	local number

	cp "$PARTS/page.html" "$DIR/www/" && /usr/bin/python3 -IS "$PARTS/images.py" "$DIR/www" &&
		head -c "${DOWNLOAD}M" /dev/urandom >"$DIR/www/download" &&
		mkdir "$DIR/www/stream" || return
	# What browsers ask for to report, and wget before all else.
	: >"$DIR/www/report"
	: >"$DIR/www/robots.txt"
	for number in {0..99}; do
		echo "stream $number" >"$DIR/www/stream/$number"
	done
}

start_echo()
{
	spawn echo "$SERVER" /usr/bin/python3 -I "$PARTS/echo.py" "$PKI/ecdsa.crt" \
		"$PKI/ecdsa.key" 447
	wait_for "$WAIT" listens "$SERVER" 447
}

# The client's names are those of a file: whatever else a program asks for is not found.
make_client()
{
	mkdir -p "$ETC/ssl/certs/java" "$DIR/home/.pki/nssdb" "$DIR/firefox" "$DIR/classes" &&
		cp /etc/ssl/openssl.cnf "$ETC/ssl/" || return
	printf '127.0.0.1 localhost\n%s %s\n' "$SERVER4" "$NAME" >"$ETC/hosts"
	echo 'hosts: files' >"$ETC/nsswitch.conf"
	javac -d "$DIR/classes" "$PARTS/Web.java"
}

# trust CERTIFICATE: it becomes the only authority of the client's system and browsers.
trust()
{
	local database

	cp "$1" "$ETC/ssl/certs/ca-certificates.crt" && cp "$1" "$ETC/ssl/certs/box.pem" &&
		openssl rehash "$ETC/ssl/certs" || return
	rm -f "$ETC/ssl/certs/java/cacerts"
	# Of the form that is read without its password.
	keytool -importcert -noprompt -alias box -file "$1" -storetype JKS -storepass changeit \
		-keystore "$ETC/ssl/certs/java/cacerts" || return
	for database in "$DIR/home/.pki/nssdb" "$DIR/firefox"; do
		rm -f "$database"/*.db
		certutil -N -d "sql:$database" --empty-password &&
			certutil -A -d "sql:$database" -n box -t C,, -i "$1" || return
	done
}

# run COMMAND...: a program of the client, what it says to $DIR/out.
run()
{
	in_ns "$CLIENT" timeout "$WAIT" env HOME="$DIR/home" "$@" >"$DIR/out" 2>"$DIR/err"
}

run_openssl()
{
	printf 'GET %s HTTP/1.0\r\n\r\n' "$1" | run openssl s_client -connect "$NAME:443" \
		-verify_hostname "$NAME" -verify_return_error -ign_eof "${@:2}"
}

run_gnutls()
{
	request "$1" run gnutls-cli "${@:2}" "$NAME"
}

run_python()
{
	run /usr/bin/python3 -I "$PARTS/web.py" "$1" "$NAME"
}

run_node()
{
	run env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt node "$PARTS/web.mjs" \
		"$1" "$NAME"
}

run_java()
{
	# One compiler and one collector: half the time to start.
	run java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$DIR/classes" Web "$1" "$NAME"
}

# As the superuser there is no sandbox; what it would ask its maker is not asked.
readonly CHROMIUM=(chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run
	--disable-background-networking --disable-component-update --disable-sync)
readonly FIREFOX=(firefox-esr --headless --no-remote)

# ---- what is right

out_is()
{
	diff - "$DIR/out" || fail "$(tail -n 20 "$DIR/err")"
}

issuer_line()
{
	openssl x509 -noout -subject -in "$CLIENT_CA" | sed 's/.*CN *= */issuer /'
}

# sum NAME FILE: as the programs print it.
sum()
{
	echo "$1 $(sha256sum <"$DIR/www/$2" | cut -d ' ' -f 1)"
}

same()
{
	cmp "$1" "$DIR/www/$2"
}

# opened COMMAND...: it has connections, and none was left alone.
opened()
{
	local before left

	[ -z "$DIRECT" ] || { "$@"; return; }
	before=$(stat handoffs) left=$(stat bypassed)
	"$@"
	settle
	[ "$(stat handoffs)" -gt "$before" ] || fail "no flow was opened"
	[ "$(stat bypassed)" = "$left" ] || fail "$(kbump stat show)"
}

# inspected COMMAND...: all its connections were opened.
inspected()
{
	local before

	[ -z "$DIRECT" ] || { "$@"; return; }
	before=$(stat handshake_failed)
	opened "$@"
	[ "$(stat handshake_failed)" = "$before" ] || fail "$(cat "$DIR/kbumpd.log")"
}

# ---- the programs

load_curl()
{
	run curl -sSv -o "$DIR/page" "$BASE/page.html" -o "$DIR/file" "$BASE/download"
	same "$DIR/page" page.html
	same "$DIR/file" download
	grep -F "issuer: $(issuer_line | sed 's/issuer /CN=/')" "$DIR/err"
}

# Also what the page is made of: the pictures.
load_wget()
{
	local number

	mkdir "$DIR/wget"
	run wget -nv -P "$DIR/wget" -nd -p "$BASE/page.html"
	run wget -nv -O "$DIR/file" "$BASE/download"
	same "$DIR/wget/page.html" page.html
	for number in 1 2 3 4; do
		same "$DIR/wget/image-$number.png" "image-$number.png"
	done
	same "$DIR/file" download
}

# body_is FILE: what follows the header's empty line in what a terminal program printed.
body_is()
{
	sed '1,/^\r$/d' "$DIR/out" | head -c "$(wc -c <"$DIR/www/$1")" | cmp - "$DIR/www/$1"
}

load_openssl()
{
	run_openssl /page.html -quiet
	body_is page.html
	grep "$(issuer_line | sed 's/issuer /CN = /')" "$DIR/err"
	run_openssl /download -quiet
	body_is download
}

load_gnutls()
{
	run_gnutls /page.html
	body_is page.html
	grep "issuer .$(issuer_line | sed 's/issuer /CN=/')" "$DIR/out"
	grep 'The certificate is trusted' "$DIR/out"
	run_gnutls /download
	body_is download
}

load_python()
{
	run_python load || fail "$(cat "$DIR/err")"
	{ issuer_line; sum page page.html; sum image image-1.png; sum download download
	  echo "echo True"; } | out_is
}

load_node()
{
	run_node load || fail "$(cat "$DIR/err")"
	{ issuer_line; sum page page.html; sum image image-1.png; sum download download; } | out_is
}

load_java()
{
	run_java load || fail "$(cat "$DIR/err")"
	{ issuer_line; echo "version HTTP_2"; sum page page.html; sum image image-1.png
	  sum download download; echo "echo true"; } | out_is
}

# one_connection LINES: 100 requests in them, all from one port of the client.
one_connection()
{
	[ "$(grep -c 'HTTP/2.0 200 /stream/' <<<"$1")" = 100 ] || fail "$1"
	[ "$(awk '{ print $8 }' <<<"$1" | sort -u | wc -l)" = 1 ] || fail "$1"
}

stream_lines()
{
	grep ' /stream/' "$DIR/nginx/access.log" | tail -n "+$(($1 + 1))"
}

stream_count()
{
	stream_lines 0 | wc -l
}

streams_node()
{
	local before

	before=$(stream_count)
	run_node streams || fail "$(cat "$DIR/err")"
	echo "streams 100" | out_is
	one_connection "$(stream_lines "$before")"
}

# ---- browsers: the page's script tells the server what it found

reported()
{
	has_line "$DIR/nginx/access.log" " /report?.*&$1 "
}

expected_report()
{
	echo "images=101x10,102x20,103x30,104x40&streams=100&echo=true&$(sum download download |
		tr ' ' =)"
}

# browse NAME COMMAND...
browse()
{
	local name=$1 before

	shift
	before=$(stream_count)
	spawn "$name" "$CLIENT" env HOME="$DIR/home" "$@" "$BASE/page.html?$name"
	wait_for "$WAIT" reported "$name" || fail "$(tail -n 20 "$DIR/$name.log" \
		"$DIR/nginx/access.log")"
	reap "$name" KILL
	grep -F " /report?$(expected_report)&$name " "$DIR/nginx/access.log" ||
		fail "$(grep -F '/report?' "$DIR/nginx/access.log")"
	one_connection "$(stream_lines "$before")"
}

# ---- sessions, as they are on the wire

# Behind the last packet of a program comes one that nobody else sends.
is_marked()
{
	tcpdump -n -r "$DIR/client.pcap" 'udp port 9' 2>/dev/null | grep -q .
}

record()
{
	rm -f "$DIR/client.pcap"
	spawn recorder "$CLIENT" tcpdump -n -U -s 0 -B 65536 -i eth0 -w "$DIR/client.pcap" \
		'tcp port 443 or udp port 9'
	wait_for "$WAIT" has_line "$DIR/recorder.log" 'listening on'
}

record_end()
{
	in_ns "$CLIENT" bash -c ": >/dev/udp/$SERVER4/9 && echo >/dev/udp/$SERVER4/9"
	wait_for "$WAIT" is_marked
	reap recorder INT
	has_line "$DIR/recorder.log" '^0 packets dropped by kernel' ||
		fail "$(cat "$DIR/recorder.log")"
}

# "full" or "resumed" for each handshake: by the server's pre_shared_key with TLS 1.3, with
# TLS 1.2 by the certificate that is not sent.
handshakes()
{
	tshark -n -r "$DIR/client.pcap" -d tcp.port==443,tls -T fields -E separator=/s \
		-E occurrence=a -Y 'tls.handshake.type == 2 || tls.handshake.type == 11' \
		-e tcp.stream -e tls.handshake.type -e tls.handshake.extension.type 2>/dev/null |
	awk '{ stream[$1] = 1 }
		("," $2 ",") ~ /,11,/ { certificate[$1] = 1 }
		("," $3 ",") ~ /,43,/ { modern[$1] = 1 }
		("," $3 ",") ~ /,41,/ { psk[$1] = 1 }
		END { for (s in stream)
			print s, (modern[s] ? psk[s] : !certificate[s]) ? "resumed" : "full" }' |
		sort -n | cut -d ' ' -f 2
}

# second_resumes COMMAND...: it makes two connections.
second_resumes()
{
	record
	"$@" || fail "$(tail -n 20 "$DIR/out" "$DIR/err")"
	record_end
	handshakes | diff <(printf 'full\nresumed\n') -
}

two_curl()
{
	run curl -sS --http1.1 --tlsv1.3 -H 'Connection: close' -o "$DIR/page.1" \
		"$BASE/page.html" -o "$DIR/page.2" "$BASE/page.html"
	same "$DIR/page.1" page.html
	same "$DIR/page.2" page.html
}

two_openssl()
{
	run_openssl /page.html "-tls1_$1" -sess_out "$DIR/session"
	grep '^New, TLSv1' "$DIR/out"
	run_openssl /page.html "-tls1_$1" -sess_in "$DIR/session"
	grep '^Reused, TLSv1' "$DIR/out"
	grep -a -c 'kbump test page' "$DIR/out"
}

two_gnutls()
{
	run_gnutls /page.html --resume --waitresumption \
		--priority "NORMAL:-VERS-ALL:+VERS-TLS1.$1"
	grep 'This is a resumed session' "$DIR/out"
	body_is page.html
}

two_pages()
{
	{ sum page page.html; echo "resumed $1"; sum page page.html; echo "resumed $2"; } | out_is
}

two_python()
{
	run_python resume && two_pages False True
}

two_node()
{
	run_node resume && two_pages false true
}

two_java()
{
	run_java resume && { sum page page.html; sum page page.html; } | out_is
}

# ---- and without the operator's CA

untrusted_chromium()
{
	run "${CHROMIUM[@]}" --user-data-dir="$DIR/chromium" --dump-dom "$BASE/page.html"
	grep 'ERR_CERT_AUTHORITY_INVALID' "$DIR/err" || fail "$(cat "$DIR/err")"
	[ ! -s "$DIR/out" ]
}

# It stays at its warning, but tells the box.
untrusted_firefox()
{
	needs_kbump
	: >"$DIR/kbumpd.log"
	spawn firefox "$CLIENT" env HOME="$DIR/home" "${FIREFOX[@]}" --profile "$DIR/firefox" \
		"$BASE/page.html"
	wait_for "$WAIT" has_line "$DIR/kbumpd.log" 'the client refused: unknown CA' ||
		fail "$(cat "$DIR/kbumpd.log" "$DIR/firefox.log")"
	reap firefox KILL
}

no_request()
{
	local before

	before=$(wc -l <"$DIR/nginx/access.log")
	"$@"
	[ "$(wc -l <"$DIR/nginx/access.log")" = "$before" ] || fail "it sent a request"
}

refuses()
{
	if "$@"; then
		fail "it did not refuse"
	fi
}

leave()
{
	[ "$BASHPID" = "$$" ] || return
	teardown
	rm -rf "$ETC"
	rmdir /etc/netns 2>/dev/null
}

setup
trap leave EXIT
start_nginx || bail_out "nginx does not start"
make_files || bail_out "cannot make the files"
make_client >"$DIR/out" 2>&1 || bail_out "cannot make the client: $(cat "$DIR/out")"
start_echo || bail_out "the WebSocket server does not start"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"

# What signs the other path, with and without the box, is no use to the client.
OTHER_CA=$PKI/server-ca.crt
[ -z "$DIRECT" ] || OTHER_CA=$PKI/box-ca.crt
trust "$OTHER_CA" >"$DIR/out" 2>&1 || bail_out "cannot install a CA: $(cat "$DIR/out")"
run_case "without the CA curl refuses" no_request refuses run curl -sS "$BASE/page.html"
run_case "without the CA wget refuses" no_request refuses run wget -O "$DIR/file" "$BASE/page.html"
run_case "without the CA s_client refuses" no_request refuses run_openssl /page.html
run_case "without the CA gnutls-cli refuses" no_request refuses run_gnutls /page.html
run_case "without the CA python refuses" no_request refuses run_python load
run_case "without the CA nodejs refuses" no_request refuses run_node load
run_case "without the CA Java refuses" no_request refuses run_java load
run_case "without the CA Chromium warns" no_request untrusted_chromium
run_case "without the CA Firefox warns" no_request untrusted_firefox

trust "$CLIENT_CA" >"$DIR/out" 2>&1 || bail_out "cannot install the CA: $(cat "$DIR/out")"
for program in curl wget openssl gnutls python node java; do
	run_case "$program loads a page and a large file" inspected "load_$program"
done
run_case "100 streams of one connection" inspected streams_node
run_case "Chromium loads a page" inspected browse chromium "${CHROMIUM[@]}" \
	--user-data-dir="$DIR/chromium"
run_case "Firefox loads a page" inspected browse firefox "${FIREFOX[@]}" --profile "$DIR/firefox"

# With TLS 1.2 curl wants no tickets, and kbumpd has nothing else.
run_case "curl resumes TLS 1.3" inspected second_resumes two_curl
for version in 2 3; do
	run_case "s_client resumes TLS 1.$version" inspected second_resumes two_openssl "$version"
	# It resets its first connection when it has a ticket: maybe before there is a flow.
	run_case "gnutls-cli resumes TLS 1.$version" opened second_resumes two_gnutls "$version"
done
run_case "python resumes" inspected second_resumes two_python
run_case "nodejs resumes" inspected second_resumes two_node
run_case "Java resumes" inspected second_resumes two_java
finish
