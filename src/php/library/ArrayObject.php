<?php

declare(strict_types=1);

namespace Swoole;

use Swoole\Exception\ArrayKeyNotExists;

/**
 * An array with methods.
 *
 * Methods that answer with an element make an object of an array or a string, where they say nothing else.
 * Those that are named after a sort, and what adds or removes elements, change this object; the others
 * answer with a new one.
 */
class ArrayObject implements \ArrayAccess, \Serializable, \Countable, \Iterator
{
    /** @var array */
    protected $array;

    public function __construct(array $array = [])
    {
        $this->array = $array;
    }

    public static function from(array $array = []): static
    {
        return new static($array);
    }

    public function __toArray(): array
    {
        return $this->array;
    }

    public function toArray(): array
    {
        return $this->array;
    }

    public function __serialize(): array
    {
        return $this->array;
    }

    public function __unserialize(array $data): void
    {
        $this->array = $data;
    }

    /** The elements alone, as serialize() writes an array. */
    public function serialize(): string
    {
        return serialize($this->array);
    }

    /** Takes the elements from what serialize() gave. */
    public function unserialize(string|\Stringable $string): self
    {
        $this->array = (array) unserialize((string) $string);
        return $this;
    }

    public function isEmpty(): bool
    {
        return $this->array === [];
    }

    public function count(): int
    {
        return count($this->array);
    }

    /** The element itself: no object is made of it. */
    #[\ReturnTypeWillChange]
    public function current()
    {
        return current($this->array);
    }

    #[\ReturnTypeWillChange]
    public function key()
    {
        return key($this->array);
    }

    public function valid(): bool
    {
        return key($this->array) !== null;
    }

    /** The first element itself; false: there is none. */
    #[\ReturnTypeWillChange]
    public function rewind()
    {
        return reset($this->array);
    }

    /** The next element itself; false: there is none. */
    #[\ReturnTypeWillChange]
    public function next()
    {
        return next($this->array);
    }

    /** @throws ArrayKeyNotExists */
    public function get(mixed $key)
    {
        if (!array_key_exists($key, $this->array)) {
            throw new ArrayKeyNotExists((string) $key);
        }
        return static::detectType($this->array[$key]);
    }

    /** The default is answered as it is. */
    public function getOr(mixed $key, mixed $default = null)
    {
        return array_key_exists($key, $this->array) ? static::detectType($this->array[$key]) : $default;
    }

    /** null: there is none. */
    public function first()
    {
        $key = array_key_first($this->array);
        return $key === null ? null : static::detectType($this->array[$key]);
    }

    public function firstKey()
    {
        return array_key_first($this->array);
    }

    /** null: there is none. */
    public function last()
    {
        $key = array_key_last($this->array);
        return $key === null ? null : static::detectType($this->array[$key]);
    }

    public function lastKey()
    {
        return array_key_last($this->array);
    }

    public function set(mixed $key, mixed $value): self
    {
        $this->array[$key] = $value;
        return $this;
    }

    public function delete(mixed $key): self
    {
        unset($this->array[$key]);
        return $this;
    }

    /** Takes a value out where it stands first, with $loop wherever it stands. */
    public function remove(mixed $value, bool $strict = true, bool $loop = false): self
    {
        foreach (array_keys($this->array, $value, $strict) as $key) {
            unset($this->array[$key]);
            if (!$loop) {
                break;
            }
        }
        return $this;
    }

    public function clear(): self
    {
        $this->array = [];
        return $this;
    }

    /** The element itself; null: there is none. */
    #[\ReturnTypeWillChange]
    public function offsetGet(mixed $key)
    {
        return $this->array[$key] ?? null;
    }

    /** Without a key ($object[] = $value) behind the last one. */
    public function offsetSet(mixed $key, mixed $value): void
    {
        if ($key === null) {
            $this->array[] = $value;
        } else {
            $this->array[$key] = $value;
        }
    }

    public function offsetUnset(mixed $key): void
    {
        unset($this->array[$key]);
    }

    #[\ReturnTypeWillChange]
    public function offsetExists(mixed $key)
    {
        return isset($this->array[$key]);
    }

    /** Whether there is such a key, also with the value null. */
    public function exists(mixed $key): bool
    {
        return array_key_exists($key, $this->array);
    }

    public function contains(mixed $value, bool $strict = true): bool
    {
        return in_array($value, $this->array, $strict);
    }

    /** The first key with the value; false: there is none. */
    public function indexOf(mixed $value, bool $strict = true)
    {
        return $this->search($value, $strict);
    }

    /** The last key with the value; null: there is none. */
    public function lastIndexOf(mixed $value, bool $strict = true)
    {
        $keys = array_keys($this->array, $value, $strict);
        return $keys === [] ? null : end($keys);
    }

    /** The first key with the value; false: there is none. */
    public function search(mixed $needle, bool $strict = true)
    {
        return array_search($needle, $this->array, $strict);
    }

