--TEST--
Swoole\Timer, Swoole\Event: a worker that ends has what comes to an end come to its end; onWorkerExit ends the rest
--FILE--
<?php
use Swoole\{Event, Timer};
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

// A timer that runs once is waited for, a tick is not.
test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['max_wait_time' => 60]);
        $is_told = false;
        $server->on('workerStart', fn () => Timer::tick(1, fn () => null));
        $server->on('workerExit', function () use ($side, &$is_told): void {
            $is_told = true;
            $side->event('workerExit', Timer::list()->count());
        });
        $server->on('receive', function (Swoole\Server $server, int $fd) use ($side, &$is_told): void {
            $late = function () use ($side, &$is_told, &$late): void {
                // One more, until the worker has been told to end.
                $is_told ? $side->event('late', getmypid()) : Timer::after(2, $late);
            };
            Timer::after(2, $late);
            $server->send($fd, 'x');
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        same('x', $server->connect()->send('x')->read(1));
        $pid = $server->workers[0];
        $server->stop();
        same($pid, $server->expectEvent('late'));
        check($server->events('workerExit') !== [], 'told');
    },
);
// A descriptor is waited for until onWorkerExit ends the loop, by del() or by exit().
foreach (['del', 'exit'] as $how) {
    test_server(
        function (ServerSide $side) use ($how): bool {
            $server = $side->server(['worker_num' => 2, 'max_wait_time' => 60]);
            $server->on('workerStart', function () use (&$pair): void {
                $pair = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
                Event::add($pair[0], fn () => null);
            });
            $server->on('workerExit', function () use ($side, $how, &$pair): void {
                $side->event('workerExit');
                $how === 'del' ? Event::del($pair[0]) : Event::exit();
            });
            $server->on('receive', fn () => null);
            return $side->start($server);
        },
        function (TestServer $server): void {
            $server->signal(SIGUSR1);
            $server->expectEvent('workerStart');
            $server->expectEvent('workerStart');
            $server->stop();
            check(count($server->events('workerExit')) >= 4, 'told');
        },
    );
}
?>
--EXPECT--
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
