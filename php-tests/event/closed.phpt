--TEST--
Swoole\Event: descriptors that are closed without del(), and numbers that come again
--FILE--
<?php
use Swoole\{Event, Timer};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$pair = fn () => stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);

// Closed by its own callback: it does not keep the loop.
[$a, $b] = $pair();
fwrite($b, 'x');
Event::add($a, function ($stream): void {
    echo 'read ', fread($stream, 10), "\n";
    fclose($stream);
});
Event::wait();
fclose($b);

// Its number is free for another, in the same callback and later.
[$a, $b] = $pair();
fwrite($b, 'x');
Event::add($a, function ($stream) use ($pair, $b): void {
    fclose($stream);
    fclose($b);
    $GLOBALS['next'] = [$c, $d] = $pair();
    fwrite($d, 'next');
    check(Event::add($c, function ($stream): void {
        echo 'read ', fread($stream, 10), "\n";
        Event::del($stream);
    }) !== false, 'added');
});
Event::wait();
array_map(fclose(...), $next);

// Closed by somebody else, while another descriptor keeps the loop.
[$a, $b] = $pair();
$number = Event::add($a, fn () => print("never\n"));
Event::defer(function () use ($a, $b, $number, $pair): void {
    fclose($a);
    fclose($b);
    $GLOBALS['next'] = [$c, $d] = $pair();
    fwrite($d, 'again');
    same($number, $again = Event::add($c, function ($stream): void {
        echo 'read ', fread($stream, 10), "\n";
        Event::del($stream);
    }));
});
Event::wait();
array_map(fclose(...), $next);

// Closed by somebody else, with nothing else left: the loop ends, and says why.
[$a, $b] = $pair();
[$c, $d] = $pair();
$numbers = [Event::add($a, fn () => print("never\n")), Event::add($c, fn () => print("never\n"))];
$told = [];
set_error_handler(function (int $level, string $message) use (&$told): bool {
    $told[] = $message;
    return true;
});
Timer::after(1, function () use ($a): void {
    fclose($a);
});
// A stream whose number another one has by now.
Timer::after(2, function () use ($c, $pair): void {
    fclose($c);
    $GLOBALS['next'] = $pair();
});
Event::wait();
restore_error_handler();
same(array_map(fn (int $fd) => "Swoole\\Event::wait(): fd [{$fd}] was closed without Swoole\\Event::del(): it is watched no more", $numbers), $told);
array_map(fclose(...), [$b, $d, ...$next]);

// del() by number after the close.
[$a, $b] = $pair();
$number = Event::add($a, fn () => print("never\n"));
fclose($a);
same([true, false], [Event::del($number), Event::del($number)]);
Event::wait();
// A write to one that is closed fails.
[$a, $b] = $pair();
$number = Event::add($a, fn () => null);
fclose($a);
same(false, Event::write($number, 'x'));
same(SOCKET_EBADF, swoole_last_error());
Event::del($number);
echo "done\n";
?>
--EXPECT--
read x
read next
read again
done
