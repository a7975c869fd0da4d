# Part of the Makefile of the PECL build. Always asks cargo, which knows what is up to date.
SWOOLE_TARGET_DIR = $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),$(builddir)/target)

# cargo's own folder, for the programs cargo calls, where sudo has dropped it.
SWOOLE_PATH = $(if $(shell command -v cargo),,$(dir $(CARGO)):)$$PATH
# Told to cargo only where they say something else than PATH does: it would read PHP's headers anew.
SWOOLE_PHP = $(shell [ "$$(command -v php-config)" = "$(PHP_CONFIG)" ] && \
	[ "$$(readlink -f "$$(command -v php)")" = "$$(readlink -f "$(PHP_EXECUTABLE)")" ] || \
	echo 'PHP="$(PHP_EXECUTABLE)" PHP_CONFIG="$(PHP_CONFIG)"')

.PHONY: swoole-cargo-build
swoole-cargo-build:
	cd "$(srcdir)" && $(SWOOLE_PHP) PATH="$(SWOOLE_PATH)" \
		"$(CARGO)" build --release --locked --package swoole-rs --target-dir "$(SWOOLE_TARGET_DIR)"

$(phplibdir)/swoole.so: swoole-cargo-build
	@mkdir -p "$(phplibdir)"
	cp "$(SWOOLE_TARGET_DIR)/release/libswoole.so" "$@"
