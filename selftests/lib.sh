# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the shell tests share: TAP, waiting, the namespaces, the PKI, the programs at both
# ends, kbumpd, and captures on the tool's side. A test sources this, calls setup, runs
# its functions by run_case and ends with finish.
#
#   client 10.1.0.2 fd01::2 --- c0 box s0 --- 10.2.0.2 fd02::2 server
#                                  tool0 --- mon0 tool
#
# KBUMP_DIRECT=1: the box only forwards, without module and helper, and what concerns
# them is skipped. This tells a fault of the harness from one of kbump.

set -u
export LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

SELFTESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(dirname "$SELFTESTS")
BUILD=$TOP/build
DIRECT=${KBUMP_DIRECT:-}
MODULE=$BUILD/$(uname -r)/kbump.ko
readonly SELFTESTS TOP BUILD DIRECT MODULE
readonly EXIT_SKIP=4

# Under emulation all is some twenty times slower: these are limits, not durations.
readonly WAIT=${KBUMP_TEST_WAIT:-60}
readonly CASE_LIMIT=${KBUMP_TEST_LIMIT:-180}

readonly NAME=www.example.test
readonly SERVER4=10.2.0.2 SERVER6=fd02::2 CLIENT4=10.1.0.2 CLIENT6=fd01::2
readonly BOX4=10.1.0.1 BOX6=fd01::1

CLIENT=kb$$c BOX=kb$$b SERVER=kb$$s TOOL=kb$$t
DIR=
cases=0
failures=0

# ---- TAP

say()
{
	echo "# $*"
}

# In a case: end it.
fail()
{
	echo "$*"
	exit 1
}

skip()
{
	echo "$*"
	exit "$EXIT_SKIP"
}

needs_kbump()
{
	[ -z "$DIRECT" ] || skip "needs kbump"
}

result()
{
	local status=$1 name=$2 log=$3

	cases=$((cases + 1))
	case $status in
	0)
		echo "ok $cases - $name"
		return
		;;
	"$EXIT_SKIP")
		echo "ok $cases - $name # SKIP $(tail -n 1 "$log")"
		return
		;;
	esac
	failures=$((failures + 1))
	echo "not ok $cases - $name"
	tail -n 40 "$log" | sed 's/^/#   /'
	kill_clients
}

# What a case leaves running must not disturb the next one.
kill_clients()
{
	local pids

	pids=$(ip netns pids "$CLIENT" 2>/dev/null; ip netns pids "$TOOL" 2>/dev/null)
	# shellcheck disable=SC2086 # words
	[ -z "$pids" ] || kill -KILL $pids
}

# run_case NAME FUNCTION [ARGUMENT]...: in a process group of its own, to end a hang whole.
run_case()
{
	local name=$1 log=$DIR/case.log pid watchdog status

	shift
	set -m
	(
		set +m
		set -e
		"$@"
	) </dev/null >"$log" 2>&1 &
	pid=$!
	sleep "$CASE_LIMIT" >/dev/null 2>&1 &
	watchdog=$!
	set +m
	status=0
	wait -n "$pid" "$watchdog" || status=$?
	if kill -0 "$watchdog" 2>/dev/null; then
		kill -KILL "$watchdog"
	else
		echo "no end within $CASE_LIMIT s" >>"$log"
		status=1
	fi
	kill -KILL -- "-$pid" 2>/dev/null
	wait "$pid" "$watchdog" 2>/dev/null
	result "$status" "$name" "$log"
}

# ---- waiting

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for()
{
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		if [ "$SECONDS" -ge "$end" ]; then
			echo "waited in vain for: $*"
			return 1
		fi
		sleep 0.1
	done
}

has_line()
{
	grep -q -e "$2" "$1" 2>/dev/null
}

# ---- background programs: logs and pids by name

in_ns()
{
	ip netns exec "$@"
}

