--TEST--
Swoole\Coroutine\System: waitSignal and waitEvent
--FILE--
<?php
use Swoole\{Coroutine, Process};
use Swoole\Coroutine\System;
use function Swoole\Coroutine\run;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

set_error_handler(function (int $level, string $message) use (&$warning): bool {
    $warning = $message;
    return true;
});
run(function () use (&$warning): void {
    $me = getmypid();
    $order = [];
    $first = Coroutine::create(function () use (&$order): void {
        $order[] = System::waitSignal(SIGUSR1);
        $order[] = System::waitSignal([SIGUSR2, SIGUSR1], 10);
    });
    $second = Coroutine::create(function () use (&$order): void {
        $order[] = 'too ' . System::waitSignal([SIGUSR1, SIGTERM]);
    });
    posix_kill($me, SIGUSR1);
    Coroutine::join([$second]);
    posix_kill($me, SIGUSR2);
    Coroutine::join([$first]);
    same([SIGUSR1, 'too ' . SIGUSR1, SIGUSR2], $order);
    same(false, System::waitSignal(SIGUSR1, 0.001));
    same(SWOOLE_ERROR_CO_TIMEDOUT, swoole_last_error());
    $cid = Coroutine::getCid();
    Coroutine::create(function () use ($cid): void {
        System::sleep(0.001);
        Coroutine::cancel($cid);
    });
    same(false, System::waitSignal(SIGUSR1));
    same(SWOOLE_ERROR_CO_CANCELED, swoole_last_error());
    foreach ([SIGCHLD, SIGKILL, -1, 0, 65, PHP_INT_MAX, [SIGUSR1, SIGSTOP]] as $bad) {
        same(false, System::waitSignal($bad, 1));
        same('Swoole\Coroutine\System::waitSignal(): Invalid signal in the given list', $warning);
        same(SOCKET_EINVAL, swoole_last_error());
    }
    same(false, System::waitSignal([], 0.001));
    Process::signal(SIGUSR2, fn () => null);
    same(false, System::waitSignal(SIGUSR1, 1));
    same(SOCKET_EBUSY, swoole_last_error());
    Process::signal(SIGUSR2, null);
    same(false, System::waitSignal(SIGUSR1, 0.001));

    // Descriptors.
    [$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    $read = SWOOLE_EVENT_READ;
    $write = SWOOLE_EVENT_WRITE;
    same($write, System::waitEvent($a, $read | $write));
    same(false, System::waitEvent($a, $read, 0.001));
    same(SWOOLE_ERROR_CO_TIMEDOUT, swoole_last_error());
    same(false, System::waitEvent($a, $read, 0));
    same(SOCKET_ETIMEDOUT, swoole_last_error());
    Coroutine::create(function () use ($b): void {
        System::sleep(0.001);
        fwrite($b, 'x');
    });
    same($read, System::waitEvent($a, $read, 10));
    same($read | $write, System::waitEvent($a, $read | $write, 10));
    same($read | $write, System::waitEvent($a, $read | $write, 0));
    $taken = Coroutine::create(fn () => System::waitEvent($b, $read, 10));
    same(false, System::waitEvent($b, $read, 10), 'waited for already');
    fclose($a);
    Coroutine::join([$taken]);
    same($read, System::waitEvent($b, $read, 10), 'the end');
    $socket = socket_create(AF_INET, SOCK_DGRAM, SOL_UDP);
    same($write, System::waitEvent($socket, $write));
    Coroutine::create(function () use ($cid): void {
        System::sleep(0.001);
        Coroutine::cancel($cid);
    });
    same(false, System::waitEvent($socket, $read));
    same(SWOOLE_ERROR_CO_CANCELED, swoole_last_error());
    same(false, System::waitEvent($socket, 0, 1));
    same(SOCKET_EINVAL, swoole_last_error());
    foreach ([0, 0.001] as $timeout) {
        same(false, System::waitEvent(999, $read, $timeout));
        same(SOCKET_EBADF, swoole_last_error());
    }
    same(false, System::waitEvent(fopen(__FILE__, 'r'), $read, 1), 'a regular file');
    foreach ([-1, 'x', null, new stdClass] as $bad) {
        $warning = null;
        same(false, System::waitEvent($bad, $read, 1));
        check(str_contains($warning, 'invalid file descriptor'), (string) $warning);
    }
    same(true, System::sleep(0.001));
    same(false, System::sleep(0));
    same(false, System::sleep(NAN));
});
// The signals have their former meaning back.
$child = new Process(function (): void {
    run(fn () => System::waitSignal(SIGTERM, 0.001));
    posix_kill(getmypid(), SIGTERM);
    sleep(60);
});
$child->start();
same(SIGTERM, Process::wait()['signal']);
echo "ok\n";
?>
--EXTENSIONS--
posix
sockets
--EXPECT--
ok
