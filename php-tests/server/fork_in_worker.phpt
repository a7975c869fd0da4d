--TEST--
Swoole\Server: programs that a worker starts inherit no descriptor: they keep no port and no client
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            static $child = null;
            if ($data === 'start') {
                $child = proc_open(['sleep', '1000'], [], $pipes);
                $server->send($fd, (string) proc_get_status($child)['pid']);
            }
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $client = $server->connect()->send('start');
        $pid = (int) $client->readSome();
        check($pid > 0, 'a child');
        until(fn (): bool => str_starts_with((string) @file_get_contents("/proc/{$pid}/cmdline"), 'sleep'), 'the child runs its program');
        $open = array_filter(SwooleRs\Tests\Processes::descriptors($pid), fn ($target) => str_starts_with($target, 'socket:') || str_contains($target, 'memfd') || str_contains($target, 'eventfd'));
        $open = array_diff($open, SwooleRs\Tests\Processes::descriptors(getmypid())); // those of who runs the tests
        same([], $open, 'descriptors that the child inherited');
        posix_kill($pid, SIGKILL);
    },
);
?>
--EXPECT--
process: ok
base: ok
