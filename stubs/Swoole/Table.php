<?php

declare(strict_types=1);

namespace Swoole;

/**
 * Rows in memory that processes share, under keys of up to 63 bytes (longer ones are cut). Make it before
 * the processes that use it are forked: column(), then create(). Each change of a row is seen at once, in
 * full or not at all, even if the process that makes it is killed.
 */
class Table implements \Iterator, \Countable
{
    /** 8 bytes, whatever size is asked for. */
    public const TYPE_INT = 1;
    /** A string of up to the column's size, rounded up to 8 bytes; longer ones are cut. */
    public const TYPE_STRING = 3;
    /** 8 bytes. */
    public const TYPE_FLOAT = 2;

    /** The number of rows it was made for, after create(). */
    public $size = null;
    /** Bytes of shared memory, after create(). */
    public $memorySize = null;

    /**
     * @param int $table_size rows; rounded up to a power of two, at least 64
     * @param float $conflict_proportion so many more rows fit, as a part of the size; 0.2 to 1
     */
    public function __construct(int $table_size, float $conflict_proportion = 0.2) {}

    /**
     * Adds a column, before create().
     *
     * @param int $type TYPE_INT, TYPE_FLOAT or TYPE_STRING
     * @param int $size the longest string in bytes, at most 1 GiB
     */
    public function column(string $name, int $type, int $size = 0): bool {}

    /** Makes the table; a fatal error if there is not so much memory. */
    public function create(): bool {}

    /** Lets go of the table, in this process only. */
    public function destroy(): bool {}

    /**
     * Stores a row, or the given columns of a row that is there.
     *
     * @param array<string, int|float|string|null> $value by column
     * @return bool false: the table is full
     */
    public function set(string $key, array $value): bool {}

    /**
     * Reads a row, or one column of it.
     *
     * @return array<string, int|float|string>|string|int|float|false false: no such row or column
     */
    public function get(string $key, ?string $field = NULL): array|string|int|float|false {}

    /** How many rows there are. */
    public function count(): int {}

    /** Removes a row; false if there is none. */
    public function del(string $key): bool {}

    /** Removes a row; false if there is none. */
    public function delete(string $key): bool {}

    /** Whether there is such a row. */
    public function exists(string $key): bool {}

    /** Whether there is such a row. */
    public function exist(string $key): bool {}

    /**
     * Adds to a column of a number; makes the row if there is none. Ints wrap.
     *
     * @return int|float the sum; false: no such column, a string column, or the table is full
     */
    public function incr(string $key, string $column, int|float $incrby = 1): int|float {}

    /**
     * Subtracts from a column of a number; makes the row if there is none. Ints wrap.
     *
     * @return int|float the difference; false: no such column, a string column, or the table is full
     */
    public function decr(string $key, string $column, int|float $incrby = 1): int|float {}

    /** The number of rows it is made for. */
    public function getSize(): int {}

    /** Bytes of shared memory; 0 before create(). */
    public function getMemorySize(): int {}

    /**
     * Counts since create(); false before it.
     *
     * @return array<string, int>|false num, conflict_count, conflict_max_level, insert_count, update_count,
     *     delete_count; total_slice_num: rows beyond the size that fit, available_slice_num: those left
     */
    public function stats(): array|false {}

    /** Goes to the first row. */
    public function rewind(): void {}

    /** Whether there is a row here. */
    public function valid(): bool {}

    /** Goes on. Rows that are removed meanwhile are passed over. */
    public function next(): void {}

    /** The row, as it was when the loop came to it. */
    public function current(): mixed {}

    /** Its key. */
    public function key(): mixed {}
}
