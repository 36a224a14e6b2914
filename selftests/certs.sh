#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Servers with certificates that are wrong in each way known, judged by kbumpd's own code in
# true handshakes, and beside it by curl, gnutls-cli, "openssl s_client" and "openssl verify".
# In userspace alone: no kernel module, no network but the loopback device.
#
# We must find what is expected, and never take what "openssl verify -x509_strict
# -policy_check" refuses, but for what certs-rows.c gives a reason for.

. "$(dirname "$0")/lib.sh"

readonly CERTS=$BUILD/selftests/certs
# Of the processor, for one server: handshake and judgement.
readonly MS_MAX=5000

# ---- the other programs: each prints "ok" or "no"

say_status()
{
	if "$@" </dev/null >/dev/null 2>&1; then
		echo ok
	else
		echo no
	fi
}

is_address()
{
	[[ $1 =~ ^[0-9.]+$ || $1 == *:* ]]
}

by_curl()
{
	local dir=$1 host=$2 port=$3

	say_status curl -sS --max-time "$WAIT" --noproxy '*' --cacert "$dir/trusted.pem" \
		--resolve "$host:$port:127.0.0.1" "https://$host:$port/"
}

by_gnutls()
{
	local dir=$1 host=$2 port=$3
	local -a name=(--verify-hostname "$host")

	is_address "$host" || name+=(--sni-hostname "$host")
	say_status timeout "$WAIT" gnutls-cli --x509cafile "$dir/trusted.pem" --port "$port" \
		"${name[@]}" 127.0.0.1
}

# Options of both programs of openssl.
want_name()
{
	if is_address "$1"; then
		echo "-verify_ip $1"
	else
		echo "-verify_hostname $1"
	fi
}

by_s_client()
{
	local dir=$1 host=$2 port=$3
	local -a name=(-servername "$host")

	! is_address "$host" || name=(-noservername)
	# shellcheck disable=SC2046 # two words
	say_status timeout "$WAIT" openssl s_client -connect "127.0.0.1:$port" "${name[@]}" \
		$(want_name "$host") -verify_return_error -no-CApath -no-CAstore \
		-CAfile "$dir/trusted.pem"
}

by_verify()
{
	local dir=$1 host=$2 mode=$3
	local -a options=()

	# An empty file of certificates is an error.
	[ ! -s "$dir/sent.pem" ] || options+=(-untrusted "$dir/sent.pem")
	[[ $mode != *+crl ]] || options+=(-crl_check -CRLfile "$dir/crl.pem")
	# shellcheck disable=SC2046 # two words
	say_status openssl verify -x509_strict -policy_check -purpose sslserver \
		$(want_name "$host") -no-CApath -no-CAstore -CAfile "$dir/trusted.pem" \
		"${options[@]}" "$dir/leaf.pem"
}

# others ROW PORT HOST MODE: the verdicts of the four, into a file.
others()
{
	local dir=$DIR/lab/$1 port=$2 host=$3 mode=$4

	if [ "$port" = 0 ]; then
		echo "- - - $(by_verify "$dir" "$host" "$mode")"
	else
		echo "$(by_curl "$dir" "$host" "$port") $(by_gnutls "$dir" "$host" "$port")" \
			"$(by_s_client "$dir" "$host" "$port") $(by_verify "$dir" "$host" "$mode")"
	fi >"$dir/others"
}

# Two at a time for each processor.
ask_others()
{
	local row port host mode limit=$((2 * $(nproc)))

	while IFS=$'\t' read -r row _ _ _ port host mode _; do
		[ "$(jobs -rp | wc -l)" -lt "$limit" ] || wait -n
		others "$row" "$port" "$host" "$mode" &
	done <"$DIR/rows"
	# The server is a child, too, and does not end.
	for job in $(jobs -p); do
		[ "$job" = "$server" ] || wait "$job"
	done
}

# ---- what has to be

judge_row()
{
	local row=$1 expected=$2 ours=$3 ms=$4 why=$5 verify=$6

	[ "$ours" = "$expected" ] || fail "found $ours, expected $expected"
	[ "$ms" -le "$MS_MAX" ] || fail "took $ms ms of the processor"
	if [ "$ours $verify" = "ok no" ]; then
		[ "$why" != - ] || fail "openssl verify refuses it, and no reason is given"
	else
		[ "$why" = - ] || fail "a reason is given for what openssl verify takes"
	fi
}

table()
{
	local row expected ours ms port host mode why said curl gnutls s_client verify

	say "$(printf '%-32s %-11s %-11s %-4s %-6s %-8s %-6s %s' row expected kbumpd curl \
		gnutls s_client verify 'what kbumpd said')"
	while IFS=$'\t' read -r row expected ours ms port host mode why said; do
		read -r curl gnutls s_client verify <"$DIR/lab/$row/others"
		say "$(printf '%-32s %-11s %-11s %-4s %-6s %-8s %-6s %s' "$row" "$expected" \
			"$ours" "$curl" "$gnutls" "$s_client" "$verify" "$said")"
		[ "$why" = - ] || say "$(printf '%-32s not as verify: %s' '' "$why")"
		(judge_row "$row" "$expected" "$ours" "$ms" "$why" "$verify") >"$DIR/case.log" 2>&1
		result $? "$row: $expected" "$DIR/case.log"
	done <"$DIR/rows"
}

# Adds the cases of a program that speaks TAP itself.
adopt()
{
	local what=$1 line

	shift
	"$CERTS" "$@" >"$DIR/tap" 2>"$DIR/tap.err"
	grep -q '^1\.\.' "$DIR/tap" || echo "not ok 0 - runs to its end" >>"$DIR/tap"
	while IFS= read -r line; do
		case $line in
		"ok "*) result 0 "$what: ${line#ok * - }" "$DIR/tap.err" ;;
		"not ok "*) result 1 "$what: ${line#not ok * - }" "$DIR/tap.err" ;;
		1..*|TAP*) ;;
		*) say "$line" ;;
		esac
	done <"$DIR/tap"
}

rows_done()
{
	grep -q '^ready$' "$DIR/out" || ! kill -0 "$server" 2>/dev/null
}

cleanup()
{
	[ "$BASHPID" = "$$" ] || return
	[ -z "$server" ] || kill "$server" 2>/dev/null
	rm -rf "$DIR"
}

server=''
DIR=$(mktemp -d "${TMPDIR:-/tmp}/kbump-certs.XXXXXX") || exit 1
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
echo "TAP version 13"
mkdir "$DIR/lab" "$DIR/trust"
adopt "server leg" tls
adopt "reading" trust "$DIR/trust"
"$CERTS" judge "$DIR/lab" >"$DIR/out" 2>"$DIR/err" &
server=$!
wait_for "$CASE_LIMIT" rows_done
grep -q '^ready$' "$DIR/out" || { sed 's/^/# /' "$DIR/err"; echo "Bail out! no rows"; exit 1; }
grep $'\t' "$DIR/out" >"$DIR/rows"
ask_others
table
echo "1..$cases"
exit $((failures != 0))
