/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef KBUMPD_ROUTE_H
#define KBUMPD_ROUTE_H

void wire_route(int index);

#endif /* KBUMPD_ROUTE_H */
