#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Sets: what is in them and what is not, by command and in rules on real connections; how they
# are filled, exchanged under traffic, and lose entries by time.

. "$(dirname "$0")/lib.sh"

readonly BOX_CA="kbump test box CA" SERVER_CA="kbump test server CA"
readonly OTHER=other.example.test
readonly MANY=100000

# Each case begins without sets, however the one before ended.
run_set_case()
{
	run_rule_case "$@"
	delete_sets
}

delete_sets()
{
	local name

	for name in $(kbump set show | cut -d ' ' -f 1); do
		kbump set del "$name"
	done
}

# has SET VALUE...: all of them.
has()
{
	kbump set test "$@" || fail "one of ${*:2} is not in $1"
}

# lacks SET VALUE...: each of them; at once, as it takes long to enter a namespace.
lacks()
{
	# shellcheck disable=SC2016 # for the inner shell
	in_ns "$BOX" bash -c 'for word in "${@:2}"; do
			out=$("$0" set test "$1" "$word" 2>&1) && exit
			[[ $out == *"not in the set"* ]] || exit
		done
		echo none' "$BUILD/kbump" "$@" | grep -x -q none || fail "one of ${*:2} is in $1"
}

has_count()
{
	kbump set show "$1" | grep -q " entries $2 "
}

# refused TEXT COMMAND...: kbump says so, and fails.
refused()
{
	local text=$1

	shift
	if kbump "$@" >"$DIR/out" 2>&1; then
		fail "accepted: $*"
	fi
	grep -q -F -e "$text" "$DIR/out" || fail "$*: $(cat "$DIR/out")"
}

domains()
{
	needs_kbump
	kbump set add names type domain
	kbump set add-entry names plain.test .All.Test x.y.all.test deep.a.b.c.test. _srv.u-v.test
	has names plain.test PLAIN.TEST plain.test. all.test www.all.test a.b.c.d.all.test x.y.all.test \
		deep.a.b.c.test _srv.u-v.test
	lacks names www.plain.test test notall.test b.c.test x.deep.a.b.c.test laintest plain.test.test
	kbump set del-entry names .all.test
	lacks names all.test www.all.test y.all.test
	has names x.y.all.test plain.test
	# Names beyond ASCII are what DNS and TLS make of them.
	kbump set add-entry names $'.b\xc3\xbcCHER.test'
	has names xn--bcher-kva.test a.xn--bcher-kva.test $'b\xc3\xbccher.test'
	has_count names 5 || fail "$(kbump set list names)"
	refused "without a leading dot" set test names .x.test
}

prefixes()
{
	needs_kbump
	kbump set add nets type prefix
	kbump set add-entry nets 10.0.0.0/8 10.1.2.3 192.0.2.128/25 2001:db8::/33 2001:db8:8000::1
	has nets 10.0.0.0 10.255.255.255 192.0.2.128 192.0.2.255 2001:db8:7fff::1 2001:db8:8000::1
	lacks nets 11.0.0.0 9.255.255.255 192.0.2.127 2001:db8:8000:: 2001:db8:8000::2 ::a00:1
	kbump set del-entry nets 10.0.0.0/8
	has nets 10.1.2.3
	lacks nets 10.1.2.4
	kbump set add-entry nets 0.0.0.0/0
	has nets 255.1.2.3
	lacks nets ::1
	kbump set add-entry nets ::/0
	has nets ::1 ffff::
	refused "a whole address" set test nets 10.0.0.0/8
	refused "host bits set; the network is 10.0.0.0/8" set add-entry nets 10.0.0.1/8
}

ports()
{
	needs_kbump
	kbump set add web type port
	kbump set add-entry web 443 8000-8010 8011 0 65535
	has web 443 8000 8005-8011 0 65535
	lacks web 442 444 7999-8000 8012 65534
	has_count web 15 || fail "$(kbump set show web)"
	kbump set list web | tr '\n' ' ' | grep -x "0 443 8000-8011 65535 "
	kbump set del-entry web 8001-8010
	has web 8000 8011
	refused "not in the set" set del-entry web 8000-8002
	has web 8000
	refused "ports have no time-outs" set add-entry web 5 timeout 1s
	refused "ports have no time-outs" set add p type port timeout 1s
}