# spawn NAME NETNS COMMAND...
spawn()
{
	local name=$1

	shift
	# The log is opened for appending, so that a test may empty it.
	: >"$DIR/$name.log"
	setsid ip netns exec "$@" </dev/null >>"$DIR/$name.log" 2>&1 &
	echo $! >"$DIR/$name.pid"
	disown 2>/dev/null || true
}

pid_of()
{
	cat "$DIR/$1.pid" 2>/dev/null
}

is_gone()
{
	! kill -0 -- "-$1" 2>/dev/null || [ "$(ps -o stat= -p "$1" | cut -c 1)" = Z ]
}

# reap NAME [SIGNAL]: it and all its children.
reap()
{
	local pid

	pid=$(pid_of "$1") || return 0
	[ "$pid" ] || return 0
	kill "-${2:-TERM}" -- "-$pid" 2>/dev/null || true
	if ! wait_for "$WAIT" is_gone "$pid" >/dev/null; then
		echo "$1 (pid $pid) does not end by SIG${2:-TERM}"
		kill -KILL -- "-$pid"
	fi
	rm -f "$DIR/$1.pid"
}

# wait_end NAME: until the program named ends; its status is not known, its log tells.
wait_end()
{
	local pid

	pid=$(pid_of "$1")
	wait_for "${2:-$WAIT}" is_gone "$pid"
}

# ---- namespaces

setup_client()
{
	ip netns add "$CLIENT"
	ip -n "$CLIENT" -batch - <<-IP
		link set lo up
		link add eth0 type veth peer name c0 netns $BOX
		addr add $CLIENT4/24 dev eth0
		addr add $CLIENT6/64 dev eth0 nodad
		link set eth0 up
	IP
}

setup_server()
{
	ip netns add "$SERVER"
	ip -n "$SERVER" -batch - <<-IP
		link set lo up
		link add eth0 type veth peer name s0 netns $BOX
		addr add $SERVER4/24 dev eth0
		addr add $SERVER6/64 dev eth0 nodad
		link set eth0 up
	IP
}

setup_box()
{
	in_ns "$BOX" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
		net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1
	ip -n "$BOX" -batch - <<-IP
		link set lo up
		addr add 10.1.0.1/24 dev c0
		addr add fd01::1/64 dev c0 nodad
		link set c0 up
		addr add 10.2.0.1/24 dev s0
		addr add fd02::1/64 dev s0 nodad
		link set s0 up
	IP
}

# keep_order NETNS DEVICE: a veth hands frames to the processor that sent them, and so may
# change their order, which no cable does. One processor receives for all.
keep_order()
{
	in_ns "$1" sh -c "echo 1 >'/sys/class/net/$2/queues/rx-0/rps_cpus'"
}

# What a busy processor has not received yet is not to be lost: a cable and a tool of its own would
# keep it. For all namespaces, and so it is put back.
deepen_backlog()
{
	sysctl -n net.core.netdev_max_backlog >"$DIR/backlog"
	sysctl -qw net.core.netdev_max_backlog=100000
}

# add_tool_link DEVICE PEER: from the box to the tool's namespace.
add_tool_link()
{
	ip -n "$BOX" link add "$1" type veth peer name "$2" netns "$TOOL"
	in_ns "$BOX" sysctl -qw "net.ipv6.conf.$1.disable_ipv6=1"
	in_ns "$TOOL" sysctl -qw "net.ipv6.conf.$2.disable_ipv6=1"
	ip -n "$BOX" link set "$1" arp off up
	ip -n "$TOOL" link set "$2" arp off up
	keep_order "$TOOL" "$2"
}

setup_tool_link()
{
	deepen_backlog
	add_tool_link tool0 mon0
}

routes()
{
	ip -n "$CLIENT" -batch - <<-IP
		route add default via 10.1.0.1
		route add default via fd01::1
	IP
	ip -n "$SERVER" -batch - <<-IP
		route add default via 10.2.0.1
		route add default via fd02::1
	IP
}

