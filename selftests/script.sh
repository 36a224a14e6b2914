#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Files of commands: words, variables and other files; what is wrong in one is told by file and
# line, and changes nothing.

# Variables of those files, and texts with escapes of them.
# shellcheck disable=SC2016,SC2059,SC1003
. "$(dirname "$0")/lib.sh"

readonly MUTANTS=${KBUMP_TEST_MUTANTS:-60}

# ---- what a file means

# comments: of all rules, as JSON.
comments()
{
	kbump -j rule show | value '[r.get("comment") for r in d]'
}

# means EXPECTED: the file on the standard input makes rules with these comments.
means()
{
	local expected=$1

	needs_kbump
	kbump -f - >"$DIR/out" 2>&1 || fail "refused: $(cat "$DIR/out")"
	[ "$(comments)" = "$expected" ] || fail "$(comments)"
	kbump rule flush
}

words()
{
	means '["plain", "two words", "a#b", "it'"'"'s", "\"$x\\", "\u00c4 A", "one line"]' <<-'FILE'
		# a comment, then an empty line

		rule add action bypass comment plain # another one
		rule add action bypass comment "two words"
		  rule	add action bypass comment a"#"b
		rule add action bypass comment 'it'\'s
		rule add action bypass comment '"$x\'
		rule add action bypass comment "\xc3\x84 \x41"
		rule add \
			action bypass comment "one \
		line"
	FILE
}

variables()
{
	means '["to the lab", "lab/lab", "$where", "$where", "rule add", "lab"]' <<-'FILE'
		define where = lab
		define sentence = "to the $where"
		define all = rule add action bypass comment
		define other = $all $where
		rule add action bypass comment $sentence
		rule add action bypass comment ${where}/$where
		rule add action bypass comment '$where'
		rule add action bypass comment "\$where"
		$all "rule add"
		${other}
	FILE
}

other_files()
{
	needs_kbump
	mkdir -p "$DIR/rules/lists/deep" "$DIR/empty"
	printf 'define word = 1\n$all $word\ninclude lists/*.conf\n$all $later' >"$DIR/rules/a"
	printf '$all b-$word\ninclude deep/c' >"$DIR/rules/lists/2.conf"
	printf '$all a' >"$DIR/rules/lists/1.conf"
	printf '$all hidden' >"$DIR/rules/lists/.0.conf"
	printf 'define later = z' >"$DIR/rules/lists/deep/c"
	means '["1", "a", "b-1", "z"]' <<-FILE
		define all = rule add action bypass comment
		include $DIR/rules/a
		include "$DIR/empty/*"
	FILE
}

# ---- what is wrong

# is_wrong STATUS MESSAGE: so it is said of the file on the standard input, and nothing changes.
is_wrong()
{
	local status=0

	cat >"$DIR/wrong/main"
	kbump save >"$DIR/before"
	kbump -f "$DIR/wrong/main" >"$DIR/out" 2>&1 || status=$?
	kbump save | diff "$DIR/before" - || fail "something was changed"
	[ "$status" = "$1" ] || fail "status $status: $(cat "$DIR/out")"
	grep -q -x -F -e "kbump: $DIR/wrong/$2" "$DIR/out" || fail "$(cat "$DIR/out")"
}

