<?php

declare(strict_types=1);

namespace Swoole\NameResolver;

/** What swoole_name_resolver_lookup() has found for one name: used again, it gives the next node. */
class Context
{
    /**
     * @param int $family AF_INET or AF_INET6: what DNS is asked for
     * @param bool $withPort add the port, after a colon, to what a resolver finds
     */
    public function __construct(int $family = 2, bool $withPort = false) {}
}
