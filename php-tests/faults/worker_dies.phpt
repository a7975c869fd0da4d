--TEST--
Swoole\Server: a worker that dies in onReceive: its client is not left hanging, one log line, workerError, others go on
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

/** How the worker ends => exit status, signal, what the log line must have */
$ways = [
    'exit 0' => [0, 0, '/status=0/'],
    'exit 3' => [3, 0, '/status=3/'],
    'throw' => [255, 0, '/status=255.*Uncaught RuntimeException: as asked.* in .*worker_dies\w*\.php:\d+/'],
    'error' => [255, 0, '/status=255.*undefined function nothing_like_this.*worker_dies\w*\.php:\d+/'],
    'memory' => [255, 0, '/status=255.*Allowed memory size.*worker_dies\w*\.php:\d+/'],
    'trigger' => [255, 0, '/status=255.*user error.*worker_dies\w*\.php:\d+/'],
    'segv' => [0, SIGSEGV, '/signal=11;/'],
    'kill' => [0, SIGKILL, '/signal=9;/'],
];
function meet(string $way): void
{
    match ($way) {
        'exit 0' => exit,
        'exit 3' => exit(3),
        'throw' => throw new RuntimeException('as asked'),
        'error' => nothing_like_this(),
        'memory' => str_repeat('x', 1 << 30),
        'trigger' => @trigger_error('user error', E_USER_ERROR),
        'segv' => posix_kill(getmypid(), SIGSEGV),
        'kill' => posix_kill(getmypid(), SIGKILL),
    };
}

test_server(
    function (ServerSide $side): bool {
        ini_set('memory_limit', '128M');
        $server = $side->server(['worker_num' => 2, 'dispatch_mode' => 2, 'enable_coroutine' => false]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side): void {
            if ($data === 'ping') {
                $server->send($fd, "pong {$server->worker_id}");
                return;
            }
            $side->event('dies', [$server->worker_id, getmypid(), $fd]);
            meet($data);
        });
        $server->on('workerError', fn (Swoole\Server $server, int $id, int $pid, int $code, int $signal)
            => $side->event('workerError', [$id, $pid, $code, $signal, getmypid()]));
        return $side->start($server);
    },
    function (TestServer $server) use ($ways): void {
        $server->allowOutput('/./'); // PHP's own messages
        $others = array_map(fn () => $server->connect(), range(1, 8));
        $served = [];
        foreach ($others as $other) {
            $served[$other->send('ping')->read(6)][] = $other;
        }
        foreach ($ways as $way => [$code, $signal, $log]) {
            $victim = $server->connect()->send($way);
            [$id, $pid, $fd] = $server->expectEvent('dies');
            if ($server->mode === SWOOLE_PROCESS) {
                $victim->expectFin(); // by the server, while the client waits
                foreach ($others as $other) {
                    same('pong', substr($other->send('ping')->read(6), 0, 4), "another client after {$way}");
                }
            } else {
                try {
                    $victim->readAll(); // the kernel closes: FIN or RST
                } catch (SwooleRs\Tests\Failure $failure) {
                    check(str_contains($failure->getMessage(), 'reset'), $failure->getMessage());
                }
                foreach ($served['pong ' . (1 - $id)] ?? [] as $other) {
                    same('pong', substr($other->send('ping')->read(6), 0, 4), "a client of the other worker after {$way}");
                }
                unset($served["pong {$id}"]);
            }
            if ($code !== 0 || $signal !== 0) {
                same([$id, $pid, $code, $signal, $server->manager_pid], $server->expectEvent('workerError'), $way);
            }
            same($id, $server->expectEvent('workerStart')['worker_id']);
            $line = $server->expectLog("/pid={$pid}, id=\\d+\\) abnormal exit.*connection {$fd}/");
            check(preg_match($log, $line) === 1, "the log line of {$way}: {$line}");
            same(1, preg_match_all("/pid={$pid},/", $server->log()), 'log lines of this death');
        }
        same([], $server->events('workerError'));
    },
);
?>
--EXPECT--
process: ok
base: ok
