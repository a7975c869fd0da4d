--TEST--
Swoole\Event: streams, sockets, pipes and numbers; callbacks that remove and replace themselves and others
--FILE--
<?php
use Swoole\{Event, Timer};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

function pair(): array
{
    return stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
}

// Each kind of descriptor; the callback gets what was given.
$seen = [];
[$a, $b] = pair();
fwrite($b, 'stream');
Event::add($a, function ($stream) use (&$seen, $a): void {
    same($a, $stream);
    $seen[] = fread($stream, 100);
    Event::del($stream);
});
Event::wait();
socket_create_pair(AF_UNIX, SOCK_STREAM, 0, $sockets);
socket_write($sockets[1], 'socket');
Event::add($sockets[0], function (Socket $socket) use (&$seen): void {
    $seen[] = socket_read($socket, 100);
    Event::del($socket);
});
Event::wait();
$number = Event::add($a, fn () => null);
Event::del($a);
fwrite($b, 'number');
same($number, Event::add($number, function (int $fd) use (&$seen, $a, $number): void {
    same($number, $fd);
    $seen[] = fread($a, 100);
    Event::del($fd);
}));
Event::wait();
$pipe = popen('echo pipe', 'r');
Event::add($pipe, function ($pipe) use (&$seen): void {
    $data = fread($pipe, 100);
    $seen[] = $data;
    if ($data === '') {
        Event::del($pipe);
        pclose($pipe);
    }
});
Event::wait();
same(['stream', 'socket', 'number', "pipe\n", ''], $seen);

// Ready for as long as data is left: a callback that reads a byte at a time gets it all.
$seen = [];
fwrite($b, 'level');
Event::add($a, function ($stream) use (&$seen): void {
    $seen[] = stream_socket_recvfrom($stream, 1);
    count($seen) === 5 && Event::del($stream);
});
Event::wait();
same('level', implode($seen));

// Readable and writable, each with its callback, changed from within.
$seen = [];
fwrite($b, 'x');
Event::add($a, function ($stream) use (&$seen): void {
    $seen[] = 'read ' . fread($stream, 10);
    Event::set($stream, function ($stream) use (&$seen): void {
        $seen[] = 'replaced ' . fread($stream, 10);
        Event::del($stream);
    });
}, function ($stream) use (&$seen, $b): void {
    $seen[] = 'write';
    Event::set($stream, null, null, SWOOLE_EVENT_READ);
    fwrite($b, 'y');
}, SWOOLE_EVENT_READ | SWOOLE_EVENT_WRITE);
Event::wait();
same(['read x', 'write', 'replaced y'], $seen);

// The read callback removes the watch: its write callback does not run. It may add itself again.
$seen = [];
fwrite($b, 'x');
Event::add($a, function ($stream) use (&$seen): void {
    $seen[] = fread($stream, 10);
    Event::del($stream);
    Event::add($stream, null, function ($stream) use (&$seen): void {
        $seen[] = 'write again';
        Event::del($stream);
    }, SWOOLE_EVENT_WRITE);
}, function () use (&$seen): void {
    $seen[] = 'never';
}, SWOOLE_EVENT_READ | SWOOLE_EVENT_WRITE);
Event::wait();
same(['x', 'write again'], $seen);

// Of several that are ready, the first removes all others: none of them runs.
$pairs = array_map(pair(...), range(1, 10));
$ran = 0;
foreach ($pairs as [$one, $other]) {
    fwrite($other, 'x');
    Event::add($one, function () use (&$ran, $pairs): void {
        $ran++;
        foreach ($pairs as [$one]) {
            Event::del($one);
        }
    });
}
Event::wait();
same(1, $ran);
foreach ($pairs as [$one]) {
    same(false, Event::isset($one));
}

// The end of a stream is readable, and writable.
$seen = [];
fclose($b);
Event::add($a, function ($stream) use (&$seen): void {
    $seen[] = fread($stream, 10);
    Event::set($stream, null, function ($stream) use (&$seen): void {
        $seen[] = 'write';
        Event::del($stream);
    }, SWOOLE_EVENT_WRITE);
});
Event::wait();
same(['', 'write'], $seen);

// What a watch holds lives as long as the watch, and while its callback runs.
class Noisy
{
    public function __construct(public string $name, private array &$log) {}
    public function read($stream): void
    {
        fread($stream, 10);
        Event::del($stream);
        $this->log[] = "{$this->name} runs";
    }
    public function __destruct()
    {
        $this->log[] = "{$this->name} goes";
    }
}
[$a, $b] = pair();
$log = [];
Event::add($a, [new Noisy('first', $log), 'read']);
Event::set($a, [new Noisy('second', $log), 'read']);
same(['first goes'], $log);
fwrite($b, 'x');
Event::wait();
same(['first goes', 'second runs', 'second goes'], $log);
$log = [];
Event::add($a, [new Noisy('third', $log), 'read']);
Event::exit();
Event::defer(fn () => Event::exit());
Event::wait();
same(['third goes'], $log, 'with the loop');
check(Event::add($a, fn () => null) !== false, 'the next loop knows nothing of the one before');
Event::del($a);
Event::wait();
echo "done\n";
?>
--EXPECT--
done
