--TEST--
Swoole\Event, Swoole\Timer: a child that a callback forks does not go on with its parent's work, whether it exits or returns
--FILE--
<?php
use Swoole\{Event, Timer};
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

foreach ([3, null] as $exit) {
    test_server(
        function (ServerSide $side) use ($exit): bool {
            $server = $side->server(['worker_num' => 2, 'enable_coroutine' => false]);
            $fork = function (string $where) use ($side, $exit): void {
                $side->event('before', $where);
                $pid = pcntl_fork();
                if ($pid === 0) {
                    if ($exit !== null) {
                        exit($exit);
                    }
                    return;
                }
                pcntl_waitpid($pid, $status);
                $side->event('ended', [$where, pcntl_wifexited($status) ? pcntl_wexitstatus($status) : -1, getmypid()]);
            };
            $server->on('workerStart', function () use ($side, $fork): void {
                Timer::tick(1, function (int $id) use ($fork): void {
                    Timer::clear($id);
                    $fork('timer');
                });
                Timer::tick(20, fn () => null);
            });
            $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($fork): void {
                $data === 'fork' && $fork('receive');
                $server->send($fd, (string) getmypid());
            });
            return $side->start($server);
        },
        function (TestServer $server) use ($exit): void {
            for ($i = 0; $i < 2; $i++) {
                [$where, $status, $pid] = $server->expectEvent('ended');
                same(['timer', $exit ?? 0], [$where, $status]);
                check(in_array($pid, $server->workers), 'a worker');
            }
            $client = $server->connect();
            for ($i = 0; $i < 5; $i++) {
                check(in_array((int) $client->send('x')->readSome(), $server->workers), 'answered by a worker');
            }
            $client = $server->connect()->send('fork');
            same(['receive', $exit ?? 0], array_slice($server->expectEvent('ended'), 0, 2));
            $answer = (int) $client->readSome();
            $exit === null || check(in_array($answer, $server->workers), 'answered by a worker');
            check(in_array((int) $server->connect()->send('x')->readSome(), $server->workers), 'the server goes on');
        },
    );
}
?>
--EXPECT--
process: ok
base: ok
process: ok
base: ok
