--TEST--
Swoole\Server: each event comes in its process, with its arguments
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $names = ['start', 'beforeShutdown', 'shutdown', 'managerStart', 'managerStop', 'workerStart', 'workerStop',
            'beforeReload', 'afterReload', 'connect', 'receive', 'close'];
        foreach ($names as $name) {
            $server->on($name, function (...$arguments) use ($side, $name, $server): void {
                same($server, array_shift($arguments), "{$name}: the first argument");
                $side->event($name === 'workerStart' ? 'start of worker' : $name, [getmypid(), ...$arguments]);
                $name === 'receive' && $server->send($arguments[0], 'ok');
            });
        }
        return $side->start($server);
    },
    function (TestServer $server): void {
        $workers = $server->workers;
        $manager_pid = $server->manager_pid;
        // In base mode the first worker runs what belongs to the master.
        $master_pid = $server->mode === SWOOLE_BASE ? $workers[0] : $server->master_pid;
        same([$master_pid], $server->expectEvent('start'));
        same([$manager_pid], $server->expectEvent('managerStart'));
        $started = [$server->expectEvent('start of worker'), $server->expectEvent('start of worker')];
        sort($started);
        $expected = [[$workers[0], 0], [$workers[1], 1]];
        sort($expected);
        same($expected, $started);

        $client = $server->connect();
        same('ok', $client->send('hello')->read(2));
        [$worker_pid, $fd, $reactor_id] = $server->expectEvent('connect');
        check(in_array($worker_pid, $workers, true), 'onConnect runs in a worker');
        check($fd === 1, 'the first connection is number 1');
        check($reactor_id >= 0, 'a reactor id');
        same([$worker_pid, $fd, $reactor_id, 'hello'], $server->expectEvent('receive'));
        $client->close();
        same([$worker_pid, $fd, $reactor_id], $server->expectEvent('close'));

        $server->signal(SIGUSR1);
        same([$manager_pid], $server->expectEvent('beforeReload'));
        $stopped = [$server->expectEvent('workerStop'), $server->expectEvent('workerStop')];
        sort($stopped);
        same($expected, $stopped);
        $server->expectEvent('workerStart');
        $server->expectEvent('workerStart');
        same([$manager_pid], $server->expectEvent('afterReload'));

        $server->stop();
        same([$server->master_pid], $server->expectEvent('beforeShutdown'));
        same(2, count($server->events('workerStop')));
        same([[$manager_pid]], $server->events('managerStop'));
        same([[$server->master_pid]], $server->events('shutdown'));
    },
);
?>
--EXPECT--
process: ok
base: ok
