--TEST--
Swoole\Process: messages and streams through the pipe, limits of time, closing, redirection
--FILE--
<?php
use Swoole\Process;
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

function ended(int $code = 0): void
{
    same($code, Process::wait()['code'], 'exit code of the child');
}

// Messages keep their bounds; an empty size or data is refused.
$process = new Process(function (Process $process): void {
    $process->write('one');
    $process->write('two');
    $process->write(str_repeat('x', 100_000));
    $process->write(strrev($process->read()));
});
same(true, is_int($process->pipe));
$process->start();
same('one', $process->read());
same('tw', $process->read(2)); // the rest of the message is gone
same(100_000, strlen($process->read(200_000)));
same(3, $process->write('abc'));
same('cba', $process->read());
same(false, $process->pipe === null);
ended();

// A stream takes any length, in both directions at once.
$process = new Process(function (Process $process): void {
    $total = 0;
    while ($total < 5_000_000) {
        $total += strlen($process->read(1 << 20));
    }
    $process->write((string) $total);
}, false, Process::PIPE_TYPE_STREAM);
$process->start();
same(5_000_000, $process->write(str_repeat('x', 5_000_000)));
same('5000000', $process->read());
ended();

// Limits of time; not waiting at all.
$process = new Process(fn () => null, false, 1);
same(true, $process->setTimeout(0.01));
same(false, $process->read());
same(SOCKET_ETIMEDOUT, swoole_last_error());
same(true, $process->write(str_repeat('x', 64 << 20)) < 64 << 20); // what was sent in time
same(false, @$process->write(str_repeat('x', 64 << 20)));
same(SOCKET_ETIMEDOUT, swoole_last_error());
same(true, $process->setTimeout(-1));
same(true, $process->setBlocking(false));
same(false, $process->read());
same(SOCKET_EAGAIN, swoole_last_error());
same(false, @$process->write(str_repeat('x', 64 << 20)));
same(SOCKET_EAGAIN, swoole_last_error());
same(true, $process->setBlocking(true));

// Closing one end is the end of the stream for the other.
$process = new Process(function (Process $process): void {
    $process->close(Process::PIPE_MASTER);
    exit($process->read() === '' ? 3 : 4);
}, false, 1);
$process->start();
same(true, $process->close());
ended(3);
$process = new Process(function (Process $process): void {
    $process->close(Process::PIPE_WRITE);
    exit($process->read() === 'still read' ? 3 : 4);
}, false, 1);
$process->start();
same('', $process->read());
$process->write('still read');
ended(3);
$process = new Process(fn () => null, false, 1);
same(true, $process->close(Process::PIPE_WORKER));
same(false, @$process->write('nobody reads'));
same(SOCKET_EPIPE, swoole_last_error());

// The standard streams of a child.
$process = new Process(function (): void {
    echo 'said: ', fgets(STDIN);
    fwrite(STDERR, 'an error');
}, true, Process::PIPE_TYPE_NONE);
$process->start();
$process->write("line\n");
ended();
$said = '';
while (strlen($said) < 19) {
    $said .= $process->read();
}
same("said: line\nan error", $said);

// A handle to the child's end goes with the object.
$before = count(scandir('/proc/self/fd'));
for ($i = 0; $i < 100; $i++) {
    new Process(fn () => null);
}
same($before, count(scandir('/proc/self/fd')), 'open descriptors');
echo "ok\n";
?>
--EXPECT--
ok
