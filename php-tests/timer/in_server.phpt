--TEST--
Swoole\Timer: in master, manager and workers; a server full of ticks stops at once
--FILE--
<?php
use Swoole\Timer;
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        // What stops only after this would make the test fail for want of patience.
        $server = $side->server(['worker_num' => 2, 'max_wait_time' => 60]);
        $tick = function (string $where) use ($side): Closure {
            return function () use ($where, $side): void {
                Timer::tick(1, fn () => null);
                Timer::after(2, fn () => $side->event('ran', [$where, getmypid(), Timer::list()->count()]));
            };
        };
        $server->on('start', $tick('master'));
        $server->on('managerStart', $tick('manager'));
        $server->on('workerStart', $tick('worker'));
        $server->on('workerExit', fn ($server, int $id) => $side->event('workerExit', $id));
        $server->on('receive', function (Swoole\Server $server, int $fd) use ($side): void {
            $id = Timer::tick(1, function (int $id) use ($server, $fd): void {
                static $n = 0;
                $server->send($fd, (string) ++$n);
                $n === 5 && Timer::clear($id);
            });
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        // In base mode the first worker is the server's first process, too.
        $ran = $pids = [];
        for ($i = 0; $i < 4; $i++) {
            [$where, $pid, $count] = $server->expectEvent('ran');
            $ran[$where][] = $pid;
            $pids[$pid][] = $count;
        }
        foreach ($pids as $counts) {
            check(max($counts) <= 2 * count($counts), 'timers are the process\'s own: ' . json_encode($counts));
        }
        same([1, 1], [count($ran['master']), count($ran['manager'])]);
        check(count(array_unique($ran['worker'])) === 2, 'both workers');
        same('12345', $server->connect()->send('x')->read(5));
        $server->signal(SIGUSR1); // a reload waits for no tick either
        $server->expectEvent('workerStart');
        $server->expectEvent('workerStart');
        $server->stop();
        check(count($server->events('workerExit')) >= 4, 'told');
    },
);
?>
--EXPECT--
process: ok
base: ok
