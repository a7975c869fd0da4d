<?php

declare(strict_types=1);

namespace Swoole\Database;

/**
 * A PDO connection that connects again when the server has closed it, but not within a transaction, of which
 * the server has forgotten the first part then.
 *
 * @mixin \PDO
 */
class PDOProxy extends ObjectProxy
{
    /** @var \PDO */
    protected $__object;

    /** What setAttribute() was given, for the next connection. */
    protected array $setAttributeContext = [];

    /** @var callable(): \PDO */
    protected $constructor;

    /** Connections that were made after the first. */
    protected int $round = 0;

    /** Transactions that were begun and are not ended. */
    protected int $inTransaction = 0;

    public function __construct(callable $constructor)
    {
        parent::__construct($constructor());
        $this->__object->setAttribute(\PDO::ATTR_ERRMODE, \PDO::ERRMODE_EXCEPTION);
        $this->constructor = $constructor;
    }

    public function __call(string $name, array $arguments)
    {
        try {
            $result = $this->__object->{$name}(...$arguments);
        } catch (\PDOException $failure) {
            if ($this->__object->inTransaction() || !DetectsLostConnections::causedByLostConnection($failure)) {
                throw $failure;
            }
            $this->reconnect();
            $result = $this->__object->{$name}(...$arguments);
        }
        switch (strtolower($name)) {
            case 'begintransaction':
                $this->inTransaction++;
                break;
            case 'commit':
            case 'rollback':
                $this->inTransaction = max(0, $this->inTransaction - 1);
                break;
        }
        return $result instanceof \PDOStatement ? new PDOStatementProxy($result, $this) : $result;
    }

    /** How often it has connected again. */
    public function getRound(): int
    {
        return $this->round;
    }

    /** Replaces the connection by a new one with the same attributes. */
    public function reconnect(): void
    {
        $connection = ($this->constructor)();
        $connection->setAttribute(\PDO::ATTR_ERRMODE, \PDO::ERRMODE_EXCEPTION);
        foreach ($this->setAttributeContext as $attribute => $value) {
            $connection->setAttribute($attribute, $value);
        }
        $this->__object = $connection;
        $this->round++;
        $this->inTransaction = 0;
    }

    public function setAttribute(int $attribute, $value): bool
    {
        $this->setAttributeContext[$attribute] = $value;
        return $this->__object->setAttribute($attribute, $value);
    }

    public function inTransaction(): bool
    {
        return $this->inTransaction > 0;
    }

    /** Forgets transactions that were begun and not ended. */
    public function reset(): void
    {
        $this->inTransaction = 0;
    }
}