# Links and neighbours take a moment; a refused connection shows that they are there.
reachable()
{
	in_ns "$CLIENT" timeout 5 bash -c ": >/dev/tcp/$1/9" 2>&1 | grep -q 'Connection refused'
}

setup_network()
{
	ip netns add "$BOX" && ip netns add "$TOOL" || return
	setup_client && setup_server && setup_box && routes && setup_tool_link &&
		wait_for "$WAIT" reachable "$SERVER4" && wait_for "$WAIT" reachable "$SERVER6"
}

# Little of a transfer waits on its way, so that a small one can stand half-way.
small_buffers()
{
	local ns

	for ns in "$CLIENT" "$BOX" "$SERVER"; do
		in_ns "$ns" sysctl -qw net.ipv4.tcp_rmem='4096 131072 524288' \
			net.ipv4.tcp_wmem='4096 65536 524288'
	done
}

# ---- PKI

make_ca()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
		-subj "/CN=$2" -keyout "$1.key" -out "$1.crt" \
		-addext basicConstraints=critical,CA:TRUE \
		-addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
}

# make_leaf FILE START END KEY-OPTION...
make_leaf()
{
	local file=$1 start=$2 end=$3

	shift 3
	openssl req -new -nodes -subj "/CN=$NAME" -newkey "$@" -keyout "$file.key" \
		-out "$file.csr" 2>/dev/null &&
	openssl ca -batch -notext -config ca.conf -startdate "$start" -enddate "$end" \
		-in "$file.csr" -out "$file.crt" 2>/dev/null
}

write_ca_conf()
{
	cat >ca.conf <<-CONF
		[ca]
		default_ca = server
		[server]
		database = index
		new_certs_dir = .
		rand_serial = yes
		unique_subject = no
		default_md = sha256
		certificate = server-ca.crt
		private_key = server-ca.key
		policy = any
		x509_extensions = leaf
		[any]
		commonName = supplied
		[leaf]
		basicConstraints = critical,CA:FALSE
		extendedKeyUsage = serverAuth
		subjectAltName = DNS:$NAME,DNS:other.example.test,IP:$SERVER4,IP:$SERVER6
	CONF
	: >index
}

make_pki()
{
	local from to

	from=$(date -u -d '1 day ago' +%Y%m%d%H%M%SZ)
	to=$(date -u -d '20 days' +%Y%m%d%H%M%SZ)
	(
		cd "$1" && write_ca_conf &&
		make_ca server-ca "kbump test server CA" && make_ca box-ca "kbump test box CA" &&
		make_leaf rsa "$from" "$to" rsa:2048 &&
		make_leaf ecdsa "$from" "$to" ec -pkeyopt ec_paramgen_curve:P-256 &&
		make_leaf expired 20200101000000Z 20200201000000Z ec \
			-pkeyopt ec_paramgen_curve:P-256
	)
}

# One PKI serves all tests of a run: keys are slow to make.
setup_pki()
{
	PKI=${KBUMP_TEST_PKI:-$DIR/pki}
	if [ ! -e "$PKI/done" ]; then
		mkdir -p "$PKI" && make_pki "$PKI" && : >"$PKI/done" || return
	fi
	CLIENT_CA=$PKI/box-ca.crt
	[ -z "$DIRECT" ] || CLIENT_CA=$PKI/server-ca.crt
}

# ---- programs in the server's namespace

