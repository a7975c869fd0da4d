<?php
// Swoole\Timer: what a timer costs, by 100,000 of them (or as many as the argument says).

use Swoole\Event;
use Swoole\Timer;

$count = (int) ($argv[1] ?? 100_000);
$show = fn (string $name, float $seconds, int $count) => printf("%s %.1f ns\n", $name, $seconds * 1e9 / $count);
$run = function (): void {
    Event::wait();
};

// Added in a random order of deadlines, far away; cleared in the order of their making.
mt_srand(1);
$delays = [];
for ($i = 0; $i < $count; $i++) {
    $delays[] = mt_rand(60_000, 120_000);
}
$callback = function (): void {};
$ids = array_fill(0, $count, 0);
$begin = hrtime(true);
foreach ($delays as $i => $delay) {
    $ids[$i] = Timer::after($delay, $callback);
}
$show('add', (hrtime(true) - $begin) / 1e9, $count);
$begin = hrtime(true);
foreach ($ids as $id) {
    Timer::clear($id);
}
$show('clear', (hrtime(true) - $begin) / 1e9, $count);

// Added and cleared at once, as timeouts of requests are, beside many that stay.
foreach ($delays as $i => $delay) {
    $ids[$i] = Timer::after($delay, $callback);
}
$begin = hrtime(true);
for ($i = 0; $i < $count; $i++) {
    Timer::clear(Timer::after(30_000, $callback));
}
$show('add and clear among many', (hrtime(true) - $begin) / 1e9, $count);
$begin = hrtime(true);
Timer::clearAll();
$show('clear all', (hrtime(true) - $begin) / 1e9, $count);

// All due at the same moment: what it takes to run them, without the wait.
$fired = 0;
$began = 0;
$callback = function () use (&$fired, &$began): void {
    if ($fired++ === 0) {
        $began = hrtime(true);
    }
};
for ($i = 0; $i < $count; $i++) {
    Timer::after(1, $callback);
}
usleep(2_000);
$run();
$show('fire', (hrtime(true) - $began) / 1e9, $count);
$fired === $count or exit("{$fired} of {$count} timers fired\n");

// With arguments.
$sum = 0;
$add = function (int $n, string $text) use (&$sum, &$began): void {
    if ($n === 0) {
        $began = hrtime(true);
    }
    $sum += $n;
};
for ($i = 0; $i < $count; $i++) {
    Timer::after(1, $add, $i, 'text');
}
usleep(2_000);
$run();
$show('fire, with arguments', (hrtime(true) - $began) / 1e9, $count);

// One timer that adds its successor.
$left = 200;
$next = function () use (&$next, &$left): void {
    if (--$left > 0) {
        Timer::after(1, $next);
    }
};
$begin = hrtime(true);
Timer::after(1, $next);
$run();
$show('a chain of timers of 1 ms, each', (hrtime(true) - $begin) / 1e9, 200);
