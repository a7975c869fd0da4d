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
 * The IP addresses of the network interfaces that are up, by interface; none of the loopback. Of several
 * addresses of an interface the last one.
 *
 * @param int $family AF_INET or AF_INET6
 * @return array<string, string>
 */
function swoole_get_local_ip(int $family = 2): array {}

/**
 * The hardware addresses of the network interfaces but for the loopback, as "02:FC:00:00:00:01", by interface.
 *
 * @return array<string, string>
 */
function swoole_get_local_mac(): array {}

/**
 * A hash of a string.
 *
 * @param int $type 0: PHP's own, 64 bits; 1: Jenkins' one-at-a-time, 32 bits
 * @return int|false false: no such type
 */
function swoole_hashcode(string $data, int $type = 0): int|false {}

/** Adds the type of a suffix (without the dot); false: the suffix is known already. */
function swoole_mime_type_add(string $suffix, string $mime_type): bool {}

/** Sets the type of a suffix (without the dot), known or not. */
function swoole_mime_type_set(string $suffix, string $mime_type): void {}

/** Forgets a suffix (without the dot); false: it is not known. */
function swoole_mime_type_delete(string $suffix): bool {}

/** The type of a file by its name, "application/octet-stream" if its suffix is not known. */
function swoole_mime_type_get(string $filename): string {}

/** The same as swoole_mime_type_get(). */
function swoole_get_mime_type(string $filename): string {}

/** Whether the suffix of a file's name is known. */
function swoole_mime_type_exists(string $filename): bool {}

/**
 * The types of all suffixes, one for each, by suffix in alphabetical order.
 *
 * @return list<string>
 */
function swoole_mime_type_list(): array {}

/**
 * Sets options of the process: log_*, socket_*_timeout, aio_*, dns_*, enable_coroutine, wait_signal,
 * display_errors. Options that are not of the process are passed over.
 *
 * @throws \TypeError|\ValueError a value of the wrong type or out of range; then nothing has changed
 */
function swoole_async_set(array $settings): bool {}

/** Writes a line to the log, if $level (SWOOLE_LOG_*) is not below log_level. */
function swoole_error_log(int $level, string $msg): void {}

/** Writes a line with an error code to the log, and makes swoole_last_error() that code. */
function swoole_error_log_ex(int $level, int $error, string $msg): void {}

/** Lines with this error code are not logged any more; 1024 codes at most. */
function swoole_ignore_error(int $error): void {}

/** Forgets the addresses of host names that have been looked up. */
function swoole_clear_dns_cache(): void {}

/**
 * Reads a file of up to 4 MiB and then calls $callback(string $filename, string $content); the content is empty
 * if it could not be read: see swoole_last_error().
 *
 * @return bool false: it cannot be opened, is empty, or too large
 */
function swoole_async_readfile(string $filename, callable $callback): bool {}

/**
 * Writes a file, up to 4 MiB, and then calls $callback(string $filename, int $length); the length is -1 if it
 * could not be written. Writes to one file are done in the order of the calls.
 *
 * @param int $flags FILE_APPEND: behind what is there, else in its place
 * @return bool false: it cannot be opened, or the content is too large
 */
function swoole_async_writefile(string $filename, string $content, ?callable $callback = null, int $flags = 0): bool {}

/**
 * Reads a file piece by piece and calls $callback(string $filename, string $content) for each, not in a
 * coroutine. After the last one comes an empty one. If the callback returns false, no more comes.
 *
 * @param int $chunk_size bytes of a piece, 1 MiB at most
 * @return bool false: it cannot be opened, or ends before the offset
 */
function swoole_async_read(string $filename, callable $callback, int $chunk_size = 65536, int $offset = 0): bool {}

/**
 * Writes up to 4 MiB to a place of a file, and then calls $callback(string $filename, int $length): see
 * swoole_async_writefile().
 *
 * @param int $offset -1: at the end
 */
function swoole_async_write(string $filename, string $content, int $offset = -1, ?callable $callback = null): bool {}

/** Looks up the IPv4 address of a host and then calls $callback(string $hostname, string $ip); empty: it has none. */
function swoole_async_dns_lookup(string $hostname, callable $callback): bool {}

/** See Swoole\Coroutine::dnsLookup(). */
function swoole_async_dns_lookup_coro(string $domain_name, float $timeout = 60, int $type = 2): string|false {}

/**
 * unserialize() of a part of a string, without a copy of it.
 *
 * @param int $offset below 0: from the end
 * @param int $length 0 or less: to the end
 * @return mixed false: no such part, or not serialized data (with a notice)
 */
function swoole_substr_unserialize(string $str, int $offset, int $length = 0, array $options = []): mixed {}

/**
 * json_decode() of a part of a string, without a copy of it; json_last_error() tells what went wrong.
 *
 * @param int $offset below 0: from the end
 * @param int $length 0 or less: to the end
 * @return mixed null: no such part (with a warning), or not JSON
 */
function swoole_substr_json_decode(string $str, int $offset, int $length = 0, bool $associative = false, int $depth = 512, int $flags = 0): mixed {}

