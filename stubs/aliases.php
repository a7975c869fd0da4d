<?php

declare(strict_types=1);

/* Names that old scripts use. */

class_alias(\Swoole\Exception::class, 'swoole_exception');
class_alias(\Swoole\Error::class, 'swoole_error');
class_alias(\Swoole\Connection\Iterator::class, 'swoole_connection_iterator');
class_alias(\Swoole\Server\Port::class, 'swoole_server_port');
class_alias(\Swoole\Server::class, 'swoole_server');
class_alias(\Swoole\Server\Event::class, 'swoole_server_event');
class_alias(\Swoole\Server\StatusInfo::class, 'swoole_server_status_info');
class_alias(\Swoole\Server\Task::class, 'swoole_server_task');
class_alias(\Swoole\Server\TaskResult::class, 'swoole_server_task_result');
class_alias(\Swoole\Server\PipeMessage::class, 'swoole_server_pipe_message');
class_alias(\Swoole\Atomic::class, 'swoole_atomic');
class_alias(\Swoole\Atomic\Long::class, 'swoole_atomic_long');
class_alias(\Swoole\Lock::class, 'swoole_lock');
class_alias(\Swoole\Table::class, 'swoole_table');
class_alias(\Swoole\Process::class, 'swoole_process');

/* Short names, unless swoole.use_shortname is off. */

class_alias(\Swoole\Coroutine::class, 'Co');
class_alias(\Swoole\Coroutine\Channel::class, 'Chan');
class_alias(\Swoole\Coroutine\Channel::class, 'Co\Channel');
class_alias(\Swoole\Coroutine\Client::class, 'Co\Client');
class_alias(\Swoole\Coroutine\Socket::class, 'Co\Socket');
class_alias(\Swoole\Coroutine\Socket\Exception::class, 'Co\Socket\Exception');
class_alias(\Swoole\Coroutine\Context::class, 'Co\Context');
class_alias(\Swoole\Coroutine\Iterator::class, 'Co\Iterator');
class_alias(\Swoole\Coroutine\Scheduler::class, 'Co\Scheduler');
class_alias(\Swoole\Coroutine\System::class, 'Co\System');

/**
 * The client of old scripts: it blocks, and with SWOOLE_ASYNC in its type it is a Swoole\Async\Client.
 */
class swoole_client extends \Swoole\Async\Client
{
    /**
     * @param int $type as of Swoole\Client; SWOOLE_ASYNC: with callbacks
     * @param bool $async the same as SWOOLE_ASYNC
     * @param string $id the name that connections are kept by (SWOOLE_KEEP)
     */
    public function __construct(int $type, bool $async = false, string $id = '') {}

    /** Connects as Swoole\Client or Swoole\Async\Client does. */
    public function connect(string $host, int $port = 0, float $timeout = 0.5, int $sock_flag = 0): bool {}
}