write_nginx_conf()
{
	cat <<-CONF
		daemon off;
		user root;
		worker_processes 1;
		pid $DIR/nginx/pid;
		error_log $DIR/nginx/error.log;
		events { worker_connections 1024; }
		http {
			log_format t '\$remote_addr \$server_port \$server_protocol \$status '
				'\$request_uri \$ssl_protocol \$ssl_cipher \$remote_port '
				'\$ssl_session_reused';
			access_log $DIR/nginx/access.log t;
			client_body_temp_path $DIR/nginx/body;
			client_max_body_size 0;
			ssl_protocols TLSv1.2 TLSv1.3;
			ssl_session_cache off;
			ssl_early_data on;
			root $DIR/www;
			server {
				listen 443 ssl http2;
				listen [::]:443 ssl http2;
				listen 446 ssl http2;
				listen 8443 ssl http2;
				listen 80;
				listen 81 http2;
				listen [::]:81 http2;
				ssl_certificate $PKI/rsa.crt;
				ssl_certificate_key $PKI/rsa.key;
				ssl_certificate $PKI/ecdsa.crt;
				ssl_certificate_key $PKI/ecdsa.key;
				location /up/ { dav_methods PUT; create_full_put_path on; }
			}
			server {
				listen 445 ssl http2;
				ssl_certificate $PKI/expired.crt;
				ssl_certificate_key $PKI/expired.key;
			}
		}
	CONF
}

listens()
{
	in_ns "$1" ss -Hltn "sport = :$2" | grep -q .
}

start_nginx()
{
	mkdir -p "$DIR/nginx" "$DIR/www"
	echo "Hello from the server" >"$DIR/www/hello.txt"
	write_nginx_conf >"$DIR/nginx/conf"
	spawn nginx "$SERVER" nginx -e "$DIR/nginx/error.log" -c "$DIR/nginx/conf"
	wait_for "$WAIT" listens "$SERVER" 445
}

# The python server, on port 444; see peer.py for what it does on command.
start_peer()
{
	spawn peer "$SERVER" /usr/bin/python3 -IS "$SELFTESTS/peer.py" server \
		--cert "$PKI/ecdsa.crt" --key "$PKI/ecdsa.key" 444
	wait_for "$WAIT" listens "$SERVER" 444
}

# serve PORT OPTION...: openssl's server, with the file www/*; its log is s_server.log.
serve()
{
	local port=$1

	shift
	reap s_server
	spawn s_server "$SERVER" env -C "$DIR/www" openssl s_server -accept "$port" \
		-cert "$PKI/ecdsa.crt" -key "$PKI/ecdsa.key" -WWW "$@"
	wait_for "$WAIT" listens "$SERVER" "$port"
}

# ask PORT OPTION...: /hello.txt with s_client, all that it says to $DIR/out.
ask()
{
	local port=$1

	shift
	printf 'GET /hello.txt HTTP/1.0\r\n\r\n' |
		in_ns "$CLIENT" timeout "$WAIT" openssl s_client -connect "$SERVER4:$port" \
			-servername "$NAME" -CAfile "$CLIENT_CA" -verify_return_error -ign_eof "$@" \
			>"$DIR/out" 2>&1 || fail "$(tail -n 20 "$DIR/out")"
	grep -q '^Hello from the server' "$DIR/out" || fail "$(tail -n 20 "$DIR/out")"
}

# request PATH COMMAND...: the command's standard input is a request, and has no end: of an end
# clients tell with close_notify, and nginx resets a connection that it closes with that unread.
request()
{
	local path=$1

	shift
	rm -f "$DIR/request"
	mkfifo "$DIR/request"
	{ printf 'GET %s HTTP/1.0\r\n\r\n' "$path" >&0; "$@"; } <>"$DIR/request"
}

# peer NAME ARGUMENT...: a python client in the background.
peer()
{
	local name=$1

	shift
	spawn "$name" "$CLIENT" /usr/bin/python3 -IS "$SELFTESTS/peer.py" client \
		--ca "$CLIENT_CA" "$@"
}

# The same in the foreground.
peer_run()
{
	in_ns "$CLIENT" /usr/bin/python3 -IS "$SELFTESTS/peer.py" client --ca "$CLIENT_CA" "$@"
}

peer_log_has()
{
	wait_for "$WAIT" has_line "$DIR/peer.log" "$1" || { cat "$DIR/peer.log"; return 1; }
}

