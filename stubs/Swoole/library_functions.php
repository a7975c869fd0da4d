<?php

declare(strict_types=1);

/* Functions of the library; its classes are documented in their sources: src/php/library. */

/** Replaces all options of the library. */
function swoole_library_set_options(array $options): void {}

/** @return array<string, mixed> all options of the library */
function swoole_library_get_options(): array {}

/** Sets one option of the library. */
function swoole_library_set_option(string $key, mixed $value): void {}

/** One option of the library; null: it is not set. */
function swoole_library_get_option(string $key): mixed {}

/** A string with methods. */
function swoole_string(string $string = ''): Swoole\StringObject {}

/** A string with methods that counts characters, not bytes. */
function swoole_mbstring(string $string = ''): Swoole\MultibyteStringObject {}

/** An array with methods. */
function swoole_array(array $array = []): Swoole\ArrayObject {}

/** An array with methods, of the arguments. */
function swoole_array_list(...$arrray): Swoole\ArrayObject {}

/** An element of an array, or the default where there is no such key. */
function swoole_array_default_value(array $array, $key, $default_value = null) {}

/**
 * A table, created.
 *
 * @param string $fields the columns, such as "id:i, name:s:64, price:f"
 * @throws RuntimeException a column cannot be made out
 */
function swoole_table(int $size, string $fields): Swoole\Table {}

/** Whether this process is in a container. */
function swoole_is_in_container(): bool {}

/** How many CPUs the limits of a container leave to this process; at least 1. */
function swoole_container_cpu_num(): int {}

/** swoole_string() */
function _string(string $string = ''): Swoole\StringObject {}

/** swoole_mbstring() */
function _mbstring(string $string = ''): Swoole\MultibyteStringObject {}

/** swoole_array() */
function _array(array $array = []): Swoole\ArrayObject {}
