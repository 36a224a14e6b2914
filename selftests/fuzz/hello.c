// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parser of ClientHellos under libFuzzer: nothing out of bounds, a verdict that fits the
 * bytes, and facts that those who use them may rely on.
 */
#include <stdlib.h>
#include <string.h>

#include "../../helper/hello.h"
#include "fuzz.h"

/* In memory of exactly its size, so that a read beyond the end is seen; it may be written. */
static enum hello_verdict parse(const uint8_t *data, size_t size, struct hello *h)
{
	uint8_t *buf = malloc(size ? size : 1);
	enum hello_verdict verdict;

	must(!!buf);
	if (size)
		memcpy(buf, data, size);
	verdict = hello_parse(buf, size, h);
	free(buf);
	return verdict;
}

static void check_facts(const struct hello *h)
{
	size_t at = 0;

	must(!!memchr(h->sni, '\0', sizeof(h->sni)));
	must(h->alpn_len <= sizeof(h->alpn));
	while (at < h->alpn_len) {
		must(h->alpn[at] > 0);
		at += 1 + h->alpn[at];
	}
	must(at == h->alpn_len);
	must(h->suites <= SUITES_MAX);
	must(!h->min_version == !h->max_version);
	must(h->min_version <= h->max_version);
	must(!h->max_version || h->suites);
	must(h->max_version <= h->offered);
	must(!h->offered || (h->offered >= 0x0301 && h->offered <= 0x0304));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hello whole, part;
	enum hello_verdict verdict;

	if (size > HELLO_MAX)
		return -1;
	verdict = parse(data, size, &whole);
	if (verdict == HELLO_DONE)
		check_facts(&whole);
	if (verdict == HELLO_MORE)
		must(whole.need > size && whole.need <= HELLO_MAX);
	/* What is a ClientHello was never taken for something else while it was coming in. */
	if (verdict == HELLO_DONE && size) {
		size_t len = size / 2;
		enum hello_verdict before = parse(data, len, &part);

		must(before == HELLO_MORE || before == HELLO_DONE);
	}
	return 0;
}
