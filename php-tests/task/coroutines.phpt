--TEST--
Swoole\Server: with task_enable_coroutine a task worker does many tasks at a time
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['task_worker_num' => 1, 'task_enable_coroutine' => true]);
        $arrived = 0;
        $waiting = new Swoole\Coroutine\Channel(100);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor, string $data) use ($side): void {
            $results = $server->taskCo(range(0, 49), 10);
            $side->event('results', $results);
            $server->task('last');
        });
        // None of them ends before all have come.
        $server->on('task', function (Swoole\Server $server, Swoole\Server\Task $task) use (&$arrived, $waiting, $side): string {
            if ($task->data === 'last') {
                Swoole\Timer::after(1, fn () => $task->finish(['cid' => Co::getCid()]));
                return 'not a result';
            }
            check(Co::getCid() > 0, 'in a coroutine');
            if (++$arrived < 50) {
                $waiting->pop();
            } else {
                for ($i = 1; $i < 50; $i++) {
                    $waiting->push($i);
                }
            }
            $task->finish($task->data * 2);
            return 'not a result';
        });
        $server->on('finish', function (Swoole\Server $server, int $id, mixed $data) use ($side): void {
            $side->event('finish', $data);
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->allowLog('/No idle task worker/');
        $server->connect()->send('go');
        same(range(0, 98, 2), $server->expectEvent('results'));
        check($server->expectEvent('finish')['cid'] > 0, 'timers run in coroutines');
        // It ends in order although a coroutine has been there.
    },
);
?>
--EXPECT--
process: ok
base: ok
