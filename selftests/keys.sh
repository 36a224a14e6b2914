#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Who has which key and which right: the signer alone has the authority's key, workers can
# do no more than serve, and all goes on when one of them is killed.

. "$(dirname "$0")/lib.sh"

# CAP_NET_BIND_SERVICE and CAP_NET_ADMIN.
readonly CAPS=0000000000001400 NONE=0000000000000000

# restart OPTION...: as start_kbumpd, in place of the one before.
restart()
{
	reap kbumpd
	start_kbumpd "$@" || fail "kbumpd: $(cat "$DIR/kbumpd.log")"
}

opens()
{
	[ "$(issuer "${1:-443}")" = "kbump test box CA" ] ||
		fail "issuer: $(issuer "${1:-443}"); $(cat "$DIR/kbumpd.log")"
}

# The same with the server's other certificate, which nobody has asked for yet.
opens_rsa()
{
	local found

	found=$(in_ns "$CLIENT" timeout "$WAIT" openssl s_client -connect "$SERVER4:443" \
		-servername "$NAME" -tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256 </dev/null 2>&1)
	grep '^issuer=CN = kbump test box CA' <<<"$found" ||
		fail "$found; $(cat "$DIR/kbumpd.log")"
}

# refuses TEXT OPTION...: kbumpd does not start, and says TEXT.
refuses()
{
	local text=$1 status=0

	shift
	in_ns "$BOX" timeout "$WAIT" "$BUILD/kbumpd" --ca-cert "$PKI/box-ca.crt" --workers 1 "$@" \
		>"$DIR/refused" 2>&1 </dev/null || status=$?
	[ "$status" = 1 ] || fail "status $status: $(cat "$DIR/refused")"
	has_line "$DIR/refused" "$text" || fail "$(cat "$DIR/refused")"
}

# ---- what each process may

