--TEST--
library: WaitGroup, Barrier, batch, parallel, map and ConnectionPool
--FILE--
<?php
use Swoole\ConnectionPool;
use Swoole\Coroutine;
use Swoole\Coroutine\{Barrier, WaitGroup};
use function Swoole\Coroutine\{batch, go, map, parallel, run};
use function SwooleRs\Tests\{same, shown};

require __DIR__ . '/../include/bootstrap.php';

function thrown(string $class, string $message, callable $f): void
{
    try {
        $f();
    } catch (Throwable $e) {
        same([$class, $message], [$e::class, $e->getMessage()]);
        return;
    }
    echo "nothing was thrown\n";
}
/** Another coroutine's turn, then this one's. */
function turn(): void
{
    Coroutine::sleep(0.001);
}

$checks = [
    'group' => function (): void {
        $group = new WaitGroup(1);
        $group->add(2);
        same(3, $group->count());
        $done = 0;
        for ($i = 0; $i < 3; $i++) {
            go(function () use ($group, &$done): void {
                turn();
                $done++;
                $group->done();
            });
        }
        same([true, 3, 0], [$group->wait(), $done, $group->count()]);
        same(true, $group->wait());
        thrown(BadMethodCallException::class, 'WaitGroup misuse: negative counter', fn () => $group->done());
        thrown(InvalidArgumentException::class, 'WaitGroup misuse: negative counter', fn () => $group->add(-1));
        $group->add();
        same([false, 1], [$group->wait(0.001), $group->count()]);
        go(function () use ($group): void {
            turn();
            thrown(BadMethodCallException::class, 'WaitGroup misuse: add called concurrently with wait',
                fn () => $group->add());
            thrown(BadMethodCallException::class, 'WaitGroup misuse: reused before previous wait has returned',
                fn () => $group->wait());
            $group->done();
        });
        same(true, $group->wait());
    },
    'group cancelled' => function (): void {
        $group = new WaitGroup(1);
        $cid = Coroutine::getCid();
        go(function () use ($cid): void {
            turn();
            Coroutine::cancel($cid);
        });
        same([false, 1], [$group->wait(), $group->count()]);
        go(fn () => $group->done());
        same(true, $group->wait());
    },
    'barrier' => function (): void {
        $barrier = Barrier::make();
        $done = 0;
        for ($i = 0; $i < 3; $i++) {
            go(function () use ($barrier, &$done): void {
                turn();
                $done++;
            });
        }
        Barrier::wait($barrier);
        same([3, null], [$done, $barrier]);
        $barrier = Barrier::make();
        Barrier::wait($barrier); // nobody else has it
        same(null, $barrier);
    },
    'barrier: too late' => function (): void {
        $barrier = Barrier::make();
        $held = $barrier;
        Barrier::wait($barrier, 0.001);
        same(null, $barrier);
        thrown(Swoole\Exception::class, 'The barrier is waiting, cannot wait again.', fn () => Barrier::wait($held));
        $held = null; // nobody is woken a second time
        turn();
    },
    'barrier cancelled' => function (): void {
        $barrier = Barrier::make();
        $cid = Coroutine::getCid();
        $held = $barrier;
        go(function () use ($cid): void {
            turn();
            Coroutine::cancel($cid);
        });
        Barrier::wait($barrier, 10);
        same(true, Coroutine::isCanceled());
        $held = null;
        turn();
    },
    'batch' => function (): void {
        $tasks = ['slow' => function (): int {
            turn();
            return 2;
        }, 'fast' => fn (): int => 1, 5 => 'zend_version'];
        same(['slow' => 2, 'fast' => 1, 5 => zend_version()], batch($tasks));
        same([], batch([]));
        same(['never' => null, 'fast' => 1], batch(['never' => fn () => Coroutine::sleep(0.01), 'fast' => fn () => 1], 0.001));
    },
    'parallel' => function (): void {
        $n = 0;
        parallel(3, function (...$arguments) use (&$n): void {
            same([], $arguments);
            turn();
            $n++;
        });
        same(3, $n);
        parallel(0, fn () => $n++);
        parallel(-1, fn () => $n++);
        same(3, $n);
    },
    'map' => function (): void {
        same(['a' => [3, 'a'], 'b' => [1, 'b']], map(['a' => 3, 'b' => 1], function (int $x, string $key): array {
            Coroutine::sleep($x / 1000);
            return [$x, $key];
        }));
        same([], map([], 'strlen'));
        same([null, 1], map([0.05, 0], function (float $x): int {
            $x > 0 && Coroutine::sleep($x);
            return 1;
        }, 0.01));
    },
    'pool' => function (): void {
        $made = 0;
        $pool = new ConnectionPool(function () use (&$made): stdClass {
            turn();
            return (object) ['id' => ++$made];
        }, 2);
        $first = $pool->get();
        $second = $pool->get();
        same([1, 2, false], [$first->id, $second->id, $pool->get(0.001)]);
        $pool->put($first);
        same(1, $pool->get()->id);
        go(function () use ($pool, $second): void {
            turn();
            $pool->put($second);
        });
        same(2, $pool->get()->id);
        $pool->put(null); // a broken one: another takes its place
        same(3, $pool->get()->id);
        // Never more than two at once.
        $used = 0;
        $most = 0;
        $pool->put($first);
        $pool->put($second);
        parallel(6, function () use ($pool, &$used, &$most): void {
            $connection = $pool->get();
            $most = max($most, ++$used);
            turn();
            $used--;
            $pool->put($connection);
        });
        same([2, 3], [$most, $made]);
        $pool->close();
        $pool->close();
        $pool->put($first);
        thrown(RuntimeException::class, 'Pool has been closed', fn () => $pool->get());
    },
    'pool: failures' => function (): void {
        $tries = 0;
        $pool = new ConnectionPool(function () use (&$tries): string {
            return ++$tries === 1 ? throw new LogicException('no') : 'connection';
        }, 1);
        thrown(LogicException::class, 'no', fn () => $pool->get());
        same('connection', $pool->get());
        go(function () use ($pool): void {
            turn();
            $pool->close();
        });
        same(false, $pool->get());
    },
    'pool: filled, with a proxy' => function (): void {
        $proxy = new class () {
            public function __construct(public readonly ?Closure $constructor = null)
            {
            }
        };
        $made = 0;
        $pool = new ConnectionPool(fn () => $made++, 3, $proxy::class);
        $pool->fill();
        $pool->fill();
        same([0, 0], [$made, ($pool->get()->constructor)()]);
    },
];
foreach ($checks as $name => $check) {
    $failure = 'it did not run to its end';
    run(function () use ($check, &$failure): void {
        try {
            $check();
            $failure = null;
        } catch (Throwable $e) {
            $failure = (string) $e;
        }
    });
    echo $name, ': ', $failure ?? 'ok', "\n";
}
?>
--EXPECT--
group: ok
group cancelled: ok
barrier: ok
barrier: too late: ok
barrier cancelled: ok
batch: ok
parallel: ok
map: ok
pool: ok
pool: failures: ok
pool: filled, with a proxy: ok
