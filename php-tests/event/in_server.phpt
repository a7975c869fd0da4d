--TEST--
Swoole\Event: in master, manager and workers; wait() and dispatch() where the server's loop runs; exit() ends the role
--FILE--
<?php
use Swoole\{Event, Timer};
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'enable_coroutine' => false]);
        $watch = fn (string $where) => function () use ($where, $side): void {
            $pair = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
            Event::add($pair[0], function ($stream) use ($where, $side): void {
                $data = fread($stream, 100);
                Event::del($stream);
                Event::wait();
                $side->event('read', [$where, $data, @Event::dispatch()]);
            });
            Event::defer(fn () => $side->event('deferred', $where));
            fwrite($pair[1], $where);
        };
        $server->on('start', $watch('master'));
        $server->on('managerStart', $watch('manager'));
        $server->on('workerStart', $watch('worker'));
        $server->on('receive', function (Swoole\Server $server, int $fd) use ($side): void {
            $turns = 0;
            Event::cycle(function () use (&$turns, $server, $fd): void {
                if (++$turns === 3) {
                    Event::cycle(null);
                    $server->send($fd, 'x');
                }
            });
            Timer::tick(1, function (int $id) use (&$turns): void { $turns >= 3 && Timer::clear($id); });
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        foreach (['read', 'deferred'] as $event) {
            $seen = [];
            for ($i = 0; $i < 4; $i++) {
                $data = $server->expectEvent($event);
                $seen[] = is_array($data) ? $data[0] : $data;
                is_array($data) && same([$data[0], false], [$data[1], $data[2]]);
            }
            sort($seen);
            check(array_count_values($seen)['worker'] === 2 && in_array('master', $seen), json_encode($seen));
        }
        same('x', $server->connect()->send('x')->read(1));
    },
);
// A worker that ends its loop ends, and is replaced.
test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $server->on('receive', fn () => Event::exit());
        $server->on('workerStop', fn ($server, int $id) => $side->event('workerStop', [$id, getmypid()]));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $old = $server->workers;
        $server->connect()->send('x');
        [$id, $pid] = $server->expectEvent('workerStop');
        same($old[$id], $pid);
        $server->expectEvent('workerStart');
        check($server->workers[$id] !== $pid, 'another process');
    },
);
// The master that ends its loop ends the server, in order.
test_server(
    function (ServerSide $side): bool {
        $server = $side->server();
        $server->on('start', fn () => Timer::after(1, fn () => Event::exit()));
        $server->on('receive', fn () => null);
        return $side->start($server);
    },
    fn (TestServer $server) => $server->expectExit(0),
);
?>
--EXPECT--
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
