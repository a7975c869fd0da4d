<?php

declare(strict_types=1);

namespace Swoole;

/** A string with methods; methods that change it answer with a new object. Positions and lengths are in bytes. */
class StringObject implements \Stringable
{
    protected string $string;

    public function __construct(string $string = '')
    {
        $this->string = $string;
    }

    public static function from(string $string = ''): static
    {
        return new static($string);
    }

    public function __toString(): string
    {
        return $this->string;
    }

    public function toString(): string
    {
        return $this->string;
    }

    public function length(): int
    {
        return strlen($this->string);
    }

    public function indexOf(string $needle, int $offset = 0): int|false
    {
        return strpos($this->string, $needle, $offset);
    }

    public function lastIndexOf(string $needle, int $offset = 0): int|false
    {
        return strrpos($this->string, $needle, $offset);
    }

    public function pos(string $needle, int $offset = 0): int|false
    {
        return strpos($this->string, $needle, $offset);
    }

    public function rpos(string $needle, int $offset = 0): int|false
    {
        return strrpos($this->string, $needle, $offset);
    }

    /** Letters of ASCII match in either case. */
    public function ipos(string $needle)
    {
        return stripos($this->string, $needle);
    }

    /** Byte by byte. */
    public function reverse(): static
    {
        return new static(strrev($this->string));
    }

    public function lower(): static
    {
        return new static(strtolower($this->string));
    }

    public function upper(): static
    {
        return new static(strtoupper($this->string));
    }

    /** Takes these characters off both ends; none given: white space and NUL bytes. */
    public function trim(string $characters = ''): static
    {
        return new static($characters === '' ? trim($this->string) : trim($this->string, $characters));
    }

    public function ltrim(): self
    {
        return new static(ltrim($this->string));
    }

    public function rtrim(): self
    {
        return new static(rtrim($this->string));
    }

    public function substr(int $offset, ?int $length = null)
    {
        return new static(substr($this->string, $offset, $length));
    }

    public function repeat(int $times): static
    {
        return new static(str_repeat($this->string, $times));
    }

    /** Changes this object, too. */
    public function append(mixed $str): static
    {
        $this->string .= $str;
        return new static($this->string);
    }

    /** @param int $count gets how often it was found */
    public function replace(string $search, string $replace, &$count = null): static
    {
        return new static(str_replace($search, $replace, $this->string, $count));
    }

    public function startsWith(string $needle): bool
    {
        return str_starts_with($this->string, $needle);
    }

    public function endsWith(string $needle): bool
    {
        return str_ends_with($this->string, $needle);
    }

    /** Compares with a string or another string object; with $strict what is neither is never equal. */
    public function equals($str, bool $strict = false): bool
    {
        if ($str instanceof self) {
            $str = $str->string;
        }
        return $strict ? $this->string === $str : $this->string == $str;
    }

    public function contains(string $subString): bool
    {
        return str_contains($this->string, $subString);
    }

    public function split(string $delimiter, int $limit = PHP_INT_MAX): ArrayObject
    {
        return static::detectArrayType(explode($delimiter, $this->string, $limit));
    }

    /** One byte, from the end for a negative index; empty: there is none. */
    public function char(int $index): string
    {
        return substr($this->string, $index, 1);
    }

    public function chunkSplit(int $length = 76, string $separator = "\r\n"): static
    {
        return new static(chunk_split($this->string, $length, $separator));
    }

    public function chunk(int $length = 1): ArrayObject
    {
        return static::detectArrayType(str_split($this->string, $length));
    }

    protected static function detectArrayType(array $value): ArrayObject
    {
        return new ArrayObject($value);
    }
}
