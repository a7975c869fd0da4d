<?php

declare(strict_types=1);

namespace Swoole\Database;

/**
 * A mysqli connection that connects again when the server has closed it, and throws when a call to the server
 * fails.
 *
 * @mixin \mysqli
 */
class MysqliProxy extends ObjectProxy
{
    /** Methods that talk to the server. */
    public const IO_METHOD_REGEX = '/^(?:autocommit|begin_transaction|change_user|close|commit|kill|multi_query|ping'
        . '|prepare|query|real_connect|real_query|reap_async_query|refresh|release_savepoint|rollback|savepoint'
        . '|select_db|send_query|set_charset|ssl_set)$/i';

    /** Errors after which another connection may help: cannot connect, gone away, lost. */
    public const IO_ERRORS = [2002, 2006, 2013];

    /** How often a call is tried. */
    private const TRIES = 3;

    /** @var \mysqli */
    protected $__object;

    /** What the methods of these names were given, for the next connection. */
    protected string $charsetContext;

    protected array $setOptContext = [];

    protected array $changeUserContext;

    /** @var callable(): \mysqli */
    protected $constructor;

    /** Connections that were made after the first. */
    protected int $round = 0;

    public function __construct(callable $constructor)
    {
        parent::__construct($constructor());
        $this->constructor = $constructor;
    }

    public function __call(string $name, array $arguments)
    {
        $talks = preg_match(self::IO_METHOD_REGEX, $name) === 1;
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
            if (!$talks || $try >= self::TRIES || !in_array($code, self::IO_ERRORS, true)) {
                throw $thrown ?? new MysqliException($this->__object->error, $code);
            }
            $this->reconnect();
        }
        return match (strtolower($name)) {
            'prepare' => new MysqliStatementProxy($result, $arguments[0], $this),
            'stmt_init' => new MysqliStatementProxy($result, null, $this),
            default => $result,
        };
    }

    /** How often it has connected again. */
    public function getRound(): int
    {
        return $this->round;
    }

    /** Replaces the connection by a new one with the same settings. */
    public function reconnect(): void
    {
        $connection = ($this->constructor)();
        if (isset($this->charsetContext)) {
            $connection->set_charset($this->charsetContext);
        }
        foreach ($this->setOptContext as $option => $value) {
            $connection->set_opt($option, $value);
        }
        if (isset($this->changeUserContext)) {
            $connection->change_user(...$this->changeUserContext);
        }
        $this->__object = $connection;
        $this->round++;
    }

    public function options(int $option, $value): bool
    {
        $this->setOptContext[$option] = $value;
        return $this->__object->options($option, $value);
    }

    public function set_opt(int $option, $value): bool
    {
        return $this->options($option, $value);
    }

    public function set_charset(string $charset): bool
    {
        $this->charsetContext = $charset;
        return $this->__object->set_charset($charset);
    }

    public function change_user(string $user, string $password, ?string $database): bool
    {
        $this->changeUserContext = [$user, $password, $database];
        return $this->__object->change_user($user, $password, $database);
    }
}