/**
 * All objects there are, for looking for leaks.
 *
 * @return list<object>|false false: none
 */
function swoole_get_objects(): array|false {}

/** The object that spl_object_id() gives this number; false: none. */
function swoole_get_object_by_handle(int $handle): object|false {}

/**
 * How many objects and resources there are.
 *
 * @return array{object_num: int, resource_num: int}
 */
function swoole_get_vm_status(): array {}

/** Of the extension itself: false, with a warning. */
function swoole_internal_call_user_shutdown_begin(): bool {}

/**
 * For tests of extensions: "fatal_error", "bailout" and "abort" end the process, "refcount" tells how often
 * $args is referred to.
 */
function swoole_implicit_fn(string $fn, mixed $args = null): mixed {}

/**
 * There are no coroutines without PHP code in this extension.
 *
 * @throws Swoole\Exception always
 */
function swoole_test_kernel_coroutine(int $count = 100, float $sleep_time = 1.0): void {}

/** There is no tracer in this extension: a warning says what to use. */
function swoole_tracer_leak_detect(int $threshold = 64): void {}

/** There is no tracer in this extension: false, with a warning that says what to use. */
function swoole_tracer_prof_begin(?array $options = null): bool {}

/** There is no tracer in this extension: false, with a warning that says what to use. */
function swoole_tracer_prof_end(string $output_file): bool {}

/**
 * Adds an object that looks up names before DNS does, behind those there are; 64 at most.
 *
 * @return bool false: not an object of that class, with a warning
 */
function swoole_name_resolver_add(Swoole\NameResolver $ns): bool {}

/** Removes a resolver; false: it was not added. */
function swoole_name_resolver_remove(Swoole\NameResolver $ns): bool {}

/**
 * Looks up a name with the resolvers, in their order, then with DNS. A context that was used before gives
 * the next node of a service with several.
 *
 * @return string an address, with a port after a colon if the context asks for it; empty: there is none
 */
function swoole_name_resolver_lookup(string $name, Swoole\NameResolver\Context $ctx): string {}

/**
 * Runs a callable in a new coroutine, at once, until it first waits or ends.
 *
 * @return int|false the coroutine's number; false: there are as many as there may be (max_coroutine)
 */
function swoole_coroutine_create(callable $func, mixed ...$params): int|false {}

/** Calls back when the running coroutine ends, the last one first, with what it returned. */
function swoole_coroutine_defer(callable $callback): void {}

/** Runs a callable in a new coroutine: swoole_coroutine_create(). It takes arguments, too. */
function go(callable $func): int|false {}

/** Calls back when the running coroutine ends: swoole_coroutine_defer(). */
function defer(callable $callback): void {}

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
/** See Swoole\Event::add(). */
function swoole_event_add(mixed $fd, ?callable $read_callback = null, ?callable $write_callback = null, int $events = 512): int|false {}

/** See Swoole\Event::del(). */
function swoole_event_del(mixed $fd): bool {}

/** See Swoole\Event::set(). */
function swoole_event_set(mixed $fd, ?callable $read_callback = null, ?callable $write_callback = null, int $events = 0): bool {}

/** See Swoole\Event::wait(). */
function swoole_event_wait(): void {}

/** See Swoole\Event::isset(). */
function swoole_event_isset(mixed $fd, int $events = 1536): bool {}

/** See Swoole\Event::dispatch(). */
function swoole_event_dispatch(): bool {}

/** See Swoole\Event::defer(). */
function swoole_event_defer(callable $callback): bool {}

/** See Swoole\Event::cycle(). */
function swoole_event_cycle(?callable $callback, bool $before = false): bool {}

/** See Swoole\Event::write(). */
function swoole_event_write(mixed $fd, string $data): bool {}

/** See Swoole\Event::exit(). */
function swoole_event_exit(): void {}

/** See Swoole\Event::rshutdown(). */
function swoole_event_rshutdown(): void {}

/** See Swoole\Timer::after(). */
function swoole_timer_after(int $ms, callable $callback, mixed ...$params): int|false {}

/** See Swoole\Timer::tick(). */
function swoole_timer_tick(int $ms, callable $callback, mixed ...$params): int|false {}

/** See Swoole\Timer::exists(). */
function swoole_timer_exists(int $timer_id): bool {}

/** See Swoole\Timer::info(). */
function swoole_timer_info(int $timer_id): ?array {}

/** See Swoole\Timer::stats(). */
function swoole_timer_stats(): array {}

/** See Swoole\Timer::list(). */
function swoole_timer_list(): Swoole\Timer\Iterator {}

/** See Swoole\Timer::clear(). */
function swoole_timer_clear(int $timer_id): bool {}

/** See Swoole\Timer::clearAll(). */
function swoole_timer_clear_all(): bool {}

/**
 * Two sockets that are connected with each other, as socketpair(2).
 *
 * @return array|false both, as Swoole\Coroutine\Socket
 */
function swoole_coroutine_socketpair(int $domain, int $type, int $protocol): array|false {}
