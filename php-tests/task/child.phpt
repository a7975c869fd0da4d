--TEST--
Swoole\Server: a child process that a callback has made can send tasks and messages, but gets no results
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'task_worker_num' => 1, 'enable_coroutine' => false]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor, string $data) use ($side): void {
            $child = new Swoole\Process(function () use ($server, $side): void {
                $side->event('child', [
                    is_int($server->task('of the child')),
                    $server->sendMessage('of the child', 1 - $server->worker_id),
                    @$server->taskwait('x', 60),
                    $server->task(str_repeat('x', 10_000_000)),
                ]);
            });
            $child->start();
            Swoole\Process::wait();
            $side->event('parent', $server->taskwait('of the parent', 60));
        });
        $server->on('task', function (Swoole\Server $server, int $id, int $worker, mixed $data) use ($side): mixed {
            $side->event('task', [$data, $data === 'of the child' ? @$server->finish('x') : null]);
            return $data === 'of the child' ? null : $data;
        });
        $server->on('pipeMessage', fn (Swoole\Server $server, int $from, mixed $data) => $side->event('message', $data));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->allowLog('/No idle task worker|can only be used in the worker process|a task was not sent: .*child process/');
        $server->connect()->send('go');
        same([true, true, false, false], $server->expectEvent('child'));
        same('of the parent', $server->expectEvent('parent'));
        same(['of the child', false], $server->expectEvent('task'));
        same(['of the parent', null], $server->expectEvent('task'));
        same('of the child', $server->expectEvent('message'));
    },
);
?>
--EXPECT--
process: ok
base: ok
