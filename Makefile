# What a user or developer does with swoole-rs. Two commands to begin with: make serve, make test.
#
#   PHP_CONFIG=/path/to/php-config   another PHP than the one in PATH
#   TESTS="php-tests/server/x.phpt"  for make phpt
#   PEER=/path/to/other/swoole.so    for make bench

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build serve test phpt lint bench soak valgrind install uninstall package test-php84 test-debian12

# Given on the command line or in the environment; the scripts find PHP themselves without it.
ifneq ($(PHP_CONFIG),)
export PHP_CONFIG
endif

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## install what building and testing needs (apt-get), or say what is missing
	@scripts/setup

build: setup ## build the release: target/release/swoole.so
	@scripts/build

serve: setup ## build and serve examples/echo.php on 127.0.0.1:9501
	@scripts/serve

test: ## all tests: Rust and phpt
	@TEST_MODULES="curl:php-curl pdo_mysql:php-mysql" scripts/setup
	@scripts/test

phpt: setup ## phpt tests; TESTS="FILE or FOLDER ..." for some of them
	@scripts/phpt $(TESTS)

lint: setup ## rustfmt, clippy, shellcheck, php -l
	@scripts/lint

bench: setup ## load generator; PEER=other/swoole.so for a comparison side by side, ARGS="..." for its options
	@scripts/bench $(if $(PEER),--peer "$(PEER)") $(ARGS)

soak: setup ## the long versions of the tests: kill -9, reloads, memory (an hour or so)
	@scripts/soak

valgrind: setup ## tests of coroutines under valgrind's memcheck; TESTS="FILE or FOLDER ..." for others
	@EXTRA_PACKAGES="valgrind:valgrind" scripts/setup
	@scripts/valgrind $(TESTS)

install: setup ## put swoole.so into PHP's extension folder and enable it
	@scripts/install

uninstall: ## undo make install
	@scripts/install --remove

package: ## pack a PECL package: swoole-VERSION.tgz in dist/
	@EXTRA_PACKAGES="pecl:php-pear" scripts/setup
	@scripts/package

test-php84: ## make test against Debian 13's PHP 8.4, in a folder of its own (needs root)
	@scripts/in-debian trixie make test

test-debian12: ## make test in a fresh Debian 12 with nothing but Rust (needs root)
	@scripts/in-debian --fresh bookworm make test