in_rules()
{
	needs_kbump
	kbump set add names type domain
	kbump set add nets type prefix
	kbump set add web type port
	kbump set add-entry names .example.test
	rule sni @names action bypass
	sees 443 "$NAME" "$SERVER_CA"
	kbump set del-entry names .example.test
	kbump set add-entry names "$OTHER"
	sees 443 "$NAME" "$BOX_CA"
	sees 443 "$OTHER" "$SERVER_CA"
	kbump rule del pref 5
	rule from @nets to @nets dport @web action bypass
	kbump rule show | grep -F "from @nets to @nets dport @web action bypass"
	kbump -j rule show | grep -F '"from":"@nets","to":"@nets","dport":"@web"'
	kbump set add-entry web 440-443
	kbump set add-entry nets 10.1.0.0/16
	sees 443 "$NAME" "$BOX_CA"
	kbump set add-entry nets "$SERVER4"
	sees 443 "$NAME" "$SERVER_CA"
	fetch6 443 /hello.txt >/dev/null
	kbump set add-entry nets "$SERVER6" "$CLIENT6"
	fetch6 443 /hello.txt --cacert "$PKI/server-ca.crt" >/dev/null
	kbump set del-entry web 443
	sees 443 "$NAME" "$BOX_CA"
	kbump rule del pref 5
	kbump set flush web
	kbump set add-entry web 1024-65535
	rule sport @web action bypass
	sees 443 "$NAME" "$SERVER_CA"
	kbump set show web | grep "rules 1"
	kbump -s set show web | grep "lookups [1-9][0-9]* hits [1-9]"
	kbump rule del pref 5
	# No address is in it, so each rule that wants none of it holds.
	kbump set flush nets
	rule not from @nets action bypass
	kbump rule show | grep -F "pref 5 not from @nets action bypass"
	sees 443 "$NAME" "$SERVER_CA"
	kbump set add-entry nets "$CLIENT4"
	sees 443 "$NAME" "$BOX_CA"
	kbump explain from "$CLIENT4" | grep -F "no (from) handle"
	kbump explain from "$SERVER4" | grep -F "yes handle"
	settle
}

named_by_rules()
{
	needs_kbump
	kbump set add names type domain
	refused 'sni @none: no set has this name' rule add sni @none action bypass
	refused 'from @names: this is a set of another type' rule add from @names action bypass
	refused '"x y" is not a set name' rule add sni "@x y" action bypass
	rule sni @names action bypass
	refused "a rule names this set" set del names
	kbump -j set show names | value "d[0]['rules'] == 1" | grep -x true
	kbump rule del pref 5
	kbump set del names
	refused "no set has this name" set show names
}

timeouts()
{
	needs_kbump
	kbump set add names type domain timeout 1500
	kbump set add-entry names soon.test
	kbump set add-entry names later.test timeout 1h
	kbump set list names | grep -E '^later.test timeout [0-9]+s?$'
	kbump -j set list names | value "[e['timeout'] > 3000000 for e in d
		if e['value'] == 'later.test']" | grep -F '[true]'
	wait_for "$WAIT" lacks_now names soon.test
	has names later.test
	# A new one begins at once, whatever is left of the old.
	kbump set add-entry names soon.test timeout 1h
	has names soon.test
	kbump set add-entry names soon.test timeout 1
	wait_for "$WAIT" has_count names 1
	kbump set list names | grep -c . | grep -x 1
	kbump set add nets type prefix
	kbump set add-entry nets 192.0.2.0/24 timeout 100
	wait_for "$WAIT" has_count nets 0
	lacks nets 192.0.2.1
}

lacks_now()
{
	! kbump set test "$1" "$2" 2>/dev/null
}

# Whatever they exchange, the name is in each of the two.
swapped()
{
	local i

	needs_kbump
	kbump set add a type domain
	kbump set add b type domain
	kbump set add nets type prefix
	kbump set add small type domain limit 1
	kbump set add-entry a "$NAME" in.a.test
	kbump set add-entry b .example.test
	kbump set swap a b
	has a sub.example.test
	has b in.a.test
	refused "different types" set swap a nets
	refused "the same set" set swap a a
	refused "more entries than its limit" set swap b small
	rule sni @a action bypass
	spawn swapper "$BOX" sh -c "while '$BUILD/kbump' set swap a b; do :; done"
	for i in 1 2 3; do
		sees 443 "$NAME" "$SERVER_CA"
		# 1000 look-ups, while it goes on.
		# shellcheck disable=SC2046 # words
		kbump set test a $(yes "$NAME" | head -n 1000)
	done
	reap swapper
	[ ! -s "$DIR/swapper.log" ] || fail "$(cat "$DIR/swapper.log")"
	settle
}

