--TEST--
Hooks: a descriptor that cannot be registered is looked at from time to time; proc_close() by two coroutines
--FILE--
<?php
use Swoole\Coroutine\Channel;
use SwooleRs\Tests\{Script, TestServer};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

// Somebody else watches the descriptor, and there is none left for a copy.
$code = <<<'PHP'
    Swoole\Runtime::enableCoroutine(SWOOLE_HOOK_ALL);
    [$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    Swoole\Event::add($a, fn () => null);
    go(function () use ($a, $b): void {
        Co::sleep(0.001);
        $files = [];
        while ($file = @fopen('/dev/null', 'r')) {
            $files[] = $file;
        }
        stream_set_timeout($a, 0, 50_000);
        echo json_encode([fgets($a), stream_get_meta_data($a)['timed_out']]), "\n";
        go(function () use ($b): void {
            Co::sleep(0.15);
            fwrite($b, "line\n");
        });
        stream_set_timeout($a, 10);
        echo json_encode(fgets($a)), "\n";
        // By itself: who reads first leaves nothing for the event to tell of.
        Swoole\Event::del($a);
        $used = getrusage();
        $before = $GLOBALS['used'];
        $ms = ($used['ru_utime.tv_sec'] - $before['ru_utime.tv_sec']) * 1000 + intdiv($used['ru_utime.tv_usec'] - $before['ru_utime.tv_usec'], 1000)
            + ($used['ru_stime.tv_sec'] - $before['ru_stime.tv_sec']) * 1000 + intdiv($used['ru_stime.tv_usec'] - $before['ru_stime.tv_usec'], 1000);
        echo $ms < 120 ? 'rests' : "busy for {$ms} ms", "\n";
    });
    $used = getrusage();
    Swoole\Event::wait();
    PHP;
$script = tempnam(sys_get_temp_dir(), 'swoole_rs_');
file_put_contents($script, "<?php {$code}");
$command = implode(' ', array_map(escapeshellarg(...), [...TestServer::interpreter(), $script]));
same("[false,true]\n\"line\\n\"\nrests\n", shell_exec("ulimit -n 40; exec {$command} 2>&1"));
unlink($script);

// Closing the pipes lets others run.
Co\run(function (): void {
    $told = new Channel(3);
    $process = proc_open('cat >/dev/null', [['pipe', 'r'], ['pipe', 'w'], ['pipe', 'w']], $pipes);
    go(fn () => $told->push(fread($pipes[1], 10)));
    $read = $pipes[1];
    unset($pipes[1]);
    go(function () use ($pipes, $process, $told): void {
        fread($pipes[2], 10);
        // Its pipe was closed: by the other one, which is in the midst of it.
        try {
            $told->push(proc_close($process));
        } catch (TypeError $e) {
            $told->push($e::class);
        }
    });
    go(function () use ($process, $told): void {
        try {
            $told->push(proc_close($process));
        } catch (TypeError $e) {
            $told->push($e::class);
        }
    });
    unset($process, $pipes, $read);
    $results = [$told->pop(), $told->pop(), $told->pop()];
    check(in_array(0, $results, true), json_encode($results));
});
echo "ok\n";
?>
--EXPECT--
ok
