<?php
// Swoole\Atomic and Swoole\Lock: operations per second of one process.

const SECONDS = 0.3;

function measure(string $name, callable $step): void
{
    $done = 0;
    $start = hrtime(true);
    do {
        for ($i = 0; $i < 1000; $i++) {
            $step($i);
        }
        $done += 1000;
        $elapsed = (hrtime(true) - $start) / 1e9;
    } while ($elapsed < SECONDS);
    printf("%s %.0f /s\n", $name, $done / $elapsed);
}

$atomic = new Swoole\Atomic();
$long = new Swoole\Atomic\Long();
measure('atomic add', fn () => $atomic->add(1));
measure('atomic get', fn () => $atomic->get());
measure('atomic cmpset', fn ($i) => $atomic->cmpset($i, $i + 1));
measure('long add', fn () => $long->add(1));

$mutex = new Swoole\Lock(SWOOLE_MUTEX);
$rwlock = new Swoole\Lock(SWOOLE_RWLOCK);
$spinlock = new Swoole\Lock(SWOOLE_SPINLOCK);
foreach (['mutex' => $mutex, 'rwlock' => $rwlock, 'spinlock' => $spinlock] as $name => $lock) {
    measure("{$name} lock and unlock", function () use ($lock) {
        $lock->lock();
        $lock->unlock();
    });
}
