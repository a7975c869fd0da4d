<?php

declare(strict_types=1);

namespace Swoole\Database;

use Swoole\ConnectionPool;

/** A pool of connections of phpredis. */
class RedisPool extends ConnectionPool
{
    protected RedisConfig $config;

    public function __construct(RedisConfig $config, int $size = self::DEFAULT_SIZE)
    {
        $this->config = $config;
        parent::__construct($this->connect(...), $size);
    }

    private function connect(): \Redis
    {
        $config = $this->config;
        $redis = new \Redis();
        $connected = $redis->connect(
            $config->getHost(),
            $config->getPort(),
            $config->getTimeout(),
            $config->getReserved() === '' ? null : $config->getReserved(),
            $config->getRetryInterval(),
            $config->getReadTimeout(),
        );
        if (!$connected) {
            throw new \RedisException("cannot connect to {$config->getHost()}:{$config->getPort()}");
        }
        if ($config->getAuth() !== '') {
            $redis->auth($config->getAuth());
        }
        if ($config->getDbIndex() !== 0) {
            $redis->select($config->getDbIndex());
        }
        foreach ($config->getOptions() as $option => $value) {
            $redis->setOption($option, $value);
        }
        return $redis;
    }
}
