<?php

declare(strict_types=1);

namespace Swoole\Database;

/**
 * A prepared statement that is prepared again on a new connection when execute() finds the old one lost.
 *
 * @mixin \PDOStatement
 */
class PDOStatementProxy extends ObjectProxy implements \IteratorAggregate
{
    /** @var \PDOStatement */
    protected $__object;

    /** What was set and bound, for the next connection: the arguments of each call. */
    protected array $setAttributeContext = [];

    protected array $setFetchModeContext = [];

    protected array $bindParamContext = [];

    protected array $bindColumnContext = [];

    protected array $bindValueContext = [];

    protected PDOProxy $parent;

    /** @var int which connection of the parent's the statement belongs to */
    protected $parentRound;

    public function __construct(\PDOStatement $object, PDOProxy $parent)
    {
        parent::__construct($object);
        $this->parent = $parent;
        $this->parentRound = $parent->getRound();
    }

    public function __call(string $name, array $arguments)
    {
        try {
            return $this->__object->{$name}(...$arguments);
        } catch (\PDOException $failure) {
            // Rows of a result that are gone cannot be fetched again.
            if (
                strcasecmp($name, 'execute') !== 0
                || $this->parent->inTransaction()
                || !DetectsLostConnections::causedByLostConnection($failure)
            ) {
                throw $failure;
            }
            $this->prepareAgain();
            return $this->__object->{$name}(...$arguments);
        }
    }

    public function getIterator(): \Iterator
    {
        return $this->__object->getIterator();
    }

    public function setAttribute(int $attribute, $value): bool
    {
        $this->setAttributeContext[$attribute] = $value;
        return $this->__object->setAttribute($attribute, $value);
    }

    public function setFetchMode(int $mode, ...$params): bool
    {
        $this->setFetchModeContext = [$mode, ...$params];
        return $this->__object->setFetchMode($mode, ...$params);
    }

    public function bindParam($parameter, &$variable, $data_type = \PDO::PARAM_STR, $length = 0, $driver_options = null): bool
    {
        $this->bindParamContext[$parameter] = [$parameter, &$variable, $data_type, $length, $driver_options];
        return $this->__object->bindParam($parameter, $variable, $data_type, $length, $driver_options);
    }

    public function bindColumn($column, &$param, $type = null, $maxlen = null, $driverdata = null): bool
    {
        $this->bindColumnContext[$column] = [$column, &$param, $type ?? \PDO::PARAM_STR, $maxlen ?? 0, $driverdata];
        return $this->__object->bindColumn(...$this->bindColumnContext[$column]);
    }

    public function bindValue($parameter, $value, $data_type = \PDO::PARAM_STR): bool
    {
        $this->bindValueContext[$parameter] = [$parameter, $value, $data_type];
        return $this->__object->bindValue($parameter, $value, $data_type);
    }

    private function prepareAgain(): void
    {
        if ($this->parentRound === $this->parent->getRound()) {
            $this->parent->reconnect();
        }
        $statement = $this->parent->__getObject()->prepare($this->__object->queryString);
        foreach ($this->setAttributeContext as $attribute => $value) {
            $statement->setAttribute($attribute, $value);
        }
        if ($this->setFetchModeContext !== []) {
            $statement->setFetchMode(...$this->setFetchModeContext);
        }
        foreach ($this->bindParamContext as $arguments) {
            $statement->bindParam(...$arguments);
        }
        foreach ($this->bindColumnContext as $arguments) {
            $statement->bindColumn(...$arguments);
        }
        foreach ($this->bindValueContext as $arguments) {
            $statement->bindValue(...$arguments);
        }
        $this->__object = $statement;
        $this->parentRound = $this->parent->getRound();
    }
}
