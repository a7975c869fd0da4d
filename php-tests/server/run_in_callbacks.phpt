--TEST--
Swoole\Coroutine\run() in the callbacks that a server calls outside of its loop; what the server has there goes on
--FILE--
<?php
use Swoole\Coroutine\System;
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server};

require __DIR__ . '/../include/bootstrap.php';

/** Waits for others in two coroutines, in any callback. */
function waits(string $where): array
{
    $seen = [$where];
    $result = Swoole\Coroutine\run(function () use (&$seen): void {
        $channel = new Swoole\Coroutine\Channel();
        Swoole\Coroutine\go(function () use ($channel): void {
            System::sleep(0.01);
            $channel->push('message');
        });
        $seen[] = $channel->pop(10);
        $seen[] = System::readFile(__FILE__) === file_get_contents(__FILE__);
    });
    $seen[] = $result;
    // Another one, and what is left of the first one is gone.
    $scheduler = new Swoole\Coroutine\Scheduler();
    $scheduler->add(function () use (&$seen): void {
        System::sleep(0.001);
        $seen[] = 'again';
    });
    $scheduler->start();
    return $seen;
}

test_server(
    function (ServerSide $side): bool {
        // Else onStart runs in a coroutine itself.
        $server = $side->server(['worker_num' => 2, 'enable_coroutine' => false]);
        $server->on('start', fn () => $side->event('ran', waits('start')));
        $server->on('workerStart', function () {
            // Never comes to its end, which must not keep anybody.
            Swoole\Timer::tick(60_000, fn () => null);
        });
        $server->on('workerStop', function (Swoole\Server $server, int $id) use ($side): void {
            if ($id === 0) {
                $side->event('ran', waits('workerStop'));
            }
        });
        $server->on('workerExit', function (Swoole\Server $server, int $id) use ($side): void {
            static $is_first = true;
            if ($id === 0 && $is_first) {
                $is_first = false;
                $side->event('ran', waits('workerExit'));
            }
        });
        $server->on('managerStop', fn () => $side->event('ran', waits('managerStop')));
        $server->on('shutdown', fn () => $side->event('ran', waits('shutdown')));
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            $server->send($fd, $data);
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $expect = function (string $where) use ($server): void {
            same([$where, 'message', true, true, 'again'], $server->expectEvent('ran'));
        };
        $expect('start');
        $client = $server->connect();
        same('x', $client->send('x')->read(1), 'the loop goes on after onStart');
        $server->signal(SIGTERM);
        $expect('workerExit');
        $expect('workerStop');
        $expect('managerStop');
        $expect('shutdown');
        $server->expectExit();
    },
);

// Clients that come while a worker's onWorkerStop runs a loop are served by its successor; in base mode its
// connections have come to their ends by then.
test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['enable_coroutine' => false, 'max_wait_time' => 10]);
        $server->on('workerStop', function () use ($side): void {
            $side->event('stops');
            Swoole\Coroutine\run(fn () => System::sleep(0.2));
        });
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            $server->send($fd, $data);
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $before = $server->connect();
        same('1', $before->send('1')->read(1));
        $server->signal(SIGTERM, $server->mode === SWOOLE_BASE ? null : $server->workers[0]);
        $server->expectEvent('stops');
        if ($server->mode === SWOOLE_PROCESS) {
            same('2', $before->send('2')->read(1), 'sent during onWorkerStop');
            $server->expectEvent('workerStart');
        } else {
            same('', $before->readAll());
            $server->expectExit();
        }
    },
);
?>
--EXPECT--
process: ok
base: ok
process: ok
base: ok
