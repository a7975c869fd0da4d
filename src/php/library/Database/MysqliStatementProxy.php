<?php

declare(strict_types=1);

namespace Swoole\Database;

/**
 * A prepared statement that is prepared again on a new connection when a call finds the old one lost, and
 * throws when a call to the server fails.
 *
 * @mixin \mysqli_stmt
 */
class MysqliStatementProxy extends ObjectProxy
{
    /** Methods that talk to the server. */
    public const IO_METHOD_REGEX = '/^(?:close|execute|fetch|prepare|send_long_data)$/i';

    /** How often a call is tried. */
    private const TRIES = 3;

    /** @var \mysqli_stmt */
    protected $__object;

    /** null: none is prepared yet. */
    protected ?string $queryString;

    /** What was set and bound, for the next connection. */
    protected array $attrSetContext = [];

    protected array $bindParamContext;

    protected array $bindResultContext;

    protected MysqliProxy $parent;

    /** Which connection of the parent's the statement belongs to. */
    protected int $parentRound;

    public function __construct(\mysqli_stmt $object, ?string $queryString, MysqliProxy $parent)
    {
        parent::__construct($object);
        $this->queryString = $queryString;
        $this->parent = $parent;
        $this->parentRound = $parent->getRound();
    }

    public function __call(string $name, array $arguments)
    {
        $talks = preg_match(self::IO_METHOD_REGEX, $name) === 1;
        // Rows of a result that are gone cannot be fetched again.
        $tries = in_array(strtolower($name), ['execute', 'prepare'], true) ? self::TRIES : 1;
        for ($try = 1; ; $try++) {
            $thrown = null;
            try {
                $result = $this->__object->{$name}(...$arguments);
            } catch (\mysqli_sql_exception $thrown) {
                $result = false;
            }
            if ($thrown === null && ($result !== false || !$talks)) {
                break;
            }
            $code = $thrown?->getCode() ?? $this->__object->errno;
            if (!$talks || $try >= $tries || !in_array($code, MysqliProxy::IO_ERRORS, true)) {
                throw $thrown ?? new MysqliException($this->__object->error, $code);
            }
            $this->prepareAgain();
        }
        if (strcasecmp($name, 'prepare') === 0) {
            $this->queryString = $arguments[0];
        }
        return $result;
    }

    public function attr_set($attr, $mode): bool
    {
        $this->attrSetContext[$attr] = $mode;
        return $this->__object->attr_set($attr, $mode);
    }

    public function bind_param($types, &...$arguments): bool
    {
        $this->bindParamContext = [$types, $arguments];
        return $this->__object->bind_param($types, ...$arguments);
    }

    public function bind_result(&...$arguments): bool
    {
        $this->bindResultContext = $arguments;
        return $this->__object->bind_result(...$arguments);
    }

    private function prepareAgain(): void
    {
        if ($this->parentRound === $this->parent->getRound()) {
            $this->parent->reconnect();
        }
        $connection = $this->parent->__getObject();
        $statement = $this->queryString === null ? $connection->stmt_init() : $connection->prepare($this->queryString);
        if ($statement === false) {
            throw new MysqliException($connection->error, $connection->errno);
        }
        $this->__object = $statement;
        $this->parentRound = $this->parent->getRound();
        if (isset($this->bindParamContext)) {
            [$types, $arguments] = $this->bindParamContext;
            $statement->bind_param($types, ...$arguments);
        }
        if (isset($this->bindResultContext)) {
            $statement->bind_result(...$this->bindResultContext);
        }
        foreach ($this->attrSetContext as $attribute => $value) {
            $statement->attr_set($attribute, $value);
        }
    }
}
