--TEST--
Swoole\Server: SIGRTMIN opens the log again and does not end processes of addProcess(); they may handle it
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{same, test_server};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server();
        $processes = [
            new Swoole\Process(function (Swoole\Process $process) use ($side): void {
                $side->event('started', $process->id);
                while (true) {
                    $side->event('read', [$process->id, $process->read()]);
                }
            }),
            new Swoole\Process(function (Swoole\Process $process) use ($side): void {
                pcntl_async_signals(true);
                $heard = false;
                pcntl_signal(SIGRTMIN, function () use ($side, $process, &$heard): void {
                    $heard = true;
                    $side->event('heard', $process->id);
                });
                $side->event('started', $process->id);
                while (!$heard) {
                    usleep(1000);
                }
                while (true) {
                    $side->event('read', [$process->id, $process->read()]);
                }
            }),
            new Swoole\Process(function (Swoole\Process $process) use ($side): void {
                Swoole\Process::signal(SIGRTMIN, fn () => $side->event('heard', $process->id));
                $side->event('started', $process->id);
                $socket = $process->exportSocket();
                while (true) {
                    $side->event('read', [$process->id, $socket->recv()]);
                }
            }, false, SOCK_DGRAM, true),
        ];
        foreach ($processes as $process) {
            $server->addProcess($process);
        }
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($processes): void {
            $processes[(int) $data]->write('hello');
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $started = [$server->expectEvent('started'), $server->expectEvent('started'), $server->expectEvent('started')];
        sort($started);
        same([1, 2, 3], $started);
        $server->signal(SIGRTMIN);
        $heard = [$server->expectEvent('heard'), $server->expectEvent('heard')];
        sort($heard);
        same([2, 3], $heard);
        $client = $server->connect();
        foreach ([0, 1, 2] as $index) {
            $client->send((string) $index);
            same([$index + 1, 'hello'], $server->expectEvent('read'));
        }
        same([], $server->events('started'));
    },
);
?>
--EXPECT--
process: ok
base: ok
