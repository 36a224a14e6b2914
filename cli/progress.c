// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How far a long command is: on a terminal only, on the last line of the standard error. */
#include <stdio.h>
#include <unistd.h>

#include "cli.h"

static bool shown;

void progress_show(const char *what, size_t done, size_t all)
{
	static const char bar[] = "########################################";
	int width = sizeof(bar) - 1;
	int full = all ? done * width / all : (size_t)width;

	if (!isatty(STDERR_FILENO))
		return;
	shown = true;
	fprintf(stderr, "\r%s [%-*.*s] %3zu%%", what, width, full, bar,
		all ? done * 100 / all : 100);
	fflush(stderr);
}

/* Before anything else is written there, and at the end. */
void progress_clear(void)
{
	if (!shown)
		return;
	shown = false;
	fputs("\r\033[K", stderr);
	fflush(stderr);
}
