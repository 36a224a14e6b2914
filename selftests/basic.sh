#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Ordinary programs, each version, cipher and address family: the client sees the box's
# certificate, the server the client's address, the tool the HTTP of both directions.

. "$(dirname "$0")/lib.sh"

# Kernel's name, and OpenSSL's for each version and GnuTLS's.
readonly CIPHERS="AES-128-GCM AES-256-GCM CHACHA20-POLY1305"

tls12_name()
{
	case $1 in
	AES-128-GCM) echo "ECDHE-$2-AES128-GCM-SHA256" ;;
	AES-256-GCM) echo "ECDHE-$2-AES256-GCM-SHA384" ;;
	*) echo "ECDHE-$2-CHACHA20-POLY1305" ;;
	esac
}

tls13_name()
{
	case $1 in
	AES-128-GCM) echo TLS_AES_128_GCM_SHA256 ;;
	AES-256-GCM) echo TLS_AES_256_GCM_SHA384 ;;
	*) echo TLS_CHACHA20_POLY1305_SHA256 ;;
	esac
}

curl_get()
{
	local family=$1 version=$2 cipher=$3 http=$4 path="/hello.txt?$RANDOM"
	local -a options=(--http"$http" --tlsv1."$version" --tls-max 1."$version")

	if [ "$version" = 2 ]; then
		options+=(--ciphers "$(tls12_name "$cipher" RSA):$(tls12_name "$cipher" ECDSA)")
	else
		options+=(--tls13-ciphers "$(tls13_name "$cipher")")
	fi
	"fetch$family" 443 "$path" "${options[@]}" -w '%{http_version} %{ssl_verify_result}\n' \
		>"$DIR/out" || fail "curl failed"
	printf 'Hello from the server\n%s 0\n' "$http" | diff - "$DIR/out"
	logged "$family" "$path" "$version"
}

# The server saw the client's own address.
logged()
{
	local address=$CLIENT4

	[ "$1" = 6 ] && address=$CLIENT6
	grep -F "$2 " "$DIR/nginx/access.log" >"$DIR/line" || fail "not in the server's log"
	grep "^$address 443 .*TLSv1.$3 " "$DIR/line" || fail "$(cat "$DIR/line")"
}

s_client_get()
{
	local version=$1 cipher=$2 auth=${3:-} path="/hello.txt?$RANDOM"
	local -a options=("-tls1_$version")

	if [ "$version" = 2 ]; then
		options+=(-cipher "$(tls12_name "$cipher" "$auth")")
	else
		options+=(-ciphersuites "$(tls13_name "$cipher")")
	fi
	printf 'GET %s HTTP/1.0\r\n\r\n' "$path" |
		in_ns "$CLIENT" timeout "$WAIT" openssl s_client -connect "$SERVER4:443" \
			-servername "$NAME" -verify_hostname "$NAME" -CAfile "$CLIENT_CA" \
			-verify_return_error -ign_eof -alpn http/1.1 "${options[@]}" \
			>"$DIR/out" 2>&1 || fail "$(tail -n 20 "$DIR/out")"
	grep -q '^Hello from the server' "$DIR/out" || fail "$(tail -n 20 "$DIR/out")"
	logged 4 "$path" "$version"
}

gnutls_get()
{
	local version=$1 cipher=$2 path="/hello.txt?$RANDOM"

	request "$path" in_ns "$CLIENT" timeout "$WAIT" gnutls-cli --x509cafile "$CLIENT_CA" \
		--sni-hostname "$NAME" --verify-hostname "$NAME" --port 443 \
		--priority "NORMAL:-VERS-ALL:+VERS-TLS1.$version:-CIPHER-ALL:+$cipher" \
		--logfile "$DIR/gnutls" "$SERVER6" >"$DIR/out" 2>&1 ||
		fail "$(cat "$DIR/out" "$DIR/gnutls")"
	grep -q '^Hello from the server' "$DIR/out" || fail "$(cat "$DIR/out" "$DIR/gnutls")"
	logged 6 "$path" "$version"
}

python_echo()
{
	local address=$1

	shift
	echo >"$DIR/go"
	peer_run --address "$address" --go "$DIR/go" "$@" echo >"$DIR/out" ||
		fail "$(cat "$DIR/out")"
	has_line "$DIR/out" 'echoed after' || fail "$(cat "$DIR/out")"
	has_line "$DIR/out" 'end closed' || fail "$(cat "$DIR/out")"
}

# Certificate and chain as the client gets them on SERVER:443.
certificate()
{
	in_ns "$CLIENT" timeout "$WAIT" openssl s_client -connect "$SERVER4:443" \
		-servername "$NAME" </dev/null 2>/dev/null |
		openssl x509 -noout -issuer -dates -ext subjectAltName -pubkey >"$DIR/cert"
}

