# Shared by the scripts beside it; to be sourced.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# One line on stderr, then the end.
fail() {
    echo "swoole-rs: $*" >&2
    exit 1
}

note() {
    echo "swoole-rs: $*"
}

# rustup's default place is not always in PATH (sudo, cron, a fresh shell).
find_cargo() {
    if ! command -v cargo >/dev/null && [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
        PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
    fi
    command -v cargo >/dev/null || fail "cargo not found: install Rust 1.88 or newer with rustup (https://rustup.rs)"
}

# Sets php_config and php. The variables PHP_CONFIG and PHP are exported to cargo only where they say
# something else than PATH does: a changed variable makes cargo read PHP's headers anew.
find_php() {
    "$root/scripts/check-env" || exit 1
    php_config=$(command -v "${PHP_CONFIG:-php-config}")
    php=$("$php_config" --php-binary)
    if [ -n "${PHP_CONFIG:-}" ] || [ "$(php -n -r 'echo PHP_VERSION;' 2>/dev/null)" != "$("$php_config" --version)" ]; then
        export PHP_CONFIG=$php_config PHP=$php
    else
        unset PHP_CONFIG PHP
    fi
}

# The folder of cargo's output: CARGO_TARGET_DIR, a user's cargo configuration, or ./target.
target_dir() {
    cargo metadata --manifest-path "$root/Cargo.toml" --format-version 1 --no-deps |
        sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

# Builds the extension and sets extension_so to its absolute path.
build_extension() {
    find_cargo
    find_php
    (cd "$root" && cargo build --release --package swoole-rs ${CARGO_LOCKED:+--locked}) ||
        fail "the build failed: the compiler's messages above say why"
    local dir
    dir=$(target_dir)
    extension_so=$dir/release/swoole.so
    # PHP loads swoole.so; cargo calls it libswoole.so. A link, so that it is never older.
    ln -sf libswoole.so "$extension_so"
}