# A transfer of $SIZE bytes that stands half-way, and its end.
# shellcheck disable=SC2153 # the test's
transfer_begin()
{
	rm -f "$DIR/go"
	peer transfer --size "$SIZE" --go "$DIR/go" down
	wait_for "$WAIT" has_line "$DIR/transfer.log" half-way || fail "$(cat "$DIR/transfer.log")"
}

transfer_end()
{
	: >"$DIR/go"
	wait_for "$WAIT" has_line "$DIR/transfer.log" '^end' || fail "$(cat "$DIR/transfer.log")"
	has_line "$DIR/transfer.log" "received $SIZE intact" || fail "$(cat "$DIR/transfer.log")"
	has_line "$DIR/transfer.log" 'end closed' || fail "$(cat "$DIR/transfer.log")"
}

# fetch4 PORT PATH [CURL-OPTION]...: with curl, the body to the standard output.
fetch4()
{
	local port=$1 path=$2

	shift 2
	in_ns "$CLIENT" curl -sS --max-time "$WAIT" --cacert "$CLIENT_CA" \
		--resolve "$NAME:$port:$SERVER4" "$@" "https://$NAME:$port$path"
}

fetch6()
{
	local port=$1 path=$2

	shift 2
	in_ns "$CLIENT" curl -sS --max-time "$WAIT" --cacert "$CLIENT_CA" \
		--resolve "$NAME:$port:[$SERVER6]" "$@" "https://$NAME:$port$path"
}

# issuer PORT [NAME]: of the certificate that a client sees; with an empty name it sends none.
issuer()
{
	local name=(-servername "${2-$NAME}")

	[ "${2-$NAME}" ] || name=(-noservername)
	in_ns "$CLIENT" timeout "$WAIT" openssl s_client -connect "$SERVER4:$1" \
		"${name[@]}" </dev/null 2>/dev/null |
		openssl x509 -noout -issuer 2>/dev/null | sed 's/.*CN *= *//'
}

# sees PORT NAME ISSUER: whose certificate does the client see?
sees()
{
	local found

	found=$(issuer "$1" "$2")
	[ "$found" = "$3" ] || fail "$2 on port $1: issuer \"$found\", not \"$3\""
}

# ---- kbump

kbump()
{
	[ -n "$DIRECT" ] || in_ns "$BOX" "$BUILD/kbump" "$@"
}

# wrong TEXT WORD...: the command is refused, by kbump or by the kernel, and the reason has TEXT.
wrong()
{
	local text=$1 status=0

	shift
	kbump "$@" >"$DIR/out" 2>&1 || status=$?
	[ "$status" = 1 ] || [ "$status" = 2 ] || fail "status $status"
	grep -q -i -e "$text" "$DIR/out" || fail "$(cat "$DIR/out")"
}

# value EXPRESSION: of the JSON document d on the standard input.
value()
{
	/usr/bin/python3 -ISc 'import json, sys
d = json.load(sys.stdin)
v = eval("(" + sys.argv[1] + ")")
print(json.dumps(v) if isinstance(v, (bool, list, dict)) else v)' "$1"
}

# stat COUNTER
stat()
{
	# The answer is one object, or a list of one.
	kbump -j stat show | value "(d[0] if isinstance(d, list) else d)['$1']"
}

# tool_value KEY: of the tool "ids", with its counters
tool_value()
{
	kbump -j -s tool show ids | value "(d[0] if isinstance(d, list) else d)['$1']"
}

tool_is()
{
	[ "$(tool_value "$1")" = "$2" ]
}

flow_count()
{
	kbump -j flow show | value "len([f for f in d if ${1:-True}])"
}

no_flows()
{
	[ -n "$DIRECT" ] || [ -z "$(kbump flow show)" ]
}

