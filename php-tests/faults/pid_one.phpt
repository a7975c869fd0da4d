--TEST--
Swoole\Server as process 1 of a container: SIGTERM ends it with status 0, orphans are no trouble
--SKIPIF--
<?php
if (posix_getuid() !== 0) die('skip needs root');
exec('unshare --pid --fork true 2>/dev/null', $output, $status);
if ($status !== 0) die('skip needs unshare and process namespaces');
?>
--FILE--
<?php
use SwooleRs\Tests\{Client, Ports, Processes, TestServer};
use function SwooleRs\Tests\{check, same, until};

require __DIR__ . '/../include/bootstrap.php';

if (($argv[1] ?? '') === 'serve') {
    $server = new Swoole\Server('127.0.0.1', (int) $argv[2], (int) $argv[3]);
    $server->set(['worker_num' => (int) $argv[4], 'reactor_num' => 1]);
    $server->on('receive', function (Swoole\Server $server, int $fd): void {
        exec('(sleep 0.01 &) ; true'); // an orphan, which ends up with process 1
        $server->send($fd, (string) $server->master_pid);
    });
    exit($server->start() ? 0 : 1);
}

foreach ([[SWOOLE_BASE, 1], [SWOOLE_BASE, 2], [SWOOLE_PROCESS, 2]] as [$mode, $worker_num]) {
    $port = Ports::take();
    $process = proc_open(['unshare', '--pid', '--fork', '--kill-child', ...TestServer::interpreter(), __FILE__,
        'serve', (string) $port, (string) $mode, (string) $worker_num], [], $pipes);
    $end = null;
    $unshare = proc_get_status($process)['pid'];
    try {
        until(fn (): bool => Ports::isListening($port), 'the server listens');
        $client = new Client('127.0.0.1', $port);
        for ($i = 0; $i < 20; $i++) {
            same('1', $client->send('x')->readSome());
        }
        $master = null;
        foreach (scandir('/proc') as $pid) {
            if (isNumber($pid) && Processes::parentOf((int) $pid) === $unshare) {
                $master = (int) $pid;
            }
        }
        posix_kill($master, SIGTERM);
        same('', $client->readAll());
        $end = until(function () use ($process): ?array {
            $status = proc_get_status($process);
            return $status['running'] ? null : $status;
        }, 'the end of the server');
        same([false, 0], [$end['signaled'], $end['exitcode']]);
    } finally {
        $end === null && posix_kill($unshare, SIGKILL); // and with it what it runs
        proc_close($process);
    }
}
echo "ok\n";

function isNumber(string $text): bool
{
    return preg_match('/^\d+$/', $text) === 1;
}
?>
--EXPECT--
ok
