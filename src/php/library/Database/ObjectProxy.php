<?php

declare(strict_types=1);

namespace Swoole\Database;

/** Stands for a connection or a statement, of which there cannot be a copy. */
class ObjectProxy extends \Swoole\ObjectProxy
{
    final public function __clone(): void
    {
        throw new \Error('Trying to clone an uncloneable database proxy object');
    }
}