formats()
{
	needs_kbump
	kbump set add names type domain
	{ cat <<-'LIST'; printf 'dos.test\r\n\r\n'; cat <<-'ZONE'; printf 'last.test'; } >"$DIR/list"
		# a list of all kinds
		plain.test
		  .dot.test	; indented, with a comment
		*.star.test
		127.0.0.1 localhost localhost.
		0.0.0.0 0.0.0.0
		0.0.0.0 hosts1.test hosts2.test # two
		::1 ip6-localhost hosts6.test
	LIST
		$TTL 60
		$ORIGIN rpz.test.
		@ IN SOA localhost. root.localhost. (
			1 3600 600 ; serial and so on
			86400 60 )
		  IN NS localhost.
		zone1.test CNAME .
		*.zone2.test 60 IN CNAME .
		zone3.test.rpz.test. CNAME *.
	ZONE
	kbump set fill names "$DIR/list"
	kbump set list names | sort | tr '\n' ' ' >"$DIR/out"
	grep -x ".dot.test .star.test .zone2.test dos.test hosts1.test hosts2.test hosts6.test \
last.test plain.test zone1.test zone3.test " "$DIR/out" || fail "$(cat "$DIR/out")"
	printf '1.2.3.4\n::1\n' | kbump set fill names && fail "addresses in a set of domains"
	kbump set add nets type prefix
	printf '1.2.3.4\n::1 # me\n10.0.0.0/8\n' | kbump set fill nets
	has_count nets 3
	: | kbump set fill nets
	has_count nets 3
}

# bad LINE MESSAGE: in the second line of a list.
bad()
{
	local status=0

	printf 'good.test\n%b\nalso.good.test\n' "$1" >"$DIR/list"
	"$BUILD/kbump" set fill names "$DIR/list" >"$DIR/out" 2>&1 || status=$?
	[ "$status" = 2 ] || fail "$1: $status, $(cat "$DIR/out")"
	grep -q -F -e "$DIR/list:2: set fill: $2" "$DIR/out" || fail "$1: $(cat "$DIR/out")"
}

bad_lines()
{
	local long

	needs_kbump
	long=$(printf 'a%.0s' $(seq 64))
	bad 'two words' '"two" is not the only word of the line'
	bad 'a..b.test' '"a..b.test" is not a domain name'
	bad '..test' '"..test" is not a domain name'
	bad "$long.test" "\"$long.test\" is not a domain name"
	bad '||ads.test^' '"||ads.test^" is not a domain name'
	bad 'a.*.test' '"a.*.test" is not a domain name'
	bad '*' '"*" is not a domain name'
	bad 'https://x.test/' '"https://x.test/" would be a prefix, but what is before it a domain'
	bad '1.2.3.4' '"1.2.3.4" would be a prefix, but what is before it a domain'
	bad '443' '"443" would be a port, but what is before it a domain'
	bad '\033[2J.test' 'a name has a control character or is not UTF-8'
	bad '\0377.test' 'a name has a control character or is not UTF-8'
	bad 'a\0000b' 'has a NUL byte, is no text'
	bad '8.8.8.8.32.rpz-ip CNAME .' '"8.8.8.8.32.rpz-ip" is no name, but another trigger'
	bad 'x.test CNAME rpz-passthru.' '"x.test" has an action that a set cannot hold'
	bad 'x.test. CNAME .' '"x.test." is not below the zone'
	bad "\$INCLUDE x" "\"\$INCLUDE\" is unknown"
}