# expect_status PID FIELD VALUE...
expect_status()
{
	local pid=$1 found

	shift
	while [ $# -gt 0 ]; do
		found=$(awk -v "field=$1:" '$1 == field { $1 = ""; print substr($0, 2) }' \
			"/proc/$pid/status")
		[ "$found" = "$2" ] ||
			fail "$(cat "/proc/$pid/comm") $pid: $1 is '$found' and not '$2'"
		shift 2
	done
}

rights()
{
	local pid uid gid

	needs_kbump
	uid=$(id -u nobody) gid=$(id -g nobody)
	has_line "$DIR/kbumpd.log" 'this runs as nobody' || fail "$(cat "$DIR/kbumpd.log")"
	[ "$(children worker | wc -l) $(children signer | wc -l)" = "2 1" ] || fail "$(ps -ef)"
	for pid in "$(pid_of kbumpd)" $(children worker) $(children signer); do
		expect_status "$pid" Uid "$uid $uid $uid $uid" Gid "$gid $gid $gid $gid" \
			Groups "$gid" NoNewPrivs 1 CapInh "$NONE" CapAmb "$NONE" CapBnd "$CAPS"
		# Of a process that cannot be dumped or traced all belongs to root.
		[ "$(stat_owner "/proc/$pid/maps")" = 0 ] || fail "$pid can be traced"
		grep -q '^Max core file size *0 *0 ' "/proc/$pid/limits" || fail "$pid dumps core"
	done
	expect_status "$(pid_of kbumpd)" CapPrm "$CAPS" CapEff "$NONE"
	for pid in $(children worker); do
		expect_status "$pid" CapPrm "$CAPS" CapEff "$CAPS" Seccomp 2
		locked "$pid"
	done
	expect_status "$(children signer)" CapPrm "$NONE" CapEff "$NONE" Seccomp 2
	locked "$(children signer)"
}

stat_owner()
{
	command stat -c %u "$1"
}

locked()
{
	[ "$(awk '/^VmLck:/ { print $2 }' "/proc/$1/status")" -gt 0 ] || fail "$1 may be swapped"
}

# A port that only few may use is kept on the server leg.
low_port()
{
	needs_kbump
	fetch4 443 /hello.txt --local-port 700 | grep -q Hello
	grep ' 443 .* 700 .$' "$DIR/nginx/access.log" || fail "$(cat "$DIR/nginx/access.log")"
}

# ---- who has the authority's key

# Prints the name of each process that has the key in its memory. Its number is stored with
# the first byte first or last, its file as text.
holders()
{
	local number

	number=$(openssl pkey -in "$PKI/box-ca.key" -noout -text |
		awk '/^pub:/ { on = 0 } on { gsub(/[ :]/, ""); printf "%s", $0 } /^priv:/ { on = 1 }')
	# shellcheck disable=SC2046 # words
	/usr/bin/python3 -ISc 'import sys
number = bytes.fromhex(sys.argv[1])[-32:]
text = open(sys.argv[2], "rb").read().split(b"\n")[1]
needles = [number, number[::-1], text]
assert len(number) == 32 and len(text) == 64
for pid in sys.argv[3:]:
    mem = open("/proc/%s/mem" % pid, "rb", 0)
    size = 0
    found = False
    for line in open("/proc/%s/maps" % pid):
        where, rights = line.split()[:2]
        start, end = (int(x, 16) for x in where.split("-"))
        if rights[0] != "r" or "[v" in line:
            continue
        mem.seek(start)
        data = mem.read(end - start)
        size += len(data)
        found = found or any(n in data for n in needles)
    assert size > 1000000
    if found:
        print(open("/proc/%s/comm" % pid).read().strip())
' "$number" "$PKI/box-ca.key" "$(pid_of kbumpd)" $(children worker) $(children signer)
}

key_is_the_signers()
{
	local pid

	needs_kbump
	opens
	[ "$(holders)" = "kbumpd signer" ] || fail "the key is in: $(holders)"
	for pid in $(children worker) $(children signer); do
		if command ls -l "/proc/$pid/fd" | grep box-ca.key; then
			fail "$(cat "/proc/$pid/comm") has the file open"
		fi
	done
}

readable_key()
{
	needs_kbump
	install -m 640 "$PKI/box-ca.key" "$DIR/readable.key"
	refuses 'readable.key: others than its owner have access' --ca-key "$DIR/readable.key"
	chmod 604 "$DIR/readable.key"
	refuses 'readable.key: others than its owner have access' --ca-key "$DIR/readable.key"
}

other_key()
{
	needs_kbump
	refuses 'is not the key of the authority' --ca-key "$PKI/ecdsa.key"
}

encrypted_key()
{
	local key=$DIR/encrypted.key

	needs_kbump
	openssl pkcs8 -topk8 -in "$PKI/box-ca.key" -passout pass:xyzzy -iter 2048 -out "$key"
	chmod 600 "$key"
	refuses 'the key is encrypted, and no passphrase is given' --ca-key "$key"
	refuses 'passphrase of --ca-pass-command does not fit' --ca-key "$key" \
		--ca-pass-command 'echo xyzzz'
	refuses 'command ended with status 3' --ca-key "$key" --ca-pass-command 'echo xyzzy; exit 3'
	restart --ca-key "$key" --ca-pass-command "echo xyzzy; echo run >>'$DIR/runs'" --workers 1
	opens
	# A signer that is started anew can still open it, and asks nobody.
	kill -KILL "$(children signer)"
	wait_for "$WAIT" has_line "$DIR/kbumpd.log" 'a signer was started anew'
	opens_rsa
	[ "$(cat "$DIR/runs")" = run ] || fail "$(cat "$DIR/runs")"
}

token()
{
	local uri='pkcs11:token=kbump;object=ca;type=private'

	needs_kbump
	make_token
	refuses 'the token gives no key' --ca-key "$uri" --ca-pass-command 'echo 4321'
	restart --ca-key "$uri" --ca-pass-command 'echo 1234' --workers 1
	opens
	# This token is software, and so the key may be where it is used.
	[[ $(holders) =~ ^("kbumpd signer")?$ ]] || fail "the key is in: $(holders)"
	expect_status "$(children signer)" Seccomp 2 CapPrm "$NONE"
}

make_token()
{
	export SOFTHSM2_CONF=$DIR/softhsm.conf

	mkdir "$DIR/tokens"
	echo "directories.tokendir = $DIR/tokens" >"$SOFTHSM2_CONF"
	openssl pkcs8 -topk8 -nocrypt -in "$PKI/box-ca.key" -out "$DIR/import.key"
	softhsm2-util --init-token --free --label kbump --so-pin 5678 --pin 1234
	softhsm2-util --import "$DIR/import.key" --token kbump --label ca --id 01 --pin 1234
	# The signer is nobody by then.
	chmod 711 "$DIR"
	chown -R nobody: "$DIR/tokens"
}

# ---- deaths

# The signer hears nothing while a client waits for its signature, then it is killed.
killed_signer()
{
	local pid

	needs_kbump
	restart --workers 1
	pid=$(children signer)
	kill -STOP "$pid"
	client_in_background first
	wait_for "$WAIT" has_handshake
	kill -KILL "$pid"
	wait_for "$WAIT" has_line "$DIR/first.log" Hello || fail "$(cat "$DIR"/{first,kbumpd}.log)"
	has_line "$DIR/kbumpd.log" "signer $pid was ended by signal 9"
	has_line "$DIR/kbumpd.log" 'a signer was started anew'
	opens_rsa
}

client_in_background()
{
	spawn "$1" "$CLIENT" curl -sS --max-time "$WAIT" --cacert "$CLIENT_CA" \
		--resolve "$NAME:443:$SERVER4" "https://$NAME/hello.txt"
}

has_handshake()
{
	[ "$(stat handshakes)" -ge "${1:-1}" ]
}

# Some clients wait for the signature of one certificate, and others come when it is there.
one_signature()
{
	local i

	needs_kbump
	restart --workers 1
	kill -STOP "$(children signer)"
	for i in 1 2 3 4; do
		client_in_background "client$i"
	done
	wait_for "$WAIT" has_handshake 2
	kill -CONT "$(children signer)"
	for i in 1 2 3 4; do
		wait_for "$WAIT" has_line "$DIR/client$i.log" Hello || fail "$(cat "$DIR/client$i.log")"
	done
	kill -TERM "$(pid_of kbumpd)"
	wait_end kbumpd
	has_line "$DIR/kbumpd.log" 'signer: 1 certificates for verified servers, 0 for others' ||
		fail "$(cat "$DIR/kbumpd.log")"
}

# What the filter of system calls does to a worker is seen by all.
forbidden_call()
{
	local pid

	needs_kbump
	restart
	pid=$(children worker | head -n 1)
	kill -SYS "$pid"
	wait_for "$WAIT" has_line "$DIR/kbumpd.log" 'a worker was started anew'
	has_line "$DIR/kbumpd.log" "worker $pid was ended by signal 31 (forbidden system call)" ||
		fail "$(cat "$DIR/kbumpd.log")"
	opens
}

# Not even with SIGKILL does the master leave anybody behind.
killed_master()
{
	local pid pids

	needs_kbump
	pids=$(children worker; children signer)
	[ "$(wc -w <<<"$pids")" -ge 2 ]
	kill -KILL "$(pid_of kbumpd)"
	for pid in $pids; do
		wait_for "$WAIT" ended "$pid" || fail "$(cat "/proc/$pid/comm") lives on"
	done
}

ended()
{
	[ ! -e "/proc/$1" ]
}

# ---- the key log

key_log()
{
	local log=$DIR/secrets

	needs_kbump
	restart --workers 1 --user daemon --key-log "$log"
	expect_status "$(children worker)" Uid "1 1 1 1"
	has_line "$DIR/kbumpd.log" "WARNING: the secrets of ALL connections are written to $log"
	SSLKEYLOGFILE=$DIR/client-secrets fetch4 443 /hello.txt | grep -q Hello
	settle
	[ "$(command stat -c '%a %u' "$log")" = "600 0" ] || fail "$(ls -l "$log")"
	# The client's own secrets are there, and those of the other leg.
	grep -c TRAFFIC_SECRET_0 "$DIR/client-secrets" | grep -qx 2
	grep TRAFFIC_SECRET_0 "$DIR/client-secrets" | while read -r line; do
		grep -qxF "$line" "$log" || fail "missing: $line"
	done
	[ "$(grep -c '^CLIENT_TRAFFIC_SECRET_0 [0-9a-f]\{64\} [0-9a-f]*$' "$log")" = 2 ] ||
		fail "$(cat "$log")"
}

key_log_refused()
{
	needs_kbump
	: >"$DIR/open-log"
	chmod 644 "$DIR/open-log"
	refuses 'not a file that its owner alone has access to' --ca-key "$PKI/box-ca.key" \
		--key-log "$DIR/open-log"
	refuses 'no such user' --ca-key "$PKI/box-ca.key" --user nosuchuser
	refuses 'this user is the superuser' --ca-key "$PKI/box-ca.key" --user root
}

# The operator's own servers: the real certificate, as long as the client can use its key.
known_server()
{
	local files="$PKI/ecdsa.crt,$PKI/ecdsa.key" found

	needs_kbump
	refuses 'not CERT,KEY' --ca-key "$PKI/box-ca.key" --identity "$PKI/ecdsa.crt"
	refuses 'is not the key of the certificate' --ca-key "$PKI/box-ca.key" \
		--identity "$PKI/ecdsa.crt,$PKI/rsa.key"
	restart --identity "$files" --workers 1
	found=$(issuer 443)
	[ "$found" = "kbump test server CA" ] || fail "issuer: $found"
	fetch4 443 /hello.txt --cacert "$PKI/server-ca.crt" --http2 >/dev/null
	[ "$(stat bypassed)" = 0 ] || fail "it was not opened"
	# Without a name: by the address.
	in_ns "$CLIENT" curl -sS --max-time "$WAIT" --cacert "$PKI/server-ca.crt" \
		"https://$SERVER4/hello.txt" >/dev/null
	# The client wants an RSA key, and gets a forged one.
	fetch4 443 /hello.txt --tls-max 1.2 --ciphers ECDHE-RSA-AES128-GCM-SHA256 >/dev/null
	# A server that did not verify is not the one that is known.
	restart --identity "$files" --trust "$PKI/box-ca.crt" --workers 1
	if fetch4 443 /unverified --cacert "$PKI/server-ca.crt" >"$DIR/out" 2>&1; then
		fail "$(cat "$DIR/out")"
	fi
}

setup
start_nginx || bail_out "nginx does not start"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rules"
kbump rule add dport 8443 action inspect tool ids || bail_out "cannot add the rules"
run_case "user, capabilities, filters, memory" rights
run_case "the signer alone has the authority's key" key_is_the_signers
run_case "a client's low port is kept" low_port
run_case "a key that others may read is refused" readable_key
run_case "a key of something else is refused" other_key
run_case "an encrypted key" encrypted_key
run_case "a key in a token" token
run_case "a server of one's own" known_server
run_case "the signer is killed while a client waits" killed_signer
run_case "one signature for all that wait" one_signature
run_case "a forbidden system call is seen" forbidden_call
run_case "the key log, and another user" key_log
run_case "a key log that others may read is refused" key_log_refused
run_case "the master is killed" killed_master
finish
