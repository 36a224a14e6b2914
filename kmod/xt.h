/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KB_XT_H
#define KB_XT_H

int kb_xt_init(void);
void kb_xt_exit(void);

#endif /* KB_XT_H */