start_kbumpd()
{
	[ -z "$DIRECT" ] || return 0
	spawn kbumpd "$BOX" "$BUILD/kbumpd" --ca-cert "$PKI/box-ca.crt" \
		--ca-key "$PKI/box-ca.key" --trust "$PKI/server-ca.crt" --workers 2 "$@"
	wait_for "$WAIT" has_line "$DIR/kbumpd.log" 'kbumpd: ready'
}

# Process ids of kbumpd and its children.
kbumpd_pids()
{
	ps -o pid= -g "$(pid_of kbumpd)"
}

# Process ids of kbumpd's children named, "signer" or "worker".
children()
{
	local pid

	for pid in $(ps -o pid= --ppid "$(pid_of kbumpd)"); do
		[ "$(cat "/proc/$pid/comm")" != "kbumpd $1" ] || echo "$pid"
	done
}

# Processor time of kbumpd in clock ticks.
kbumpd_ticks()
{
	local pid total=0 fields

	for pid in $(kbumpd_pids); do
		fields=$(sed 's/.*) //' "/proc/$pid/stat")
		# shellcheck disable=SC2086 # words: utime and stime are 12 and 13 after the name
		set -- $fields
		total=$((total + ${12} + ${13}))
	done
	echo "$total"
}

load_module()
{
	[ -z "$DIRECT" ] || return 0
	[ ! -d /sys/module/kbump ] || return 0
	[ -e "$MODULE" ] || { echo "no module $MODULE"; return 1; }
	# shellcheck disable=SC2046 # words
	modprobe -a tls $(modinfo -F depends "$MODULE" | tr , ' ')
	insmod "$MODULE"
}

# Waits until the kernel has ended all flows.
settle()
{
	wait_for "$WAIT" no_flows || { kbump -s flow show; return 1; }
}

# Rule and tool that most tests want: steer 443 to 449 but for what a test adds before. What one
# client has refused is to be inspected again for the next.
inspect_all()
{
	kbump tool add ids dev tool0 &&
		kbump rule add dport 443-449 action inspect tool ids learn off
}

# rule WORD...: one more rule, before that which inspects all.
rule()
{
	kbump rule add pref 5 "$@"
}

# As run_case(); the next case begins without such rules, however this one ends.
run_rule_case()
{
	local pref

	run_case "$@"
	for pref in 5 6 7; do
		kbump rule del pref "$pref" 2>/dev/null
	done
}

# monitoring NAME: this job has joined a multicast group, as the kernel shows it. kbumpd is in one
# too; the low bits of a socket's port are the process (libnl).
monitoring()
{
	# shellcheck disable=SC2016 # awk's
	in_ns "$BOX" awk -v pid="$(pid_of "$1")" \
		'$2 == 16 && $4 != "00000000" && $3 % 4194304 == pid { n++ } END { exit !n }' \
		/proc/net/netlink
}

# netstat COUNTER [NETNS]: of the box, or another host
netstat()
{
	in_ns "${2:-$BOX}" nstat -asz "$1" | awk -v n="$1" '$1 == n { print $2 }'
}

# TCP of the box sees, and judges, ICMP errors about the client leg: path MTU discovery.
icmp_errors()
{
	local before

	needs_kbump
	before=$(netstat TcpExtOutOfWindowIcmps)
	peer_run icmp >"$DIR/out" || fail "$(cat "$DIR/out")"
	has_line "$DIR/out" intact || fail "$(cat "$DIR/out")"
	[ "$(($(netstat TcpExtOutOfWindowIcmps) - before))" = 1 ] || fail "the error was lost"
	settle
}

# nft_box: the box's ruleset from the standard input, beside what is there.
nft_box()
{
	in_ns "$BOX" nft -f -
}

clear_nft()
{
	in_ns "$BOX" nft flush ruleset
}

# ---- captures in the tool's namespace

received()
{
	in_ns "$TOOL" cat /sys/class/net/mon0/statistics/rx_packets
}