wrong()
{
	local status message text

	needs_kbump
	kbump rule add action bypass comment "to stay"
	mkdir -p "$DIR/wrong/sub" "$DIR/wrong/a"
	printf '\nrule add pref x action bypass' >"$DIR/wrong/sub/bad"
	printf 'include self' >"$DIR/wrong/self"
	while IFS='|' read -r status message text; do
		printf "rule add action bypass\n$text" | is_wrong "$status" "$message"
	done <<-'TABLE'
		2|main:2: rule show: a file can only change rules, tools and sets|rule show
		2|main:2: flow del: a file can only change rules, tools and sets|flow del all
		2|main:2: save: a file can only change rules, tools and sets|save
		2|main:2: "rulle" is not an object; try "kbump -h"|rulle add
		2|main:2: rule add: unknown word "sin"|rule add sin x action bypass
		2|main:2: "include" needs one file or pattern|include
		2|main:2: "include" needs one file or pattern|include a b
		2|main:2: "define" needs NAME = VALUE...|define a
		2|main:2: "define" needs NAME = VALUE...|define a =
		2|main:2: "define" needs NAME = VALUE...|define a to 3
		2|main:2: "1a" is not a name of letters, digits and _|define 1a = 3
		2|main:3: "a" is defined already|define a = 3\ndefine a = 3
		2|main:2: no variable "a" is defined|rule add comment $a
		2|main:3: no variable "ab" is defined|define a = 1\nrule add comment $ab
		2|main:3: "a" is more than one word: it must stand alone|define a = 1 2\nrule add comment x$a
		2|main:3: "a" is more than one word: it must stand alone|define a = 1 2\nrule add comment "$a"
		2|main:2: $ needs the name of a variable; a $ itself is written \$|rule add comment $
		2|main:2: $ needs the name of a variable; a $ itself is written \$|rule add comment ${a
		2|main:2: a quote is not closed|rule add comment "a
		2|main:2: \x needs two hexadecimal digits, and not 00|rule add comment \\x00
		2|main:2: unknown escape; a \ itself is written \\|rule add comment \\n
		2|sub/bad:2: rule add: "x" is not a preference (1-2147483647)|include sub/bad
		2|self:1: files include each other more than 16 times|include self
	TABLE
	printf 'include gone' | is_wrong 2 "main:1: $DIR/wrong/gone: No such file or directory"
	printf 'include a' | is_wrong 2 "main:1: $DIR/wrong/a: Is a directory"
	kbump rule flush
}

# What only the kernel knows to be wrong: all that is before it is undone, and nobody has seen it.
refused()
{
	local message text before
	local -r all='flush\ntool add t dev tool0\nset add s type port\nset add-entry s 1-9
		rule add dport @s action inspect tool t\nrule add pref 7 action bypass\n'

	needs_kbump
	kbump tool add t dev tool0 vlan 7
	kbump set add s type domain
	kbump set add-entry s a.test
	kbump rule add sni @s action inspect tool t comment "to stay"
	spawn monitor "$BOX" "$BUILD/kbump" monitor rule tool set
	wait_for "$WAIT" monitoring monitor
	before=$(printf "$all" | wc -l)
	while IFS='|' read -r message text; do
		printf "$all$text\nrule add action block\n" | is_wrong 1 "main:$((before + 1)): $message"
	done <<-'TABLE'
		rule del: pref 8: no rule has this pref|rule del pref 8
		rule add: tool "x": no tool has this name|rule add action inspect tool x
		rule add: sni @s: this is a set of another type|rule add sni @s action bypass
		rule add: sni @x: no set has this name|rule add sni @x action bypass
		tool del: name "t": a rule names this tool|tool del t
		tool add: name "t": a tool of this name exists|tool add t dev tool0
		tool set: dev "x": no such device|tool set t dev x
		tool set: dev "lo": not an Ethernet device|tool set t dev lo
		set add: name "s": a set of this name exists|set add s type domain
		set del: name "s": a rule names this set|set del s
		set del-entry: entry "10": not in the set|set del-entry s 10
		set add-entry: name "x": no set has this name|set add-entry x 10
		set swap: name "x": no set has this name|set swap x s
	TABLE
	kbump set test s a.test
	kbump flush
	wait_for "$WAIT" has_line "$DIR/monitor.log" '^set del '
	# Each as it was before it went.
	has_line "$DIR/monitor.log" '^tool del t dev tool0 .* up' || fail "$(cat "$DIR/monitor.log")"
	[ "$(cut -d ' ' -f 1,2 "$DIR/monitor.log" | tr '\n' ,)" = "rule del,tool del,set del," ] ||
		fail "$(cat "$DIR/monitor.log")"
	reap monitor INT
}

# Two configurations by turns, until there is a file that says so. For one port both say the same,
# any mixture of them something else.
exchange()
{
	until [ -e "$DIR/asked" ]; do
		kbump -f "$DIR/one"
		kbump -f "$DIR/two"
	done
}

as_a_whole()
{
	local before

	needs_kbump
	cat >"$DIR/one" <<-'FILE'
		flush
		set add s type port
		set add-entry s 443
		rule add dport @s action bypass
		rule add action block
	FILE
	cat >"$DIR/two" <<-'FILE'
		flush
		set add s type port
		set add-entry s 444
		rule add dport @s action block
		rule add action bypass
	FILE
	kbump -f "$DIR/one"
	before=$(stat bypassed)
	exchange &
	# The server's answers are not the client's: they end nowhere.
	in_ns "$CLIENT" "$BUILD/selftests/syns" "$CLIENT4" "$SERVER4" 443 3000
	: >"$DIR/asked"
	wait $! || fail "a file was refused"
	[ "$(stat blocked)" = 0 ] || fail "$(stat blocked) were blocked"
	[ $(($(stat bypassed) - before)) = 3100 ] || fail "$(stat bypassed) - $before were left alone"
	kbump flush
}

# Handles are told when the rules hold, and not of those that were refused.
echoed()
{
	needs_kbump
	printf 'rule add action bypass comment 1\nrule add action block comment 2\n' >"$DIR/told"
	kbump -e -f "$DIR/told" >"$DIR/out"
	kbump rule show | diff - "$DIR/out"
	echo 'rule del pref 9' >>"$DIR/told"
	! kbump -e -f "$DIR/told" >"$DIR/out" 2>/dev/null || fail "a rule that is not there was deleted"
	[ ! -s "$DIR/out" ] || fail "told: $(cat "$DIR/out")"
	kbump flush
}

# Several who change things at the same time: all is done, each change once.
at_the_same_time()
{
	local i j
	local -a jobs=()

	needs_kbump
	kbump set add s type domain
	for i in 1 2 3; do
		printf 'rule add comment %s.a action bypass\nset add-entry s %s.test\n' "$i" "$i" \
			>"$DIR/add$i"
		printf 'rule add comment %s.b action bypass\n' "$i" >>"$DIR/add$i"
		( for ((j = 0; j < 5; j++)); do kbump -f "$DIR/add$i"; done ) &
		jobs+=($!)
	done
	for ((j = 0; j < 15; j++)); do
		kbump rule add comment alone action bypass
	done
	for i in "${jobs[@]}"; do
		wait "$i" || fail "one was refused"
	done
	kbump -j rule show | value '[[r["comment"] for r in d].count(c)
		for c in ["alone", "1.a", "1.b", "2.a", "2.b", "3.a", "3.b"]]' >"$DIR/out"
	grep -qxF '[15, 5, 5, 5, 5, 5, 5]' "$DIR/out" || fail "$(cat "$DIR/out")"
	kbump set test s 1.test 2.test 3.test
	# Those of one transaction have no other between them.
	kbump -j rule show | value '[a["comment"] for a, b in zip(d, d[1:])
		if a["comment"][-2:] == ".a" and b["comment"] != a["comment"][:-1] + "b"]' >"$DIR/out"
	grep -qxF '[]' "$DIR/out" || fail "torn apart: $(cat "$DIR/out")"
	kbump flush
}

