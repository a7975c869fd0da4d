--TEST--
Swoole\Process: a child of a server's worker is no part of the server and leaves it alone
--FILE--
<?php
use Swoole\Process;
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{same, test_server};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['enable_coroutine' => false]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            $process = new Process(function (Process $process) use ($data): void {
                register_shutdown_function(fn () => $process->write(strrev($data)));
                Swoole\Timer::after(1, function () use ($data): void {
                    match ($data) {
                        'kill' => posix_kill(getmypid(), SIGTERM),
                        'exit' => exit(3),
                        default => null,
                    };
                });
                Swoole\Event::wait();
            });
            $process->start();
            $end = Process::wait();
            $answer = $end['signal'] ? '' : $process->read();
            $server->send($fd, "{$end['code']} {$end['signal']} {$answer}\n");
        });
        $server->on('close', fn () => $side->event('closed'));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $client = $server->connect();
        foreach (['done' => "0 0 enod\n", 'exit' => "3 0 tixe\n", 'kill' => "0 15 \n", 'twice' => "0 0 eciwt\n"] as $data => $answer) {
            same($answer, $client->send($data)->read(strlen($answer)));
        }
        $client->close();
        $server->expectEvent('closed');
        same([], $server->events('closed'));
    },
);
?>
--EXPECT--
process: ok
base: ok
