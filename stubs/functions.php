<?php

declare(strict_types=1);

/** The API level, for example "6.2.2"; SWOOLE_EXTRA_VERSION names this project and its version. */
function swoole_version(): string {}

/** How many CPUs are online. */
function swoole_cpu_num(): int {}

/** Why the last call failed: an errno below 500, else a SWOOLE_ERROR_* value; 0: none failed. */
function swoole_last_error(): int {}

/** The errno of the last system call of this process. */
function swoole_errno(): int {}

/**
 * The text of an error.
 *
 * @param int $errno an errno or a SWOOLE_ERROR_* value
 * @param int $error_type SWOOLE_STRERROR_GAI for codes of getaddrinfo(3)
 */
function swoole_strerror(int $errno, int $error_type = 0): string {}

/**
 * Sets what ps shows for this process.
 *
 * @return bool false: the name is too long, or cannot be set here
 */
function swoole_set_process_name(string $process_name): bool {}

/** Makes swoole_last_error() 0. */
function swoole_clear_error(): void {}

/**
 * Waits until one of several clients, sockets, streams or descriptors is ready. The arrays keep their keys
 * and lose what is not ready.
 *
 * @param array|null $read to read from; a client that has received a whole package already is ready
 * @param array|null $write to write to; a client that connects without waiting is ready when it is connected
 * @param array|null $except closed by the peer, or failed
 * @param float|null $timeout seconds; less than 0: without limit
 * @return int|false how many are ready
 */
function swoole_client_select(?array &$read, ?array &$write, ?array &$except, ?float $timeout = 0.5): int|false {}

/** The same as swoole_client_select(). */
function swoole_select(?array &$read, ?array &$write, ?array &$except, ?float $timeout = 0.5): int|false {}
