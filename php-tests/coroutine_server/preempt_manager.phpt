--TEST--
Swoole\Server: the preemptive scheduler's thread ends with what it was begun for, and does not keep the manager from replacing workers
--FILE--
<?php
use Swoole\Coroutine;
use SwooleRs\Tests\{ServerSide, TestServer};
use function Swoole\Coroutine\{run};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

function ticks(): bool
{
    foreach (glob('/proc/self/task/*/comm') as $file) {
        if (@file_get_contents($file) === "swoole-tick\n") {
            return true;
        }
    }
    return false;
}

test_server(
    function (ServerSide $side): bool {
        Coroutine::set(['enable_preemptive_scheduler' => true]);
        $server = $side->server(['worker_num' => 2]);
        $server->on('managerStart', function () use ($side): void {
            run(function () use ($side): void {
                $side->event('start', until(ticks(...), 'the thread'));
                Coroutine::sleep(0.001);
            });
        });
        $server->on('managerStop', function () use ($side): void {
            run(function () use ($side): void {
                $side->event('stop', until(ticks(...), 'the thread'));
            });
            // It is listed for a moment longer.
            $side->event('after', until(fn () => !ticks(), 'the end of the thread'));
        });
        $server->on('receive', function (Swoole\Server $server, int $fd): void {
            $flag = false;
            Swoole\Event::defer(function () use (&$flag): void {
                $flag = true;
            });
            while (!$flag); // ends by the scheduler of this process
            $server->send($fd, 'preempted');
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        same(true, $server->expectEvent('start'));
        $server->allowLog('/signal=9/');
        while ($server->events('workerStart') !== []);
        for ($i = 0; $i < 2; $i++) {
            $former = $server->workers[0];
            $server->signal(SIGKILL, $former);
            same(0, $server->expectEvent('workerStart')['worker_id']);
            check($server->workers[0] !== $former, 'replaced');
            same('preempted', $server->connect()->send('x')->read(9));
        }
        $server->stop();
        same([[true], [true]], [$server->events('stop'), $server->events('after')]);
    },
);
?>
--EXPECT--
process: ok
base: ok
