<?php

declare(strict_types=1);

namespace Swoole;

use Swoole\Coroutine\Channel;

/** Keeps up to a number of connections, made when they are needed, and lends each to one coroutine at a time. */
class ConnectionPool
{
    public const DEFAULT_SIZE = 64;

    /** Connections that are not lent; null: the pool is closed. */
    protected ?Channel $pool;

    /** @var callable */
    protected $constructor;

    protected int $size;

    /** Connections there are, lent or not, and those that are being made. */
    protected int $num = 0;

    protected ?string $proxy;

    /**
     * @param callable $constructor makes a connection
     * @param string|null $proxy a class that is lent instead: its constructor gets $constructor
     */
    public function __construct(callable $constructor, int $size = self::DEFAULT_SIZE, ?string $proxy = null)
    {
        $this->pool = new Channel($size);
        $this->constructor = $constructor;
        $this->size = $size;
        $this->proxy = $proxy;
    }

    /** Makes all connections that are missing. */
    public function fill(): void
    {
        while ($this->pool !== null && $this->num < $this->size) {
            $this->make();
        }
    }

    /**
     * Borrows a connection.
     *
     * @param float $timeout in seconds; 0 or less: no limit
     * @return mixed false: none came back in time, or the pool was closed
     */
    public function get(float $timeout = -1)
    {
        if ($this->pool === null) {
            throw new \RuntimeException('Pool has been closed');
        }
        // Another coroutine may close the pool while a connection is being made.
        $pool = $this->pool;
        if ($pool->isEmpty() && $this->num < $this->size) {
            $this->make();
        }
        return $pool->pop($timeout);
    }

    /**
     * Gives a connection back.
     *
     * @param mixed $connection null: it is broken, another one takes its place
     */
    public function put($connection): void
    {
        if ($this->pool === null) {
            return;
        }
        if ($connection !== null) {
            $this->pool->push($connection);
            return;
        }
        $this->num--;
        $this->make();
    }

    /** Lets go of the connections; who waits for one gets false. */
    public function close(): void
    {
        $this->pool?->close();
        $this->pool = null;
        $this->num = 0;
    }

    protected function make(): void
    {
        $this->num++;
        try {
            $connection = $this->proxy === null ? ($this->constructor)() : new $this->proxy($this->constructor);
        } catch (\Throwable $failure) {
            $this->num--;
            throw $failure;
        }
        $this->put($connection);
    }
}
