--TEST--
Swoole\Server: a worker with as many requests as it may have gets the results that it waits for
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{same, test_server};

require __DIR__ . '/../include/bootstrap.php';

/** Lets others run in the middle of being sent. */
class Slow
{
    public function __serialize(): array
    {
        Co::sleep(0.2);
        return ['slow'];
    }

    public function __unserialize(array $data): void
    {
    }
}

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['task_worker_num' => 1, 'worker_max_concurrency' => 1]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor, string $data) use ($side): void {
            $side->event('one', $server->taskwait('x', -1));
            // The first result is there before the second task is sent.
            $results = $server->taskCo(['early', new Slow()], 10);
            $side->event('both', $results);
        });
        $server->on('task', function (Swoole\Server $server, int $id, int $worker, mixed $data): mixed {
            if ($data === 'x') {
                $server->finish('first');
                return 'second';
            }
            return is_object($data) ? 'object' : $data;
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->allowLog('/No idle task worker|task\[\d+\] has expired/');
        $server->connect()->send('go');
        same('first', $server->expectEvent('one'));
        same(['early', 'object'], $server->expectEvent('both'));
    },
);
?>
--EXPECT--
process: ok
base: ok
