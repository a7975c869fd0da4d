--TEST--
Swoole\Server: callbacks in coroutines; a message whose coroutine waits is in hand: half-closed clients, shutdown, reload
--FILE--
<?php
use Swoole\Coroutine;
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server};

require __DIR__ . '/../include/bootstrap.php';

function serve(ServerSide $side, array $settings): bool
{
    $server = $side->server($settings);
    $waiting = [];
    $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side, &$waiting): void {
        match ($data) {
            'wait' => (function () use ($side, $fd, $server, &$waiting): void {
                $waiting[$fd] = Coroutine::getCid();
                $side->event('waits', $fd);
                Coroutine::yield();
                unset($waiting[$fd]);
                $server->send($fd, 'answer');
            })(),
            'soon' => (function () use ($side, $fd, $server): void {
                $side->event('sleeps', getmypid());
                Coroutine::sleep(0.2);
                $server->send($fd, 'slept');
            })(),
            'others' => (function () use ($fd, $server, &$waiting): void {
                $server->send($fd, (string) count($waiting));
                foreach ($waiting as $cid) {
                    Coroutine::resume($cid);
                }
            })(),
            default => $server->send($fd, Coroutine::getCid() > 0 ? 'inside' : 'outside'),
        };
    });
    $server->on('close', fn (Swoole\Server $server, int $fd) => $side->event('closed', $fd, Coroutine::getCid() > 0));
    return $side->start($server);
}

echo "in one worker\n";
test_server(
    fn (ServerSide $side) => serve($side, ['worker_num' => 1]),
    function (TestServer $server): void {
        $first = $server->connect();
        same('inside', $first->send('hello')->read(6));
        // A coroutine that waits keeps nobody else from being served.
        $half = $server->connect();
        $half->send('wait');
        $server->expectEvent('waits');
        $half->finishSending();
        same('1', $first->send('others')->read(1));
        same('answer', $half->readAll());
        $server->expectEvent('closed');
        // The server ends: who is served gets the answer first.
        $late = $server->connect();
        $late->send('soon');
        $server->expectEvent('sleeps');
        $server->signal(SIGTERM);
        same('slept', $late->readAll());
        $server->expectExit();
    },
);

echo "reload\n";
test_server(
    fn (ServerSide $side) => serve($side, ['worker_num' => 2]),
    function (TestServer $server): void {
        $late = $server->connect();
        $late->send('soon');
        $server->expectEvent('sleeps');
        $server->signal(SIGUSR1, $server->manager_pid);
        same('slept', $late->read(5));
    },
    [SWOOLE_PROCESS],
);

echo "without\n";
test_server(
    fn (ServerSide $side) => serve($side, ['worker_num' => 1, 'enable_coroutine' => false]),
    function (TestServer $server): void {
        same('outside', $server->connect()->send('hello')->read(7));
    },
);
?>
--EXPECT--
in one worker
process: ok
base: ok
reload
process: ok
without
process: ok
base: ok