capture_start()
{
	rm -f "$DIR/mirror.pcap"
	spawn tcpdump "$TOOL" tcpdump -n -U -s 0 -B "${1:-16384}" -i mon0 -w "$DIR/mirror.pcap"
	wait_for "$WAIT" has_line "$DIR/tcpdump.log" 'listening on'
	received >"$DIR/received"
}

captured_all()
{
	[ "$("$BUILD/selftests/pcapcat" -c "$DIR/mirror.pcap")" -ge \
	  "$(($(received) - $(cat "$DIR/received")))" ]
}

# Waits until all that reached the device is in the file: no frame is waited for by time.
capture_stop()
{
	settle && wait_for "$WAIT" captured_all || return
	reap tcpdump INT
	has_line "$DIR/tcpdump.log" '^0 packets dropped by kernel' ||
		{ cat "$DIR/tcpdump.log"; return 1; }
}

# mirror_clean: every copied connection is complete and correct, as pcapcat sees it.
mirror_clean()
{
	[ -n "$DIRECT" ] || "$BUILD/selftests/pcapcat" "$@" "$DIR/mirror.pcap"
}

# mirrored SIZE STREAM DIGEST: the stream, s2c or c2s, of the one connection in the capture, which
# ends with this; c2s after the line that told the server what to do.
mirrored()
{
	local size=$1 stream=$2 digest=$3

	capture_stop
	mkdir -p "$DIR/streams"
	mirror_clean -w "$DIR/streams" >"$DIR/out" || fail "$(cat "$DIR/out")"
	cat "$DIR/out"
	if [ "$stream" = s2c ]; then
		grep -q " s2c $size $digest " "$DIR/out" || fail "the mirror differs"
	else
		[ "$(tail -n +2 "$DIR"/streams/*.c2s | sha256sum | cut -d ' ' -f 1)" = "$digest" ] ||
			fail "the mirror differs"
	fi
	rm -rf "$DIR/streams" "$DIR/mirror.pcap"
}

# is_closed POINT: there is a whole connection in POINT.pcap, with both FINs.
is_closed()
{
	"$BUILD/selftests/pcapcat" "$DIR/$1.pcap" 2>/dev/null | grep -q 'closed$'
}

# opened_46 WORD [FETCH-OPTION]...: by IPv4 and IPv6 the server sees the client's own address, the
# tool all that is said.
opened_46()
{
	local word=$1 family address

	shift
	capture_start
	for family in 4 6; do
		"fetch$family" 443 "/hello.txt?$word$family" "$@" >"$DIR/page" ||
			fail "no answer by IPv$family"
		diff "$DIR/www/hello.txt" "$DIR/page" || fail "another page by IPv$family"
	done
	capture_stop
	for family in 4 6; do
		address=CLIENT$family
		grep "^${!address} 443 .*$word$family " "$DIR/nginx/access.log" ||
			fail "not from the client's own address"
	done
	mkdir -p "$DIR/streams"
	mirror_clean -w "$DIR/streams" >"$DIR/out" || fail "$(cat "$DIR/out")"
	[ "$(cat "$DIR"/streams/*.s2c | grep -a -o 'Hello from the server' | wc -l)" = 2 ] ||
		fail "the tool did not see it: $(cat "$DIR/out")"
	rm -rf "$DIR/streams"
	settle
}

# The tool sees what passes untouched, of both directions.
tapped()
{
	needs_kbump
	rule dport 443 action bypass tool ids
	spawn tcpdump "$TOOL" tcpdump -n -U -s 0 -i mon0 -w "$DIR/mirror.pcap"
	wait_for "$WAIT" has_line "$DIR/tcpdump.log" 'listening on'
	fetch4 443 /hello.txt --cacert "$PKI/server-ca.crt" | diff "$DIR/www/hello.txt" -
	wait_for "$WAIT" is_closed mirror
	reap tcpdump INT
	read_pcap "$DIR/mirror.pcap" -d tcp.port==443,tls -Y tls.handshake.type -T fields \
		-e tls.handshake.type >"$DIR/types"
	grep '^1' "$DIR/types" || fail "no ClientHello"
	grep '^2' "$DIR/types" || fail "no ServerHello"
}