# A valid file with a few bytes changed: it works, or file and line are named and nothing changes.
mutants()
{
	local i status

	needs_kbump
	kbump rule add action bypass comment "to stay"
	kbump save >"$DIR/before"
	/usr/bin/python3 -ISc 'import random, sys
random.seed(5)
text = """define net = 10.0.0.0/8
rule add pref 5 from $net dport 443 sni ".bank.test" action bypass comment "a \\x41"
rule add cert expired,revoked action block page # all
rule add dport 1-65535 mark 0x10/0xf0 action inspect alpn http/1.1 fail closed
"""
for i in range(int(sys.argv[2])):
    mutant = list(text)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(mutant))
        mutant[at:at + random.randint(0, 3)] = random.choices("\"\\\x27 \n$#{}/,-.0129azx", k=random.randint(0, 2))
    with open(f"{sys.argv[1]}/{i}", "w") as f:
        f.write("".join(mutant))' "$DIR/mutants" "$MUTANTS"
	for ((i = 0; i < MUTANTS; i++)); do
		status=0
		kbump -f "$DIR/mutants/$i" >"$DIR/out" 2>&1 || status=$?
		case $status in
		0)
			kbump save >"$DIR/after"
			kbump rule flush
			kbump -f "$DIR/after"
			kbump save | diff "$DIR/after" - || fail "mutant $i: not saved as it is"
			;;
		1|2)
			grep -q "^kbump: $DIR/mutants/$i:[0-9]*: " "$DIR/out" ||
				fail "mutant $i: $(cat "$DIR/out")"
			kbump save >"$DIR/after"
			diff "$DIR/before" "$DIR/after" || fail "mutant $i: something was changed"
			continue
			;;
		*)
			fail "mutant $i: status $status: $(cat "$DIR/out")"
			;;
		esac
		kbump rule flush
		kbump -f "$DIR/before"
	done
	kbump rule flush
}

# What a comment may hold is read back as it was.
saved()
{
	local text

	needs_kbump
	for text in 'a b' '$x ${y}' '"quoted"' "it's" '\' '#no' 'Ä'; do
		kbump rule add action bypass comment "$text"
	done
	kbump save >"$DIR/saved"
	comments >"$DIR/comments"
	kbump rule flush
	kbump -f "$DIR/saved"
	comments | diff "$DIR/comments" -
	kbump save | diff "$DIR/saved" -
	kbump rule flush
}

setup
mkdir -p "$DIR/wrong" "$DIR/mutants"
run_case "words" words
run_case "variables" variables
run_case "other files" other_files
run_case "what is wrong is named" wrong
run_case "what the kernel refuses is named" refused
run_case "files with a few bytes changed" mutants
run_case "a file is a transaction" as_a_whole
run_case "handles are told" echoed
run_case "several files at the same time" at_the_same_time
run_case "any text is saved and read back" saved
finish
