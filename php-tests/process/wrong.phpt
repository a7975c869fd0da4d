--TEST--
Swoole\Process: wrong arguments and uses get the reference's answers, or clear ones
--FILE--
<?php
use Swoole\Process;

function attempt(callable $call): void
{
    try {
        echo json_encode($call()), "\n";
    } catch (Throwable $error) {
        echo get_class($error), ': ', $error->getMessage(), "\n";
    }
}
set_error_handler(function (int $level, string $message): bool {
    echo "warning: {$message}\n";
    return true;
});
$callback = fn () => null;
attempt(fn () => new Process('no_such_function'));
attempt(fn () => new Process($callback, [], 1));
attempt(fn () => new Process());
attempt(function () use ($callback) {
    $process = new Process($callback);
    $process->__construct($callback);
});
$bare = (new ReflectionClass(Process::class))->newInstanceWithoutConstructor();
foreach (['start', 'read', 'write', 'close', 'push', 'pop', 'statQueue', 'freeQueue', 'useQueue', 'exit', 'exportSocket', 'setTimeout', 'setBlocking', 'set'] as $method) {
    $arguments = ['write' => ['x'], 'push' => ['x'], 'setTimeout' => [1], 'setBlocking' => [true], 'set' => [[]]][$method] ?? [];
    attempt(fn () => $bare->$method(...$arguments));
}
attempt(fn () => clone new Process($callback));
attempt(fn () => serialize(new Process($callback)));
attempt(function () use ($callback) {
    $process = new Process($callback);
    unset($process->pid);
});

echo "no pipe\n";
$process = new Process($callback, false, 0);
attempt(fn () => $process->pipe);
attempt(fn () => $process->read());
attempt(fn () => $process->write('x'));
attempt(fn () => $process->close());
attempt(fn () => $process->setTimeout(1));
attempt(fn () => $process->setBlocking(false));
attempt(fn () => $process->exportSocket());
attempt(fn () => $process->pop());
attempt(fn () => $process->push('x'));
attempt(fn () => $process->push(''));
attempt(fn () => $process->push(str_repeat('x', 65536)));
attempt(fn () => $process->statQueue());
attempt(fn () => $process->freeQueue());
attempt(fn () => $process->useQueue(PHP_INT_MAX));

echo "sizes\n";
$process = new Process($callback);
foreach ([0, -1, PHP_INT_MIN] as $size) {
    attempt(fn () => $process->read($size));
}
attempt(fn () => $process->write(''));
$process->write('x');
$process->setTimeout(NAN);
$process->setTimeout(INF);
$process->setTimeout(0.001);
attempt(fn () => $process->read(PHP_INT_MAX)); // what this side wrote, the other one gets
attempt(fn () => $process->close());
attempt(fn () => $process->close());
attempt(fn () => $process->read());

echo "in the wrong process\n";
attempt(fn () => $process->exit());
$process = new Process(function (Process $process): void {
    $process->exit(256);
});
$process->start();
attempt(fn () => Process::wait()['code']);

echo "callbacks\n";
foreach ([null, 'no_such_function', 5] as $bad) {
    $process = new Process($callback);
    array_walk($process, function (mixed &$value, string $name) use ($bad): void {
        $value = str_contains($name, 'callback') ? $bad : $value;
    });
    attempt(fn () => $process->start());
}

echo "exec and daemon\n";
attempt(fn () => $process->exec('', []));
attempt(fn () => $process->exec("/bin/true\0", []));
attempt(fn () => $process->exec('/bin/true', ["a\0"]));
attempt(fn () => $process->exec('/bin/true', [new stdClass]));
attempt(fn () => $process->exec('/no/such/program', []));
attempt(fn () => Process::daemon(true, true, [-1]));
attempt(fn () => Process::daemon(true, true, [[]]));

