<?php

declare(strict_types=1);

namespace Swoole\Database;

use Swoole\ConnectionPool;

/** A pool of mysqli connections, each of which reconnects by itself. */
class MysqliPool extends ConnectionPool
{
    protected MysqliConfig $config;

    public function __construct(MysqliConfig $config, int $size = self::DEFAULT_SIZE)
    {
        $this->config = $config;
        parent::__construct($this->connect(...), $size, MysqliProxy::class);
    }

    private function connect(): \mysqli
    {
        $connection = new \mysqli();
        foreach ($this->config->getOptions() as $option => $value) {
            $connection->set_opt($option, $value);
        }
        $connection->real_connect(
            $this->config->getHost(),
            $this->config->getUsername(),
            $this->config->getPassword(),
            $this->config->getDbname(),
            $this->config->getPort(),
            $this->config->getUnixSocket(),
        );
        if ($connection->connect_errno) {
            throw new MysqliException($connection->connect_error, $connection->connect_errno);
        }
        $connection->set_charset($this->config->getCharset());
        return $connection;
    }
}
