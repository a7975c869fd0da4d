--TEST--
Swoole\Event::write: what a descriptor does not take is sent later, in order, within a limit, and not to one that is gone
--FILE--
<?php
use Swoole\{Event, Timer};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

set_error_handler(function (int $level, string $message): bool {
    echo preg_replace(['/fd \[\d+\]/', '/: \d+ bytes wait/'], ['fd [N]', ': N bytes wait'], $message), "\n";
    return true;
});
$pair = fn () => stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);

[$a, $b] = $pair();
stream_set_blocking($b, false);
$sent = '';
check(Event::add($a, fn () => null) !== false, 'added');
for ($i = 0; $i < 70; $i++) {
    $piece = str_repeat(chr(65 + $i % 26), 100_000);
    check(Event::write($a, $piece), 'taken');
    $sent .= $piece;
}
// All or nothing.
same(false, Event::write($a, str_repeat('-', 2 << 20)));
same(SWOOLE_ERROR_OUTPUT_BUFFER_OVERFLOW, swoole_last_error());
$got = '';
Event::add($b, function ($b) use (&$got, &$sent, $a): void {
    $got .= fread($b, 1 << 20);
    if (strlen($got) >= strlen($sent)) {
        Event::del($a);
        Event::del($b);
    }
});
Event::wait();
check($got === $sent, strlen($got) . ' bytes came as they were sent, of ' . strlen($sent));

// It stays the user's events that are reported, and the write callback runs when he wants it.
[$a, $b] = $pair();
$log = [];
Event::add($a, fn () => null, function () use (&$log): void {
    $log[] = 'write';
});
Event::write($a, str_repeat('x', 1 << 20));
same(true, Event::isset($a, SWOOLE_EVENT_READ));
Event::add($b, function ($b) use (&$log, $a): void {
    static $got = 0;
    $got += strlen(fread($b, 1 << 20));
    if ($got === 1 << 20) {
        $log[] = 'all';
        Event::del($b);
        Event::del($a);
    }
});
Event::wait();
same(['all'], $log);

// Too much at once.
[$a, $b] = $pair();
Event::add($a, fn () => null);
same(false, Event::write($a, str_repeat('-', (8 << 20) + 1)));
same(SWOOLE_ERROR_PACKAGE_LENGTH_TOO_LARGE, swoole_last_error());
stream_set_blocking($b, false);
same('', fread($b, 10), 'nothing of it was sent');

// The peer is gone while data waits: the loop comes to its end, and does not spin.
Event::write($a, str_repeat('x', 1 << 20));
Event::set($a, function ($a): void {
    check(@fread($a, 10) === '' || true, 'the end is told');
    Event::del($a);
});
fclose($b);
Event::wait();

// A pipe whose reader goes tells an error and nothing else: what waits is dropped, and the loop ends.
$process = proc_open(['sleep', '1000'], [['pipe', 'r']], $pipes);
$calls = 0;
Event::add($pipes[0], null, function () use (&$calls): void {
    $calls++;
}, SWOOLE_EVENT_WRITE);
Event::write($pipes[0], str_repeat('x', 1 << 20));
Event::set($pipes[0], function ($pipe) use (&$calls): void {
    $calls += 100;
    Event::del($pipe);
}, null, SWOOLE_EVENT_READ);
proc_terminate($process, SIGKILL);
Event::wait();
same(100, $calls);
proc_close($process);
echo "done\n";
?>
--EXPECT--
Swoole\Event::write(): fd [N]: N bytes wait to be sent, 2097152 more do not fit into 8388608: write smaller pieces, and on when it is writable
Swoole\Event::write(): fd [N]: N bytes wait to be sent, 8388609 more do not fit into 8388608: write smaller pieces, and on when it is writable
done
