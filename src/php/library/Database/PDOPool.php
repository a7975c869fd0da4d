<?php

declare(strict_types=1);

namespace Swoole\Database;

use Swoole\ConnectionPool;

/** A pool of PDO connections, each of which reconnects by itself. */
class PDOPool extends ConnectionPool
{
    /** How the drivers name what to connect to; a second entry is for a unix socket. */
    private const DSN = [
        'mysql' => [
            'mysql:host={host};port={port};dbname={dbname};charset={charset}',
            'mysql:unix_socket={socket};dbname={dbname};charset={charset}',
        ],
        'pgsql' => [
            'pgsql:host={host};port={port};dbname={dbname}',
            'pgsql:host={socket};port={port};dbname={dbname}',
        ],
        'oci' => [
            'oci:dbname={host}:{port}/{dbname};charset={charset}',
            'oci:dbname={socket}:{port}/{dbname};charset={charset}',
        ],
        'sqlite' => ['sqlite:{dbname}'],
    ];

    protected PDOConfig $config;

    public function __construct(PDOConfig $config, int $size = self::DEFAULT_SIZE)
    {
        $this->config = $config;
        $connect = fn (): \PDO => new \PDO(
            $this->createDSN($this->config->getDriver()),
            $this->config->getUsername(),
            $this->config->getPassword(),
            $this->config->getOptions(),
        );
        parent::__construct($connect, $size, PDOProxy::class);
    }

    /** Borrows a connection; what it thinks of transactions starts anew. */
    public function get(float $timeout = -1)
    {
        $connection = parent::get($timeout);
        if ($connection instanceof PDOProxy) {
            $connection->reset();
        }
        return $connection;
    }

    private function createDSN(string $driver): string
    {
        $forms = self::DSN[$driver] ?? throw new \Exception('Unsupported Database Driver:' . $driver);
        $dbname = $this->config->getDbname();
        // Each connection would have a database of its own.
        if ($driver === 'sqlite' && ($dbname === '' || str_contains($dbname, ':memory:'))) {
            throw new \Exception('Connection pool in Swoole does not support creating SQLite databases in memory.');
        }
        $form = $this->config->hasUnixSocket() ? ($forms[1] ?? $forms[0]) : $forms[0];
        return strtr($form, [
            '{host}' => $this->config->getHost(),
            '{port}' => (string) $this->config->getPort(),
            '{socket}' => (string) $this->config->getUnixSocket(),
            '{dbname}' => $dbname,
            '{charset}' => $this->config->getCharset(),
        ]);
    }
}
