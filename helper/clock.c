// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <time.h>

#include "kbumpd.h"

/**
 * now_ms() - time that never jumps
 *
 * Return: milliseconds since some moment before the start.
 */
uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/**
 * ms_to_timeval() - a duration as libevent wants it
 * @ms: milliseconds
 *
 * Return: the same as a struct timeval.
 */
struct timeval ms_to_timeval(uint64_t ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}
