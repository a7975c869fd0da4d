--TEST--
Swoole\Process: the pipe in the event loop, on both sides; a child's loop runs to its end
--FILE--
<?php
use Swoole\{Event, Process, Timer};
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';
swoole_async_set(['enable_coroutine' => false]); // exit() in a coroutine throws
error_reporting(E_ALL & ~E_DEPRECATED); // the loop at the end of a child

$process = new Process(function (Process $process): void {
    Event::add($process->pipe, function () use ($process): void {
        $message = $process->read();
        if ($message === 'stop') {
            Event::del($process->pipe);
            Timer::after(1, fn () => exit(4));
            return;
        }
        $process->write(strtoupper($message));
    });
});
Timer::tick(1, fn () => null); // the parent's alone
$process->start();
$answers = [];
Event::add($process->pipe, function () use ($process, &$answers): void {
    $answers[] = $process->read();
    if (count($answers) === 3) {
        $process->write('stop');
        Event::del($process->pipe);
        Timer::clearAll();
    }
});
foreach (['a', 'b', 'c'] as $message) {
    $process->write($message);
}
Event::wait();
same(['A', 'B', 'C'], $answers);
same(4, Process::wait()['code']);

// A fork in a callback of the loop: the child is out of the loop, the parent goes on with it.
$order = [];
Timer::after(1, function () use (&$order): void {
    $child = new Process(function (): void {
        Timer::after(1, fn () => exit(6));
    });
    $child->start();
    $order[] = Process::wait()['code'];
    Timer::after(1, function () use (&$order): void {
        $order[] = 'goes on';
    });
});
Event::wait();
same([6, 'goes on'], $order);

// What a pipe that is not to block does not take at once, the loop sends: up to 8 MiB wait.
foreach ([Process::PIPE_TYPE_STREAM, Process::PIPE_TYPE_DGRAM] as $type) {
    $sent = '';
    $process = new Process(function (Process $process) use (&$sent): void {
        $total = '';
        while (strlen($total) < strlen($sent)) {
            $total .= $process->read(1 << 20);
        }
        $process->write(md5($total));
    }, false, $type);
    $process->setBlocking(false);
    Event::add($process->pipe, function () use ($process, &$answer): void {
        $answer = $process->read();
        Event::del($process->pipe);
    });
    for ($i = 0; $written = @$process->write($part = str_repeat(chr($i % 256), 30_000)); $i++) {
        $sent .= substr($part, 0, $written);
    }
    same(SOCKET_ENOBUFS, swoole_last_error());
    same(true, strlen($sent) > 8_000_000);
    $process->start();
    Event::wait();
    same(md5($sent), $answer);
    same(0, Process::wait()['code']);
}

// What waits when the loop is ended is sent by the next one, before what comes later; or by a call that waits.
foreach ([false, true] as $blocking) {
    $process = new Process(function (Process $process): void {
        for ($total = ''; !str_ends_with($total, 'y');) {
            $total .= $process->read(1 << 20);
        }
        $process->write(strlen($total) . ' ' . trim($total, 'x'));
    }, false, Process::PIPE_TYPE_STREAM);
    $process->setBlocking(false);
    $written = 0;
    Timer::after(1, function () use ($process, &$written): void {
        while ($part = @$process->write(str_repeat('x', 30_000))) { // nobody reads yet
            $written += $part;
        }
        Event::exit();
    });
    Event::wait();
    if ($blocking) {
        $process->start();
        $process->setBlocking(true);
        same(1, $process->write('y'));
    } else {
        Timer::after(1, function () use ($process): void {
            same(1, $process->write('y'));
            $process->start();
        });
        Event::wait();
        $process->setBlocking(true);
    }
    same(($written + 1) . ' y', $process->read());
    same(0, Process::wait()['code']);
}

// Closing what is watched ends the watch.
$process = new Process(fn () => null);
Event::add($process->pipe, fn () => null);
$process->close();
Event::wait();

// What the callback of the watch owns may use the pipe when it goes.
final class User
{
    public function __construct(private readonly Process $process)
    {
    }

    public function __destruct()
    {
        global $seen;
        $seen = [@$this->process->write('x'), @$this->process->close(), @$this->process->setTimeout(1)];
    }
}
foreach ([0, Process::PIPE_MASTER] as $which) {
    $process = new Process(fn () => null);
    $user = new User($process);
    Event::add($process->pipe, function () use ($user): void {
    });
    unset($user);
    $seen = null;
    same(true, $process->close($which));
    Event::wait();
    same([false, false, false], $seen);
}
echo "ok\n";
?>
--EXPECT--
ok