echo "signals\n";
attempt(fn () => Process::signal(-1, $callback));
attempt(fn () => Process::signal(128, $callback));
attempt(fn () => Process::signal(SIGKILL, $callback));
attempt(fn () => Process::signal(SIGUSR1, 'no_such_function'));
attempt(fn () => Process::signal(SIGUSR1));
attempt(fn () => Process::signal(SIGUSR1, SIG_IGN));
attempt(fn () => posix_kill(getmypid(), SIGUSR1));
attempt(fn () => Process::signal(SIGUSR1, null));
attempt(fn () => Process::signal(SIGUSR1, null));
attempt(fn () => Process::kill(getmypid(), 99));
attempt(fn () => Process::alarm(1, 99));
?>
--EXPECTF--
TypeError: Swoole\Process::__construct(): Argument #1 ($callback) must be a valid callback, function "no_such_function" not found or invalid function name
TypeError: Swoole\Process::__construct(): Argument #2 ($redirect_stdin_and_stdout) must be of type bool, array given
ArgumentCountError: Swoole\Process::__construct() expects at least 1 argument, 0 given
Error: Constructor of Swoole\Process can only be called once
Swoole\Error: must call constructor first
Swoole\Error: must call constructor first
Swoole\Error: must call constructor first
Swoole\Error: must call constructor first
Swoole\Error: must call constructor first
Swoole\Error: must call constructor first
Swoole\Error: must call constructor first
Swoole\Error: must call constructor first
Swoole\Error: must call constructor first
Swoole\Error: must call constructor first
Swoole\Error: must call constructor first
Swoole\Error: must call constructor first
Swoole\Error: must call constructor first
Swoole\Error: must call constructor first
Error: Trying to clone an uncloneable object of class Swoole\Process
Exception: Serialization of 'Swoole\Process' is not allowed
Error: Property pid of class Swoole\Process cannot be unset
no pipe
null
warning: Swoole\Process::read(): no pipe, cannot read from pipe
false
warning: Swoole\Process::write(): no pipe, cannot write into pipe
false
warning: Swoole\Process::close(): no pipe, cannot close the pipe
false
warning: Swoole\Process::setTimeout(): no pipe, cannot setTimeout the pipe
false
warning: Swoole\Process::setBlocking(): no pipe, cannot setBlocking the pipe
false
warning: Swoole\Process::exportSocket(): no pipe, cannot export stream
false
warning: Swoole\Process::pop(): no msgqueue, cannot use pop()
false
warning: Swoole\Process::push(): no msgqueue, cannot use push()
false
warning: Swoole\Process::push(): the data to push is empty
false
warning: Swoole\Process::push(): the data to push is too big
false
warning: Swoole\Process::statQueue(): no queue, can't get stats of the queue
false
false
warning: Swoole\Process::useQueue(): the key of a queue is a 32-bit number, 9223372036854775807 given
false
sizes
warning: Swoole\Process::read(): the size to read must be greater than 0, 0 given
false
warning: Swoole\Process::read(): the size to read must be greater than 0, -1 given
false
warning: Swoole\Process::read(): the size to read must be greater than 0, -9223372036854775808 given
false
warning: Swoole\Process::write(): the data to send is empty
false
false
true
warning: Swoole\Process::close(): no pipe, cannot close the pipe
false
warning: Swoole\Process::read(): no pipe, cannot read from pipe
false
in the wrong process
warning: Swoole\Process::exit(): not current process
false
warning: Swoole\Process::exit(): exit ret_code range is [>0 and <255] 
1
callbacks
warning: Swoole\Process::start(): illegal callback function
false
warning: Swoole\Process::start(): function 'no_such_function' is not callable
false
warning: Swoole\Process::start(): function '5' is not callable
false
exec and daemon
warning: Swoole\Process::exec(): exec file name is empty
false
warning: Swoole\Process::exec(): exec file name contains a NUL byte
false
warning: Swoole\Process::exec(): an argument of exec() contains a NUL byte
false
Error: Object of class stdClass could not be converted to string
warning: Swoole\Process::exec(): execv(/no/such/program) failed, Error: No such file or directory[2]
false
warning: Swoole\Process::daemon(): invalid file descriptor#-1 passed
false
warning: Swoole\Process::daemon(): invalid file descriptor passed
false
signals
warning: Swoole\Process::signal(): invalid signal number [-1]
false
warning: Swoole\Process::signal(): invalid signal number [128]
false
warning: Swoole\Process::signal(): a handler of signal [9] cannot be set, Error: Invalid argument[22]
false
warning: Swoole\Process::signal(): function 'no_such_function' is not callable
false
warning: Swoole\Process::signal(): unable to find the callback of signal [10]
false
true
true
true
warning: Swoole\Process::signal(): unable to find the callback of signal [10]
false
warning: Swoole\Process::kill(): kill(%d, 99) failed, Error: Invalid argument[22]
false
warning: Swoole\Process::alarm(): setitimer() failed, Error: Invalid argument[22]
false
