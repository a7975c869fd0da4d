--TEST--
Swoole\Server: a worker that dies in onConnect or onClose: no client hangs, the next ones are served
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

foreach (['connect', 'close'] as $event) {
    foreach (['exit', 'throw', 'kill'] as $way) {
        test_server(
            function (ServerSide $side) use ($event, $way): bool {
                $server = $side->server(['worker_num' => 2, 'enable_coroutine' => false]);
                $server->on('receive', fn (Swoole\Server $server, int $fd) => $server->send($fd, 'pong'));
                $server->on($event, function (Swoole\Server $server, int $fd) use ($side, $way): void {
                    if ($fd === 1) {
                        $side->event('dies', getmypid());
                        match ($way) {
                            'exit' => exit(1),
                            'throw' => throw new LogicException('as asked'),
                            'kill' => posix_kill(getmypid(), SIGKILL),
                        };
                    }
                });
                return $side->start($server);
            },
            function (TestServer $server) use ($event, $way): void {
                $server->allowOutput('/LogicException|Stack trace|^#|thrown in|^$/');
                $victim = $server->connect();
                if ($event === 'close') {
                    same('pong', $victim->send('ping')->read(4));
                    $victim->finishSending();
                }
                $pid = $server->expectEvent('dies');
                try {
                    same('', $victim->readAll());
                } catch (SwooleRs\Tests\Failure $failure) {
                    check(str_contains($failure->getMessage(), 'reset'), $failure->getMessage());
                }
                $server->expectLog("/pid={$pid}, id=\\d+\\) abnormal exit.*connection 1/");
                $server->expectEvent('workerStart');
                for ($i = 0; $i < 4; $i++) {
                    same('pong', $server->connect()->send('ping')->read(4));
                }
                same([], $server->events('dies'));
            },
        );
    }
}
?>
--EXPECT--
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
