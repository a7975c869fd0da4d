--TEST--
Swoole\Server: task workers start, are replaced, are told of, and end
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        // One worker: in base mode there is a manager all the same.
        $server = $side->server(['worker_num' => 1, 'task_worker_num' => 2]);
        $server->on('workerStart', function (Swoole\Server $server, int $id) use ($side): void {
            $side->event('start', [$id, $server->taskworker, $server->worker_id, $server->getWorkerId(), $server->worker_pid === getmypid(),
                $server->getWorkerPid() === getmypid()]);
        });
        $server->on('workerStop', function (Swoole\Server $server, int $id) use ($side): void {
            $side->event('stop', $id);
        });
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor, string $data) use ($side): void {
            match ($data) {
                'reload' => $server->reload(true),
                'stats' => $side->event('stats', $server->stats() + ['pid 1' => $server->getWorkerPid(1), 'status 1' => $server->getWorkerStatus(1),
                    'none' => $server->getWorkerStatus(9)]),
                'stop' => $server->stop(2),
                'task' => $side->event('done', $server->taskwait('x', 10)),
            };
        });
        $server->on('task', fn (Swoole\Server $server, int $id, int $worker, mixed $data) => $data);
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->allowLog('/No idle task worker/');
        $starts = [$server->expectEvent('start'), $server->expectEvent('start'), $server->expectEvent('start')];
        sort($starts);
        same([[0, false, 0, 0, true, true], [1, true, 1, 1, true, true], [2, true, 2, 2, true, true]], $starts);
        check($server->manager_pid > 0, 'there is a manager');
        $client = $server->connect();
        $before = $server->workers;
        $client->send('task');
        same('x', $server->expectEvent('done'));
        until(function () use ($client, $server, $before): bool {
            $client->send('stats');
            $stats = $server->expectEvent('stats');
            same([1, 2, 0, $before[1], 1, false], [$stats['worker_num'], $stats['task_worker_num'], $stats['tasking_num'], $stats['pid 1'], $stats['task_count'],
                $stats['none']]);
            return $stats['task_idle_worker_num'] === 2 && $stats['status 1'] === SWOOLE_WORKER_IDLE;
        }, 'both are idle');
        // Task workers alone.
        $client->send('reload');
        $stops = [$server->expectEvent('stop'), $server->expectEvent('stop')];
        sort($stops);
        same([1, 2], $stops);
        $server->expectEvent('workerStart');
        $server->expectEvent('workerStart');
        check($server->workers[1] !== $before[1] && $server->workers[2] !== $before[2], 'they are new');
        same($before[0], $server->workers[0]);
        // One of them.
        $client->send('stop');
        same(2, $server->expectEvent('stop'));
        same(2, $server->expectEvent('workerStart')['worker_id']);
        $client->send('task');
        same('x', $server->expectEvent('done'));
        $server->signal(SIGUSR2, $server->manager_pid);
        $server->expectEvent('workerStart');
        $server->expectEvent('workerStart');
        $client->send('task');
        same('x', $server->expectEvent('done'));
        $server->stop();
        $stops = $server->events('stop');
        check(count($stops) >= 3, 'all end in order');
    },
);
?>
--EXPECT--
process: ok
base: ok
