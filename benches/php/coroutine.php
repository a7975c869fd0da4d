<?php
// Swoole\Coroutine and its channel: operations per second of one process, and the memory of coroutines
// that wait.

use Swoole\Coroutine;
use Swoole\Coroutine\Channel;

use function Swoole\Coroutine\run;

const CREATED = 500_000;
const SWITCHED = 1_000_000;
const SLEEPING = 100_000;

ini_set('swoole.enable_library', '0');
Coroutine::set(['max_coroutine' => 2 * SLEEPING, 'hook_flags' => 0]);

/** $body returns how many operations it has done. */
function measure(string $name, callable $body): void
{
    run(function () use ($name, $body): void {
        $body(); // warm: contexts and pages are there
        $start = hrtime(true);
        $done = $body();
        printf("%s %.0f /s\n", $name, $done / ((hrtime(true) - $start) / 1e9));
    });
}

measure('create and finish', function (): int {
    for ($i = 0; $i < CREATED; $i++) {
        Coroutine::create(function (): void {});
    }
    return CREATED;
});

measure('create, yield, resume and finish', function (): int {
    for ($i = 0; $i < CREATED; $i++) {
        Coroutine::resume(Coroutine::create(function (): void {
            Coroutine::yield();
        }));
    }
    return CREATED;
});

measure('yield and resume', function (): int {
    $cid = Coroutine::create(function (): void {
        for ($i = 0; $i < SWITCHED; $i++) {
            Coroutine::yield();
        }
    });
    for ($i = 0; $i < SWITCHED; $i++) {
        Coroutine::resume($cid);
    }
    return SWITCHED;
});

measure('yield and resume among 1,000 coroutines', function (): int {
    $cids = [];
    for ($c = 0; $c < 1000; $c++) {
        $cids[] = Coroutine::create(function (): void {
            for ($i = 0; $i < SWITCHED / 1000; $i++) {
                Coroutine::yield();
            }
        });
    }
    for ($i = 0; $i < SWITCHED / 1000; $i++) {
        foreach ($cids as $cid) {
            Coroutine::resume($cid);
        }
    }
    return SWITCHED;
});

measure('channel push and pop', function (): int {
    $channel = new Channel(1);
    Coroutine::create(function () use ($channel): void {
        for ($i = 0; $i < SWITCHED; $i++) {
            $channel->push($i);
        }
    });
    for ($i = 0; $i < SWITCHED; $i++) {
        $channel->pop();
    }
    return SWITCHED;
});

measure('sleep of 1 ms, 1,000 at a time', function (): int {
    for ($round = 0; $round < 20; $round++) {
        $cids = [];
        for ($i = 0; $i < 1000; $i++) {
            $cids[] = Coroutine::create(function (): void {
                Coroutine::sleep(0.001);
            });
        }
        Coroutine::join($cids);
    }
    return 20 * 1000;
});

/** Resident memory of this process. */
function resident_bytes(): int
{
    preg_match('/^Rss:\s+(\d+) kB/m', file_get_contents('/proc/self/smaps_rollup'), $found);
    return 1024 * (int) $found[1];
}

run(function (): void {
    $before = resident_bytes();
    $cids = [];
    for ($i = 0; $i < SLEEPING; $i++) {
        $cids[] = Coroutine::create(function (): void {
            Coroutine::yield();
        });
    }
    printf("memory of a coroutine that waits, of 100,000 %.0f bytes\n", (resident_bytes() - $before) / SLEEPING);
    foreach ($cids as $cid) {
        Coroutine::resume($cid);
    }
});
