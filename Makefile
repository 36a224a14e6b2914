# SPDX-License-Identifier: GPL-2.0-only
#
#	make			all, into build/
#	make modules		kbump.ko for each kernel below, into build/RELEASE/
#	make helper cli iptables selftests
#	make install		the module for KVER (default: the running kernel), the
#				programs, the iptables extension and the manual pages; knows DESTDIR and PREFIX
#	make check		scripts/check: all tests on both kernels
#	make lint		scripts/lint: all static checks
#	make clean		all of build/ but the debug kernels
#
# The module is built for the running kernel and all kernels of series 6.1 and 6.12 whose
# headers are installed, or for KVER="RELEASE..." alone, or for the kernel whose headers
# or built source are in KDIR.

TOP := $(CURDIR)
BUILD := build
PREFIX ?= /usr/local
RUNNING := $(shell uname -r)

# Kernels with headers; the link may dangle, hence the file behind it.
INSTALLED := $(patsubst /lib/modules/%/build/Makefile,%,\
	$(wildcard /lib/modules/*/build/Makefile))

ifdef KDIR
override KVER := $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
	'$(KDIR)/include/generated/utsrelease.h' 2>/dev/null)
ifeq ($(KVER),)
$(error KDIR=$(KDIR): not the headers or the built source of a kernel)
endif
endif

RELEASES := $(if $(KVER),$(KVER),$(filter 6.1.% 6.12.% $(RUNNING),$(INSTALLED)))
INSTALL_RELEASE := $(if $(KVER),$(KVER),$(RUNNING))

# Absolute, as Kbuild changes directory.
headers = $(if $(KDIR),$(abspath $(KDIR)),/lib/modules/$(1)/build)

all: modules helper cli iptables selftests

ifeq ($(RELEASES),)
modules:
	@echo "no headers of a kernel 6.1 or 6.12: run scripts/deps build, or give KVER or KDIR" >&2
	@false
else
modules: $(RELEASES:%=module-%)
endif

# Kbuild puts its output beside the sources. Links to them in a directory of its own for
# each kernel keep kernels apart; those whose file has gone are removed.
module-%:
	@test -e "$(call headers,$*)/Makefile" || \
		{ echo "no headers of kernel $*: no $(call headers,$*)/Makefile" >&2; exit 1; }
	@mkdir -p $(BUILD)/$*
	@ln -sf $(TOP)/kmod/Kbuild $(wildcard $(TOP)/kmod/*.[ch]) $(BUILD)/$*
	@find $(BUILD)/$* -xtype l -delete
	$(MAKE) -C $(call headers,$*) --no-print-directory M=$(TOP)/$(BUILD)/$* KBUMP_TOP=$(TOP) \
		KCFLAGS=-Werror modules

selftests: helper
helper cli iptables selftests:
	$(MAKE) --no-print-directory -C $@

install: module-$(INSTALL_RELEASE) helper cli iptables
	install -D -m 644 $(BUILD)/$(INSTALL_RELEASE)/kbump.ko \
		$(DESTDIR)/lib/modules/$(INSTALL_RELEASE)/updates/kbump.ko
	install -D -t $(DESTDIR)$(PREFIX)/sbin $(BUILD)/kbump $(BUILD)/kbumpd
	install -D -m 644 -t $(DESTDIR)$$($(MAKE) -s --no-print-directory -C iptables dir) \
		$(BUILD)/libxt_KBUMP.so
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 $(wildcard Documentation/*.8)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/kbump/examples \
		$(wildcard Documentation/examples/*)
	test -n "$(DESTDIR)" || depmod $(INSTALL_RELEASE)

check lint:
	scripts/$@

clean:
	test ! -d $(BUILD) || \
		find $(BUILD) -mindepth 1 -maxdepth 1 ! -name 'debug-*' -exec rm -rf {} +

.PHONY: all modules helper cli iptables selftests install check lint clean
