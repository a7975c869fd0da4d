--TEST--
Hooks: proc_open() and its family let other coroutines run
--FILE--
<?php
use Swoole\Coroutine\Channel;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

/** How PHP reports a process that a signal has ended: not the same in each version. */
$process = proc_open('exec sleep 100', [], $pipes);
proc_terminate($process);
define('TERMINATED', proc_close($process));

Co\run(function (): void {
    // Both ways, and the exit status, while others run.
    $turns = 0;
    $ended = false;
    go(function () use (&$turns, &$ended): void {
        while (!$ended) {
            Co::sleep(0.001);
            $turns++;
        }
    });
    $process = proc_open('read line; sleep 0.02; echo "got $line"; echo wrong >&2; cat; exec >&-; sleep 0.02; exit 7',
        [['pipe', 'r'], ['pipe', 'w'], ['pipe', 'w']], $pipes);
    same('process/coroutine', get_resource_type($process));
    fwrite($pipes[0], "hello\n");
    same("got hello\n", fgets($pipes[1]));
    same("wrong\n", fgets($pipes[2]));
    $data = random_bytes(300_000);
    $all = new Channel(1);
    go(fn () => $all->push(stream_get_contents($pipes[1])));
    same(strlen($data), fwrite($pipes[0], $data));
    fclose($pipes[0]);
    check($data === $all->pop(), 'all of it came back');
    $status = proc_get_status($process);
    same(['read line; s', true], [substr($status['command'], 0, 12), $status['running']]);
    $before = $turns;
    same(7, proc_close($process));
    check($turns > $before, 'others ran while it ended');
    $ended = true;

    // Closing closes the pipes first.
    same(0, proc_close(proc_open('cat', [['pipe', 'r']], $pipes)));
    // One that is told to end.
    $process = proc_open('exec sleep 100', [], $pipes);
    same(true, proc_terminate($process));
    same(TERMINATED, proc_close($process));
    try {
        proc_get_status($process);
    } catch (TypeError $error) {
        same('proc_get_status(): supplied resource is not a valid process resource', $error->getMessage());
    }
    // One that was asked about when it had ended: some versions of PHP reap it then, and its number goes to
    // another process, here to one that is nobody's child. (It takes a right to give numbers out.)
    $process = proc_open('exit 3', [], $pipes);
    while (($status = proc_get_status($process))['running']) {
        usleep(1000);
    }
    $last = '/proc/sys/kernel/ns_last_pid';
    $stranger = 0;
    for ($i = 0; $i < 20 && @is_writable($last) && $stranger !== $status['pid']; $i++) {
        $stranger > 0 && posix_kill($stranger, SIGKILL);
        $before_it = $status['pid'] - 1;
        $stranger = (int) shell_exec("{ echo {$before_it} >{$last}; } 2>/dev/null; sleep 100 >/dev/null 2>&1 & echo $!");
    }
    same(PHP_VERSION_ID < 80300 ? -1 : 3, proc_close($process));
    $stranger > 0 && posix_kill($stranger, SIGKILL);
    // One that nobody closes, and one that is canceled.
    proc_open('exit 0', [], $pipes);
    $result = new Channel(1);
    $process = proc_open('exec sleep 100', [], $pipes);
    $cid = go(fn () => $result->push(proc_close($process)));
    Co::cancel($cid);
    same(-1, $result->pop());
    proc_terminate($process);
    same(TERMINATED, proc_close($process));
    same(false, @proc_open('true', [['no such kind']], $pipes));
});

// Outside of coroutines it is PHP's own.
$process = proc_open('exit 3', [], $pipes);
same('process', get_resource_type($process));
same(3, proc_close($process));
echo "done\n";
?>
--EXPECT--
done
