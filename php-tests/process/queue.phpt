--TEST--
Swoole\Process: message queues, shared and by id, full, removed, with bad sizes
--FILE--
<?php
use Swoole\Process;
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

$key = random_int(1 << 20, 1 << 30);
$process = new Process(function (Process $process): void {
    while (($message = $process->pop()) !== 'stop') {
        $process->push("got {$message}");
        usleep(1000);
    }
    exit(3);
}, false, 0);
same(true, $process->useQueue($key, SWOOLE_MSGQUEUE_BALANCE));
same($key, $process->msgQueueKey);
same(true, is_int($process->msgQueueId));
same(['queue_num' => 0, 'queue_bytes' => 0], $process->statQueue());
$process->push('one');
$process->push('three');
same(['queue_num' => 2, 'queue_bytes' => 8], $process->statQueue());
same(false, $process->pop(2));
same(SOCKET_E2BIG, swoole_last_error());
same('one', $process->pop());
same('three', $process->pop(5));
$process->push('stop');
$process->start();
same(3, Process::wait()['code']);

// Not to wait; by id; a capacity.
same(true, $process->useQueue($key, SWOOLE_MSGQUEUE_BALANCE | Process::IPC_NOWAIT, 4096));
same(false, $process->pop());
same(SOCKET_ENOMSG, swoole_last_error());
while ($process->push(str_repeat('x', 1000))) {
}
same(SOCKET_EAGAIN, swoole_last_error());
same(4, $process->statQueue()['queue_num']);
$other = new Process(fn () => null, false, 0);
same(true, $other->useQueue($key, SWOOLE_MSGQUEUE_ORIENT | Process::IPC_NOWAIT));
same(false, $other->pop());
same(1000, strlen($process->pop()));
same(true, $other->push('mine'));
same('mine', $other->pop(-5));

// Removed: for everybody.
same(true, $process->freeQueue());
same(false, $process->freeQueue());
same(false, @$process->push('x'));
same(false, $other->push('x'));
same(false, $other->pop());
same(false, $other->statQueue());
same(false, $other->freeQueue());

// The key of a script.
$process = new Process(fn () => null);
same(true, $process->useQueue());
same(true, $process->msgQueueKey !== 0);
same(true, $process->push('x'));
same(true, $process->freeQueue());
echo "ok\n";
?>
--EXPECTF--
%s	WARNING	msgrcv(%d, 2, 0) failed, Error: Argument list too long[7]
%s	WARNING	msgsnd(%d, 1, %d) failed, Error: Invalid argument[22]
%s	WARNING	msgrcv(%d, 65536, %d) failed, Error: Invalid argument[22]
%s	WARNING	msgctl(%d, IPC_RMID) failed, Error: Invalid argument[22]
ok
