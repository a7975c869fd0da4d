<?php

declare(strict_types=1);

/** What the library remembers for the process. */
class SwooleLibrary
{
    /** @var array<string, mixed> what swoole_library_set_option() was given */
    public static array $options = [];
}