box_certificate()
{
	needs_kbump
	certificate
	grep 'issuer=.*kbump test box CA' "$DIR/cert" || fail "$(cat "$DIR/cert")"
	grep -F "DNS:$NAME, DNS:other.example.test" "$DIR/cert" || fail "$(cat "$DIR/cert")"
	grep -F "IP Address:$SERVER4" "$DIR/cert" || fail "$(cat "$DIR/cert")"
	openssl x509 -noout -dates -in "$PKI/rsa.crt" | grep notAfter >"$DIR/dates"
	grep -F -f "$DIR/dates" "$DIR/cert" || fail "dates: $(cat "$DIR/cert" "$DIR/dates")"
}

flow_is_listed()
{
	needs_kbump
	peer lister --go "$DIR/go2" echo
	wait_for "$WAIT" has_line "$DIR/lister.log" half-way
	wait_for "$WAIT" is_established
	kbump -j -s flow show >"$DIR/flow.json"
	cat "$DIR/flow.json"
	[ "$(value '[(f["client_addr"], f["server_addr"], f["server_port"], f["sni"], f["iif"],
		f["client"]["rx_bytes"], f["server"]["rx_bytes"]) for f in d]' <"$DIR/flow.json")" = \
	  "[[\"$CLIENT4\", \"$SERVER4\", 444, \"$NAME\", \"c0\", 14, 7]]" ]
	: >"$DIR/go2"
	wait_for "$WAIT" has_line "$DIR/lister.log" 'end closed'
}

is_established()
{
	[ "$(flow_count 'f["state"] == "established"')" = 1 ]
}

# What tshark makes of the requests: each one that the server logged, with its answer.
mirror_has_http()
{
	local requests answers logged

	needs_kbump
	capture_stop
	read_pcap "$DIR/mirror.pcap" -T fields -E occurrence=a -e http.request.uri \
		-e http2.headers.path | grep -o '/hello.txt?[0-9]*' | sort >"$DIR/seen"
	logged=$(grep ' 443 ' "$DIR/nginx/access.log" | grep -o '/hello.txt?[0-9]*' | sort |
		tee "$DIR/logged" | wc -l)
	diff "$DIR/logged" "$DIR/seen" || fail "the mirror lacks requests"
	read_pcap "$DIR/mirror.pcap" -Y 'http.response.code == 200 || http2.headers.status == 200' \
		-T fields -e tcp.stream | sort -u >"$DIR/answers"
	answers=$(wc -l <"$DIR/answers")
	requests=$(wc -l <"$DIR/seen")
	[ "$answers $requests" = "$logged $logged" ] ||
		fail "$logged logged, $requests requests and $answers answers in the mirror"
}

mirror_is_well_formed()
{
	local found

	needs_kbump
	mirror_clean
	found=$(faults "$DIR/mirror.pcap")
	[ -z "$found" ] || fail "$found"
}

counters_add_up()
{
	needs_kbump
	settle
	kbump -j stat show
	[ "$(stat handoffs)" -ge "$1" ]
	[ "$(stat handshake_failed)" = 0 ]
	[ "$(stat bad_record)" = 0 ]
	kbump -j -s tool show | tee "$DIR/tool.json"
	[ "$(value 'd[0]["drop_queue"] + d[0]["drop_down"] + d[0]["drop_nomem"]' \
		<"$DIR/tool.json")" = 0 ]
}

setup
start_nginx || bail_out "nginx does not start"
start_peer || bail_out "the python server does not start"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
[ -n "$DIRECT" ] || capture_start || bail_out "cannot capture"
for cipher in $CIPHERS; do
	run_case "curl h2 IPv4 TLS 1.2 $cipher" curl_get 4 2 "$cipher" 2
	run_case "curl http/1.1 IPv6 TLS 1.2 $cipher" curl_get 6 2 "$cipher" 1.1
	run_case "curl http/1.1 IPv4 TLS 1.3 $cipher" curl_get 4 3 "$cipher" 1.1
	run_case "curl h2 IPv6 TLS 1.3 $cipher" curl_get 6 3 "$cipher" 2
	run_case "s_client TLS 1.2 $cipher RSA" s_client_get 2 "$cipher" RSA
	run_case "s_client TLS 1.2 $cipher ECDSA" s_client_get 2 "$cipher" ECDSA
	run_case "s_client TLS 1.3 $cipher" s_client_get 3 "$cipher"
	run_case "gnutls-cli IPv6 TLS 1.2 $cipher" gnutls_get 2 "$cipher"
	run_case "gnutls-cli IPv6 TLS 1.3 $cipher" gnutls_get 3 "$cipher"
done
run_case "python TLS 1.2" python_echo "$SERVER4" --tls12
run_case "python TLS 1.3 IPv6" python_echo "$SERVER6"
run_case "certificate is of the box's CA, names and dates are the server's" box_certificate
run_case "the flow is listed with its facts" flow_is_listed
run_case "the mirror has the HTTP of both directions" mirror_has_http
run_case "the mirror is well-formed TCP" mirror_is_well_formed
run_case "counters add up" counters_add_up 30
finish
