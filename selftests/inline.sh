#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Inline tools: real ones, in namespaces of their own, get the clear stream, and what they do to it
# is what becomes of the flow.

. "$(dirname "$0")/lib.sh"

readonly SIZE=${KBUMP_TEST_INLINE:-2000000}
# In ms: a slow machine is not to be taken for a dead tool.
readonly BEAT=$((WAIT * 50))
# "GET /bad" and "GET /gone" begin so.
readonly BAD=0x474554202f626164 GONE=0x474554202f676f6e

# add_ports LETTER: from ina and outa of the box to near and far of the tool's namespace.
add_ports()
{
	local ns=kb$$i$1

	ip netns add "$ns"
	ip -n "$BOX" link add "in$1" type veth peer name near netns "$ns"
	ip -n "$BOX" link add "out$1" type veth peer name far netns "$ns"
	ip -n "$ns" link set near up
	ip -n "$ns" link set far up
	ip -n "$BOX" link set "in$1" up
	ip -n "$BOX" link set "out$1" up
}

# add_bridge LETTER: a tool that is a bridge with a packet filter.
add_bridge()
{
	add_ports "$1"
	ip -n "kb$$i$1" -batch - <<-IP
		link add br0 type bridge
		link set near master br0
		link set far master br0
		link set br0 up
	IP
	in_tool "$1" nft -f - <<-NFT
		table bridge t {
			chain c {
				type filter hook prerouting priority 0
			}
		}
	NFT
}

# in_tool LETTER COMMAND...
in_tool()
{
	local ns=kb$$i$1

	shift
	in_ns "$ns" "$@"
}