    public function join(string $glue = ''): StringObject
    {
        return static::detectStringType(implode($glue, $this->array));
    }

    public function sum()
    {
        return array_sum($this->array);
    }

    public function product()
    {
        return array_product($this->array);
    }

    /** @return int how many there are now */
    public function push(mixed $value)
    {
        return array_push($this->array, $value);
    }

    /** @return int how many there are now */
    public function pushBack(mixed $value)
    {
        return array_push($this->array, $value);
    }

    /** @return int how many there are now */
    public function pushFront(mixed $value)
    {
        return array_unshift($this->array, $value);
    }

    public function append(...$values): ArrayObject
    {
        array_push($this->array, ...$values);
        return $this;
    }

    /** Puts one value, an array too, before the element that stands at $offset. */
    public function insert(int $offset, mixed $value): self
    {
        array_splice($this->array, $offset, 0, [$value]);
        return $this;
    }

    /** The last element itself, taken out. */
    public function pop()
    {
        return array_pop($this->array);
    }

    /** The last element itself, taken out. */
    public function popBack()
    {
        return array_pop($this->array);
    }

    /** The first element itself, taken out. */
    public function popFront()
    {
        return array_shift($this->array);
    }

    public function slice(int $offset, ?int $length = null, bool $preserve_keys = false): static
    {
        return new static(array_slice($this->array, $offset, $length, $preserve_keys));
    }

    public function randomGet()
    {
        return static::detectType($this->array[array_rand($this->array)]);
    }

    /** Calls $fn with each value, which it may take by reference and change, and its key. */
    public function each(callable $fn): self
    {
        array_walk($this->array, $fn);
        return $this;
    }

    /** @param array ...$args further arrays, whose elements $fn gets as further arguments */
    public function map(callable $fn, ...$args): static
    {
        return new static(array_map($fn, $this->array, ...$args));
    }

    public function reduce(callable $fn, $initial = null)
    {
        return array_reduce($this->array, $fn, $initial);
    }

    /** @param mixed ...$args a value: only its keys; then whether types count */
    public function keys(...$args): static
    {
        return new static(array_keys($this->array, ...$args));
    }

    public function values(): static
    {
        return new static(array_values($this->array));
    }

    public function column(mixed $column_key, mixed $index = null): static
    {
        return new static(array_column($this->array, $column_key, $index));
    }

    public function unique(int $sort_flags = SORT_STRING): static
    {
        return new static(array_unique($this->array, $sort_flags));
    }

    public function reverse(bool $preserve_keys = false): static
    {
        return new static(array_reverse($this->array, $preserve_keys));
    }

    public function chunk(int $size, bool $preserve_keys = false): static
    {
        return new static(array_chunk($this->array, $size, $preserve_keys));
    }

    public function flip(): static
    {
        return new static(array_flip($this->array));
    }

    public function filter(callable $fn, int $flag = 0): static
    {
        return new static(array_filter($this->array, $fn, $flag));
    }

    public function sort(int $sort_flags = SORT_REGULAR): self
    {
        sort($this->array, $sort_flags);
        return $this;
    }

    public function rsort(int $sort_flags = SORT_REGULAR): self
    {
        rsort($this->array, $sort_flags);
        return $this;
    }

    public function usort(callable $value_compare_func): self
    {
        usort($this->array, $value_compare_func);
        return $this;
    }

    public function asort(int $sort_flags = SORT_REGULAR): self
    {
        asort($this->array, $sort_flags);
        return $this;
    }

    public function arsort(int $sort_flags = SORT_REGULAR): self
    {
        arsort($this->array, $sort_flags);
        return $this;
    }

    public function uasort(callable $value_compare_func): self
    {
        uasort($this->array, $value_compare_func);
        return $this;
    }

    public function ksort(int $sort_flags = SORT_REGULAR): self
    {
        ksort($this->array, $sort_flags);
        return $this;
    }

    public function krsort(int $sort_flags = SORT_REGULAR): self
    {
        krsort($this->array, $sort_flags);
        return $this;
    }

    public function uksort(callable $value_compare_func): self
    {
        uksort($this->array, $value_compare_func);
        return $this;
    }

    public function natsort(): self
    {
        natsort($this->array);
        return $this;
    }

    public function natcasesort(): self
    {
        natcasesort($this->array);
        return $this;
    }

    public function shuffle(): self
    {
        shuffle($this->array);
        return $this;
    }

    /** An object of an array or a string, other values as they are. */
    protected static function detectType(mixed $value)
    {
        return match (true) {
            is_string($value) => static::detectStringType($value),
            is_array($value) => static::detectArrayType($value),
            default => $value,
        };
    }

    protected static function detectStringType(string $value): StringObject
    {
        return new StringObject($value);
    }

    protected static function detectArrayType(array $value): static
    {
        return new static($value);
    }
}