bad_lists()
{
	needs_kbump
	kbump set add names type domain
	kbump set add-entry names kept.test
	printf 'good.test\nb a d\n' >"$DIR/list"
	refused "$DIR/list:2: set fill:" set fill names "$DIR/list"
	[ "$(kbump set list names)" = kept.test ] || fail "$(kbump set list names)"
	yes 'a b' | head -n 100 >"$DIR/list"
	refused "$DIR/list:10: set fill: too many bad lines" set fill names "$DIR/list"
	refused "No such file" set fill names "$DIR/none"
	refused "Is a directory" set fill names /
	printf 'good.test\n' >"$DIR/list"
	refused "no set has this name" set fill none "$DIR/list"
	kbump set add small type domain limit 2
	printf 'a.test\nb.test\nc.test\n' >"$DIR/list"
	refused "more entries than its limit" set fill small "$DIR/list"
	has_count small 0
	kbump set add-entry small a.test b.test
	refused "more entries than its limit" set add-entry small b.test c.test
	has_count small 2
	# In a file of commands, before any of them is run.
	printf 'set add new type domain\nset fill new %s/none\n' "$DIR" >"$DIR/list"
	refused "$DIR/list:2: set fill:" -f "$DIR/list"
	refused "no set has this name" set show new
}

many()
{
	needs_kbump
	seq -f 'host%.0f.many.test' "$MANY" >"$DIR/list"
	kbump set add names type domain
	kbump set add-entry names host7.many.test other.test
	kbump set fill names "$DIR/list"
	has_count names $((MANY + 1)) || fail "$(kbump set show names)"
	has names host1.many.test "host$MANY.many.test" host4711.many.test other.test
	lacks names host0.many.test many.test "host$((MANY + 1)).many.test"
	kbump set list names | grep -v '^other' | sort >"$DIR/out"
	sort "$DIR/list" | cmp - "$DIR/out"
	[ "$(kbump -j set show names | value "d[0]['memory'] / d[0]['entries'] < 100")" = true ] ||
		fail "$(kbump set show names)"
	# Once more changes nothing, from the standard input likewise.
	kbump set fill names <"$DIR/list"
	has_count names $((MANY + 1))
	kbump set flush names
	has_count names 0
}

saved()
{
	needs_kbump
	kbump set add names type domain timeout 1h
	kbump set add nets type prefix limit 50
	kbump set add web type port
	kbump set add plain type domain
	kbump set add-entry names .a.test b.test
	kbump set add-entry plain timeout. com
	seq -f 'h%.0f.test' 250 | kbump set fill plain
	kbump set add-entry nets 10.0.0.0/8 2001:db8::/32
	kbump set add-entry nets 192.0.2.1 timeout 2h
	kbump set add-entry web 443 8000-8080
	rule from @nets dport @web sni @plain action bypass
	kbump save >"$DIR/saved"
	content >"$DIR/before"
	kbump rule flush
	kbump tool del ids
	delete_sets
	kbump -f "$DIR/saved"
	content | diff "$DIR/before" - || fail "not the same"
	kbump rule show | grep -F "from @nets dport @web sni @plain action bypass"
	grep -q '^192.0.2.1/32 timeout' "$DIR/before"
}

# Time goes on: how much is left is not compared.
content()
{
	local name

	for name in names nets web plain; do
		kbump set show "$name" | sed 's/ memory [0-9]*//'
		kbump set list "$name" | sed 's/timeout [0-9]*s\{0,1\}$/timeout/' | sort
	done
}

events()
{
	needs_kbump
	spawn monitor "$BOX" "$BUILD/kbump" monitor set
	wait_for "$WAIT" monitoring monitor
	kbump set add a type domain
	kbump set add b type domain
	kbump set add-entry a x.test y.test
	kbump set swap a b
	kbump set flush b
	kbump set del a
	wait_for "$WAIT" has_line "$DIR/monitor.log" '^set del a '
	cut -d ' ' -f 1-5 "$DIR/monitor.log" | tr '\n' , >"$DIR/out"
	grep -x 'set add a type domain,set add b type domain,set fill a type domain,set swap a with b,set flush b type domain,set del a type domain,' \
		"$DIR/out" || fail "$(cat "$DIR/monitor.log")"
	reap monitor INT
}

setup
start_nginx || bail_out "nginx does not start"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
run_set_case "domains" domains
run_set_case "prefixes" prefixes
run_set_case "ports" ports
run_set_case "rules that ask for sets" in_rules
run_set_case "sets that rules name" named_by_rules
run_set_case "entries end by time" timeouts
run_set_case "sets are exchanged under traffic" swapped
run_set_case "formats of lists" formats
run_set_case "bad lines of lists" bad_lines
run_set_case "bad lists change nothing" bad_lists
run_set_case "$MANY names" many
run_set_case "sets are saved" saved
run_set_case "events" events
finish