# filter LETTER RULE...: the tool's only rule; none lets all pass.
filter()
{
	local tool=$1

	shift
	in_tool "$tool" nft flush chain bridge t c
	[ $# -eq 0 ] || in_tool "$tool" nft add rule bridge t c "$@"
}

# tool_has NAME KEY VALUE
tool_has()
{
	[ "$(kbump -j -s tool show "$1" | value "d[0]['$2']")" = "$3" ]
}

# is NAME STATE
becomes()
{
	wait_for "$WAIT" tool_has "$1" state "$2" || fail "$(kbump -s tool show "$1")"
}

# watch LETTER: what crosses the bridge.
watch()
{
	spawn "watch$1" "kb$$i$1" tcpdump -n -i br0 -A -l -s 0 tcp
	wait_for "$WAIT" has_line "$DIR/watch$1.log" 'listening on'
}

# crossed LETTER TEXT: it did.
crossed()
{
	wait_for "$WAIT" has_line "$DIR/watch$1.log" "$2" || fail "no $2"
}

# get PATH: what the server has there, in HTTP/1.
get()
{
	fetch4 443 "$1" >"$DIR/out" && grep -q 'Hello from the server' "$DIR/out"
}

# is_used LETTER: a connection leads through the tool.
is_used()
{
	watch "$1"
	get "/hello.txt?$RANDOM" || fail "$(cat "$DIR/out")"
	crossed "$1" 'Hello from the server'
	reap "watch$1"
}

# The server has been asked for it.
asked()
{
	grep -q -F "$1 " "$DIR/nginx/access.log"
}

wrong_commands()
{
	wrong 'other side is missing' tool add x mode inline dev inb
	wrong 'two devices' tool add x mode inline dev inb peer inb
	wrong 'another tool' tool add x mode inline dev ina peer inb
	wrong 'another tool' tool add x mode inline dev inb peer tool0
	wrong 'another tool' tool add x dev ina
	wrong 'not an Ethernet' tool add x mode inline dev lo peer inb
	wrong 'no such setting' tool add x dev inb heartbeat 100
	wrong 'no such setting' tool add x mode inline dev inb peer outb mtu 900
	wrong 'cannot be changed' tool set ips mode mirror
	wrong '20' tool set ips heartbeat 7
	wrong 'no such device' tool add x mode inline dev inb peer nodev0
	kbump tool show x 2>/dev/null && fail "$(kbump tool show)"
	ip -n "$BOX" link set outa nomaster
	becomes ips down
	ip -n "$BOX" link set inb master kbt0 2>"$DIR/out" && fail "another device is a port"
	ip -n "$BOX" link set outa master kbt0 2>"$DIR/out" || fail "$(cat "$DIR/out")"
	ip -n "$BOX" link del kbt0 2>/dev/null && fail "the device can be deleted"
	becomes ips up
}

clear_through()
{
	local path="/hello.txt?$RANDOM"

	watch a
	get "$path" || fail "$(cat "$DIR/out")"
	grep -F "$path" "$DIR/nginx/access.log" | grep -q "^$CLIENT4 443 " ||
		fail "$(tail -n 3 "$DIR/nginx/access.log")"
	crossed a "GET $path"
	crossed a 'Hello from the server'
	crossed a "$CLIENT4.* > $SERVER4.443"
	path="/hello.txt?$RANDOM"
	fetch6 443 "$path" >"$DIR/out"
	grep -q 'Hello from the server' "$DIR/out" || fail "$(cat "$DIR/out")"
	crossed a "$CLIENT6.* > $SERVER6.443"
	reap watcha
	settle
}

# intact up|down
intact()
{
	: >"$DIR/go"
	peer_run --size "$SIZE" --go "$DIR/go" --timeout "$CASE_LIMIT" "$1" >"$DIR/out" ||
		fail "$(cat "$DIR/out")"
	cat "$DIR/out"
	if [ "$1" = down ]; then
		has_line "$DIR/out" "received $SIZE intact"
	else
		has_line "$DIR/out" "stored $SIZE intact"
	fi
	settle
}

# ends ACTION END: what the client sees of the server's end is what there was.
ends()
{
	peer_run "$1" >"$DIR/out" 2>&1 || fail "$(cat "$DIR/out")"
	has_line "$DIR/out" "received 100000 end $2" || fail "$(cat "$DIR/out")"
	settle
}

# A client that begins anew from the same port, after a reset, is led through the tool again.
same_port()
{
	local before

	before=$(kbump -j -s tool show ips | value "(d[0]['flows'], d[0]['missed'])")
	in_ns "$CLIENT" timeout "$WAIT" /usr/bin/python3 -ISc '
import socket, ssl, struct, sys
context = ssl.create_default_context(cafile=sys.argv[1])
for _ in range(2):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.bind(("", 1001))
    sock.connect((sys.argv[2], 443))
    tls = context.wrap_socket(sock, server_hostname=sys.argv[3])
    tls.sendall(b"GET /hello.txt HTTP/1.0\r\n\r\n")
    print(tls.recv(10000).decode())
    tls.close()
' "$CLIENT_CA" "$SERVER4" "$NAME" >"$DIR/out" || fail "$(cat "$DIR/out")"
	[ "$(grep -c '200 OK' "$DIR/out")" = 2 ] || fail "$(cat "$DIR/out")"
	kbump -j -s tool show ips |
		value "'right' if (d[0]['flows'] - 2, d[0]['missed']) == tuple($before) else d" |
		grep -x right
	settle
}

is_rejected()
{
	filter a @ih,0,64 "$BAD" reject with tcp reset
	get "/bad?$RANDOM" 2>"$DIR/err" && fail "$(cat "$DIR/out")"
	grep -q -i 'reset' "$DIR/err" || fail "$(cat "$DIR/err")"
	asked /bad && fail "the server was asked"
	settle
	filter a
	get "/hello.txt?$RANDOM" || fail "$(cat "$DIR/out")"
}

is_swallowed()
{
	filter a @ih,0,64 "$GONE" drop
	in_ns "$CLIENT" curl -sS --max-time 2 --cacert "$CLIENT_CA" \
		--resolve "$NAME:443:$SERVER4" "https://$NAME/gone" 2>"$DIR/err" && fail "answered"
	grep -q -i 'timed out' "$DIR/err" || fail "$(cat "$DIR/err")"
	asked /gone && fail "the server was asked"
	get "/hello.txt?$RANDOM" || fail "$(cat "$DIR/out")"
	filter a
	settle
}

two_in_a_row()
{
	local path="/hello.txt?$RANDOM"

	kbump tool add waf mode inline dev inb peer outb dport 80
	rule dport 443-449 action inspect alpn http/1.1 tool ips tool waf learn off
	becomes waf up
	watch a
	watch b
	get "$path" || fail "$(cat "$DIR/out")"
	crossed a "$CLIENT4.* > $SERVER4.443"
	crossed b "$CLIENT4.* > $SERVER4.80"
	crossed a "GET $path"
	crossed b "GET $path"
	reap watcha
	reap watchb
	intact down
	intact up
	kbump rule del pref 5
	kbump tool del waf
	[ -z "$(ip -n "$BOX" link show kbt1 2>/dev/null)" ] || fail "the device is left"
}

is_rewritten()
{
	spawn queue "kb$$ia" /usr/bin/python3 -IS "$SELFTESTS/queue.py" 5 'Hello from' 'HELLO FROM'
	wait_for "$WAIT" has_line "$DIR/queue.log" ready
	filter a tcp sport 443 queue num 5
	fetch4 443 "/hello.txt?$RANDOM" >"$DIR/out"
	has_line "$DIR/out" 'HELLO FROM the server' || fail "$(cat "$DIR/out")"
	filter a
	reap queue
	settle
}

# add_waf LETTER: a tool that is a proxy on a router, with the client's addresses on both sides.
add_waf()
{
	add_ports "$1"
	in_tool "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.near.rp_filter=0 net.ipv4.conf.far.rp_filter=0
	ip -n "kb$$i$1" -batch - <<-IP
		link set lo up
		addr add 192.0.2.1/32 dev near
		addr add 192.0.2.2/32 dev far
		route add $CLIENT4/32 dev near
		route add $SERVER4/32 dev far
		rule add iif far lookup 100
		route add local default dev lo table 100
	IP
	in_tool "$1" nft -f - <<-NFT
		table ip t {
			chain out {
				type filter hook output priority raw
				oif far notrack
			}
			chain back {
				type filter hook prerouting priority raw
				iif far notrack
			}
			chain to {
				type nat hook prerouting priority dstnat
				iif near tcp dport 80 redirect to :8080
			}
		}
	NFT
	mkdir "$DIR/waf"
	write_waf_conf >"$DIR/waf/conf"
	spawn waf "kb$$i$1" nginx -e "$DIR/waf/error.log" -c "$DIR/waf/conf"
	wait_for "$WAIT" listens "kb$$i$1" 8080
}

write_waf_conf()
{
	cat >"$DIR/waf/rules" <<-RULES
		Include /etc/nginx/modsecurity.conf
		SecRuleEngine On
		SecAuditEngine Off
		Include /etc/modsecurity/crs/crs-setup.conf
		Include /usr/share/modsecurity-crs/rules/*.conf
	RULES
	cat <<-CONF
		load_module /usr/lib/nginx/modules/ngx_http_modsecurity_module.so;
		daemon off;
		user root;
		worker_processes 1;
		pid $DIR/waf/pid;
		events { worker_connections 256; }
		http {
			access_log $DIR/waf/access.log;
			client_body_temp_path $DIR/waf/body;
			proxy_temp_path $DIR/waf/proxy;
			server {
				listen 8080;
				modsecurity on;
				modsecurity_rules_file $DIR/waf/rules;
				location / {
					proxy_pass http://$SERVER4:80;
					proxy_bind \$remote_addr:\$remote_port transparent;
					proxy_set_header Host \$host;
				}
			}
		}
	CONF
}

# code PATH: what HTTP says of it
code()
{
	fetch4 443 "$1" -o "$DIR/out" -w '%{http_code}'
}

# The Core Rule Set, in a proxy that answers by itself what it does not let through.
has_waf()
{
	local near

	add_waf c || fail "$(cat "$DIR"/waf/error.log "$DIR/waf.log")"
	near=$(in_tool c cat /sys/class/net/near/address)
	kbump tool add waf mode inline dev inc peer outc dport 80 dst "$near" fail block
	rule dport 443 action inspect alpn http/1.1 tool waf tool ids learn off
	becomes waf up
	[ "$(code "/hello.txt?good=$RANDOM")" = 200 ] || fail "$(cat "$DIR/out")"
	has_line "$DIR/out" 'Hello from the server'
	grep 'good=' "$DIR/nginx/access.log" | grep -q "^$CLIENT4 443 HTTP/1.0 200" ||
		fail "$(tail -n 2 "$DIR/nginx/access.log")"
	settle
	[ "$(code "/hello.txt?id=1%27%20OR%20%271%27=%271")" = 403 ] || fail "$(cat "$DIR/out")"
	grep -q 'nginx' "$DIR/out" || fail "$(cat "$DIR/out")"
	asked '/hello.txt?id' && fail "the server was asked"
	settle
	kbump rule del pref 5
	kbump tool del waf
}

encrypted_through()
{
	rule dport 443 action bypass tool ips
	watch a
	sees 443 "$NAME" 'kbump test server CA'
	crossed a "$CLIENT4.* > $SERVER4.443"
	reap watcha
	settle
}

# A connection that is opened, used, and idle then; and that goes on and ends well.
idle_begin()
{
	rm -f "$DIR/go"
	peer idle --go "$DIR/go" echo
	wait_for "$WAIT" has_line "$DIR/idle.log" half-way || fail "$(cat "$DIR/idle.log")"
}

idle_end()
{
	: >"$DIR/go"
	wait_for "$WAIT" has_line "$DIR/idle.log" 'end closed' || fail "$(cat "$DIR/idle.log")"
	has_line "$DIR/idle.log" 'echoed after'
}

# An idle connection, and a new one, while the tool lets nothing pass.
goes_round()
{
	local missed

	missed=$(kbump -j -s tool show ips | value "d[0]['missed']")
	idle_begin
	filter a drop
	becomes ips down
	idle_end
	get "/hello.txt?$RANDOM" || fail "$(cat "$DIR/out")"
	tool_has ips missed $((missed + 2)) || fail "$(kbump -s tool show ips)"
	filter a
	becomes ips up
	is_used a
	settle
}

blocks()
{
	kbump tool set ips fail block
	idle_begin
	filter a drop
	becomes ips down
	wait_for "$WAIT" no_flows || fail "$(kbump flow show)"
	get "/hello.txt?$RANDOM" 2>/dev/null && fail "$(cat "$DIR/out")"
	reap idle
	filter a
	becomes ips up
	kbump tool set ips fail bypass
	get "/hello.txt?$RANDOM" || fail "$(cat "$DIR/out")"
	settle
}

loses_link()
{
	ip -n "kb$$ia" link set near down
	becomes ips down
	get "/hello.txt?$RANDOM" || fail "$(cat "$DIR/out")"
	ip -n "kb$$ia" link set near up
	becomes ips up
	ip -n "$BOX" link del outa
	becomes ips gone
	get "/hello.txt?$RANDOM" || fail "$(cat "$DIR/out")"
	ip -n "$BOX" link add outa type veth peer name far netns "kb$$ia"
	ip -n "kb$$ia" link set far master br0 up
	ip -n "$BOX" link set outa up
	kbump tool set ips peer outa
	becomes ips up
	is_used a
	settle
}

# The tool has nothing of an idle connection.
is_deleted()
{
	idle_begin
	kbump rule flush
	kbump tool del ips
	ip -n "$BOX" -o link show type kbump | grep -q . && fail "the device is left"
	idle_end
	settle
}

# A member of a group that is down is no tool that is down.
shared()
{
	kbump tool add waf mode inline dev inb peer outb
	kbump group add pair tool ips standby waf
	rule dport 443-449 action inspect alpn http/1.1 tool pair learn off
	becomes waf up
	filter a drop
	becomes ips down
	is_used b
	filter a
	becomes ips up
	is_used a
	settle
	kbump rule del pref 5
	kbump group del pair
	kbump tool del waf
}

setup_inline()
{
	add_bridge a && add_bridge b &&
		kbump tool add ips mode inline dev ina peer outa heartbeat "$BEAT" &&
		kbump rule add pref 8 dport 443-449 action inspect alpn http/1.1 tool ips tool ids \
			learn off
}

setup_all
setup_inline || bail_out "cannot add the tools"
run_case "wrong commands are refused" wrong_commands
run_case "the clear stream leads through the tool" clear_through
run_case "a download is intact" intact down
run_case "an upload is intact" intact up
run_case "a truncated stream stays one" ends truncated ragged
run_case "a reset stays one" ends aborted reset
run_case "two connections from the same port" same_port
run_case "a tool that rejects" is_rejected
run_case "a tool that swallows" is_swallowed
run_rule_case "two tools in a row" two_in_a_row
run_case "a tool that rewrites" is_rewritten
run_rule_case "a proxy with ModSecurity and the Core Rule Set" has_waf
run_rule_case "encrypted through the tool" encrypted_through
run_case "a tool fails, flows go round it" goes_round
run_case "a tool fails, flows are blocked" blocks
run_rule_case "one tool stands by for another" shared
run_case "a tool loses its link, and a device" loses_link
run_case "a tool is deleted, and a flow goes on" is_deleted
finish
