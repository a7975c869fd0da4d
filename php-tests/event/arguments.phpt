--TEST--
Swoole\Event: every method with good and bad arguments; descriptors that cannot be waited for
--FILE--
<?php
use Swoole\Event;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

set_error_handler(function (int $level, string $message): bool {
    echo preg_replace('/fd \[\d+\]|socket\[\d+\]/', 'fd [N]', $message), "\n";
    return true;
});
function caught(callable $call): void
{
    try {
        var_dump($call());
    } catch (Throwable $error) {
        echo get_class($error), ': ', $error->getMessage(), "\n";
    }
}
[$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
$nothing = fn () => null;

echo "-- before there is a loop\n";
same([false, false, false], [Event::isset($a), Event::dispatch(), Event::del($a)]);
same([false, false], [Event::set($a, $nothing), swoole_event_write($a, 'x')]);
same(null, Event::wait());
same(null, Event::exit());
same(false, Event::cycle(null));

echo "-- no descriptors\n";
foreach ([PHP_INT_MAX, 'text', 1.5, null, true, [], $nothing] as $bad) {
    same(false, Event::add($bad, $nothing));
}
foreach ([-1, new stdClass()] as $bad) {
    same([false, false, false, false, false], [Event::add($bad, $nothing), Event::set($bad), Event::del($bad), Event::isset($bad), Event::write($bad, 'x')]);
}
echo "-- closed, regular, in memory\n";
same(false, Event::add(99_999, $nothing));
$file = fopen(__FILE__, 'r');
same(false, Event::add($file, $nothing));
fclose($file);
caught(fn () => Event::add($file, $nothing));
caught(fn () => Event::isset($file));
caught(fn () => Event::del(stream_context_create()));
same(false, Event::add(fopen('php://memory', 'r+'), $nothing));
$socket = socket_create(AF_UNIX, SOCK_STREAM, 0);
socket_close($socket);
same(false, Event::add($socket, $nothing));
echo "-- callbacks and events\n";
same([false, false, false], [Event::add($a), Event::add($a, null, $nothing), Event::add($a, $nothing, null, SWOOLE_EVENT_WRITE)]);
same(false, Event::add($a, $nothing, null, SWOOLE_EVENT_READ | SWOOLE_EVENT_WRITE));
same([false, false], [Event::add($a, $nothing, $nothing, 0), Event::add($a, $nothing, $nothing, 1)]);
same(false, Event::add($a, 'no_such_function'));
same(false, Event::add(0, null, $nothing, SWOOLE_EVENT_WRITE));
caught(fn () => Event::add());
caught(fn () => Event::add($a, $nothing, $nothing, 'read'));
caught(fn () => Event::defer('no_such_function'));
caught(fn () => Event::defer(null));
caught(fn () => Event::cycle('no_such_function'));
caught(fn () => new Event());
caught(fn () => Event::wait(1));
same(false, Event::isset($a), 'nothing of that was added');
echo "-- good ones\n";
$fd = swoole_event_add($a, $nothing);
check(is_int($fd) && $fd > 0, 'its number');
same([false, false], [Event::add($a, $nothing), Event::add($fd, $nothing)]);
same([true, true, false, false, true], [Event::isset($a), Event::isset($a, SWOOLE_EVENT_READ), Event::isset($a, SWOOLE_EVENT_WRITE), Event::isset($a, 0), Event::isset($fd)]);
same([false, false], [Event::set($a, null, null, SWOOLE_EVENT_WRITE), Event::write($a, '')]);
same([true, false, true], [Event::set($a, null, $nothing, SWOOLE_EVENT_WRITE), Event::isset($a, SWOOLE_EVENT_READ), swoole_event_isset($a, SWOOLE_EVENT_WRITE)]);
same([true, true], [swoole_event_set($a, $nothing), Event::isset($a, SWOOLE_EVENT_WRITE)]);
same([true, 'text'], [Event::write($a, 'text'), fread($b, 100)]);
same([true, false, false], [Event::del($a), swoole_event_del($a), Event::isset($a)]);
same($fd, Event::add($a, $nothing), 'and again');
same(true, Event::del($fd), 'by its number');
same([true, true, false], [Event::cycle($nothing), Event::cycle(null), swoole_event_cycle(null)]);
same([true, true, false], [Event::cycle($nothing, true), Event::cycle(null, true), Event::cycle(null, true)]);
same(true, swoole_event_defer($nothing));
swoole_event_wait();
?>
--EXPECT--
-- before there is a loop
Swoole\Event::del(): reactor is not ready, cannot call swoole_event_del
Swoole\Event::set(): reactor is not ready, cannot call swoole_event_set
swoole_event_write(): fd [N] is not found in the reactor
-- no descriptors
Swoole\Event::add(): invalid file descriptor#9223372036854775807 passed
Swoole\Event::add(): invalid file descriptor passed
Swoole\Event::add(): invalid file descriptor passed
Swoole\Event::add(): invalid file descriptor passed
Swoole\Event::add(): invalid file descriptor passed
Swoole\Event::add(): invalid file descriptor passed
Swoole\Event::add(): invalid file descriptor passed
Swoole\Event::add(): invalid file descriptor#-1 passed
Swoole\Event::set(): invalid file descriptor#-1 passed
Swoole\Event::del(): invalid file descriptor#-1 passed
Swoole\Event::isset(): invalid file descriptor#-1 passed
Swoole\Event::write(): invalid file descriptor#-1 passed
Swoole\Event::add(): invalid file descriptor passed
Swoole\Event::set(): invalid file descriptor passed
Swoole\Event::del(): invalid file descriptor passed
Swoole\Event::isset(): invalid file descriptor passed
Swoole\Event::write(): invalid file descriptor passed
-- closed, regular, in memory
Swoole\Event::add(): swoole_event_add failed: fd [N]: Bad file descriptor (os error 9)
Swoole\Event::add(): swoole_event_add failed: fd [N]: a regular file is always ready and cannot be waited for: read it directly, or with Swoole\Coroutine\System::readFile()
TypeError: Swoole\Event::add(): supplied resource is not a valid stream resource
TypeError: Swoole\Event::isset(): supplied resource is not a valid stream resource
TypeError: Swoole\Event::del(): supplied resource is not a valid stream resource
Swoole\Event::add(): Cannot represent a stream of type MEMORY as a select()able descriptor
Swoole\Event::add(): fd argument must be either valid PHP stream or valid PHP socket resource
Swoole\Event::add(): contains a closed socket
-- callbacks and events
Swoole\Event::add(): Swoole\Event: unable to find readable callback of fd [N]
Swoole\Event::add(): Swoole\Event: unable to find readable callback of fd [N]
Swoole\Event::add(): Swoole\Event: unable to find writable callback of fd [N]
Swoole\Event::add(): Swoole\Event: unable to find writable callback of fd [N]
Swoole\Event::add(): invalid events
Swoole\Event::add(): invalid events
Swoole\Event::add(): function 'no_such_function' is not callable
Swoole\Event::add(): invalid socket fd [N]
ArgumentCountError: Swoole\Event::add() expects at least 1 argument, 0 given
TypeError: Swoole\Event::add(): Argument #4 ($events) must be of type int, string given
TypeError: Swoole\Event::defer(): Argument #1 ($callback) must be a valid callback, function "no_such_function" not found or invalid function name
TypeError: Swoole\Event::defer(): Argument #1 ($callback) must be a valid callback, no array or string given
Swoole\Event::cycle(): function 'no_such_function' is not callable
bool(false)
Error: The object of Swoole\Event can not be created for security reasons
ArgumentCountError: Swoole\Event::wait() expects exactly 0 arguments, 1 given
-- good ones
Swoole\Event::add(): already exist
Swoole\Event::add(): already exist
Swoole\Event::set(): Swoole\Event: unable to find writable callback of fd [N]
Swoole\Event::write(): data empty