readonly MIRROR_FAULTS='tcp.analysis.lost_segment || tcp.analysis.retransmission ||
	tcp.analysis.fast_retransmission || tcp.analysis.spurious_retransmission ||
	tcp.analysis.ack_lost_segment || tcp.analysis.out_of_order || tcp.analysis.zero_window ||
	tcp.checksum.status == "Bad" || ip.checksum.status == "Bad" || _ws.malformed'

read_pcap()
{
	local file=$1

	shift
	tshark -n -r "$file" -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE \
		-o tcp.try_heuristic_first:TRUE -d tcp.port==443,http -d tcp.port==81,http \
		"$@" 2>/dev/null
}

# faults FILE: the frames that tshark complains of; none is the aim.
faults()
{
	read_pcap "$1" -Y "$MIRROR_FAULTS" | head -n 20
}

# ---- life of a test

dump_logs()
{
	local log

	for log in "$DIR"/kbumpd.log "$DIR"/nginx/error.log; do
		[ -s "$log" ] || continue
		say "${log#"$DIR"/}:"
		tail -n 30 "$log" | sed 's/^/#   /'
	done
	[ -n "$DIRECT" ] || dmesg | tail -n 20 | sed 's/^/# dmesg: /'
}

teardown()
{
	local file ns

	# A child that a signal meets before it has reset its traps comes here too.
	[ "$BASHPID" = "$$" ] || return
	# The helper goes last, so that flows can still end by themselves.
	for file in "$DIR"/*.pid; do
		[ ! -e "$file" ] || [ "$file" = "$DIR/kbumpd.pid" ] || reap "$(basename "$file" .pid)"
	done
	reap kbumpd
	for ns in $(ip netns list | grep -o "^kb$$[a-z]*"); do
		ip netns del "$ns"
	done
	[ ! -e "$DIR/backlog" ] || sysctl -qw net.core.netdev_max_backlog="$(cat "$DIR/backlog")"
	rm -rf "$DIR"
}

bail_out()
{
	say "$*"
	dump_logs
	echo "Bail out! $*"
	exit 1
}

setup()
{
	[ "$(id -u)" -eq 0 ] || { echo "Bail out! needs root"; exit 1; }
	DIR=$(mktemp -d "${TMPDIR:-/tmp}/kbump-test.XXXXXX") || exit 1
	trap teardown EXIT
	trap 'exit 130' INT TERM HUP
	echo "TAP version 13"
	load_module || bail_out "cannot load the module"
	setup_network || bail_out "cannot make the namespaces"
	setup_pki || bail_out "cannot make the certificates"
	mkdir -p "$DIR/nginx" "$DIR/www"
}

# All that is needed for connections with both servers to be opened, and stand half-way.
setup_all()
{
	setup
	start_nginx || bail_out "nginx does not start"
	start_peer || bail_out "the python server does not start"
	small_buffers
	start_kbumpd || bail_out "kbumpd does not start"
	inspect_all || bail_out "cannot add the rule"
}

nothing_left()
{
	local name

	needs_kbump
	for name in "$DIR"/*.pid; do
		name=$(basename "$name" .pid)
		[ "$name" = kbumpd ] || [ "$name" = '*' ] || reap "$name"
	done
	settle
	[ "$(stat flows) $(stat handshakes)" = "0 0" ] || fail "stat: $(kbump stat show)"
	kbump rule flush
	if [ -n "$(kbump tool show)" ]; then
		kbump tool del ids
	fi
	[ -z "$(kbump rule show; kbump tool show)" ] || fail "rules or tools are left"
}

# finish: the last case of every test, and the plan.
finish()
{
	run_case "nothing left behind" nothing_left
	[ "$failures" -eq 0 ] || dump_logs
	echo "1..$cases"
	exit $((failures != 0))
}
