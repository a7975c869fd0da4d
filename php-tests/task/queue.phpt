--TEST--
Swoole\Server: tasks through a System V message queue, of any size, and from other programs
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server};

require __DIR__ . '/../include/bootstrap.php';

foreach ([2, 3] as $mode) {
    test_server(
        function (ServerSide $side) use ($mode): bool {
            $key = crc32($side->path('queue')) & 0x7fffffff;
            $server = $side->server(['task_worker_num' => 2, 'task_ipc_mode' => $mode, 'message_queue_key' => $key,
                'task_tmpdir' => dirname($side->path('x'))]);
            $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor, string $data) use ($side, $key): void {
                $results = [$server->taskwait('x', 10), strlen($server->taskwait(str_repeat('y', 500_000), 10)),
                    $server->taskCo([1, 2, 3], 10)];
                $side->event('results', $results);
                $side->event('stats', isset($server->stats()['task_queue_num'], $server->stats()['task_queue_bytes']));
                $server->sendMessage('message', 2);
                // Another program, as it were.
                $other = new Swoole\Process(fn () => 0);
                $other->useQueue($key, 2);
                $other->push(Swoole\Server\Task::pack(['from' => 'outside']));
            });
            $server->on('pipeMessage', fn ($server, $from, $data) => $side->event('message', [$server->worker_id, $data]));
            $server->on('task', function (Swoole\Server $server, int $id, int $worker, mixed $data) use ($side): mixed {
                if (is_array($data)) {
                    $side->event('outside', [$data, @$server->finish('x')]);
                    return null;
                }
                return $data;
            });
            $server->on('workerStop', function (Swoole\Server $server, int $id) use ($key): void {
                if ($id === 0) {
                    $queue = new Swoole\Process(fn () => 0);
                    $queue->useQueue($key, 2);
                    $queue->freeQueue();
                }
            });
            return $side->start($server);
        },
        function (TestServer $server) use ($mode): void {
            $server->allowLog('/message queue of tasks cannot be read|No idle task worker|can only be used in the worker/');
            $server->connect()->send('go');
            same(['x', 500_000, [1, 2, 3]], $server->expectEvent('results'));
            same(true, $server->expectEvent('stats'));
            same([2, 'message'], $server->expectEvent('message'));
            same([['from' => 'outside'], false], $server->expectEvent('outside'));
        },
    );
}
?>
--EXPECT--
process: ok
base: ok
process: ok
base: ok
