/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef KBUMPD_ROUTE_H
#define KBUMPD_ROUTE_H

int wire_route(int index);
void wire_unroute(int index);

#endif /* KBUMPD_ROUTE_H */
