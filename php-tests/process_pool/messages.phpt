--TEST--
Swoole\Process\Pool: messages between workers through pipes and the message bus, with and without coroutines
--FILE--
<?php
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

// Sizes up to what a pipe takes whole; with the bus any.
foreach ([false, true] as $coroutines) {
    foreach ([false, true] as $bus) {
        $sizes = $bus ? [0, 50, 65_000, 65_536, 200_000, 1 << 20, 5 << 20] : [0, 50, 65_536, 150_000];
        $code = '$sizes = ' . var_export($sizes, true) . ';
            $pool = new Swoole\Process\Pool(3, SWOOLE_IPC_UNIXSOCK);
            $pool->set(' . var_export(['enable_coroutine' => $coroutines, 'enable_message_bus' => $bus], true) . ');
            ';
        $output = Script::run($code . <<<'CODE'
            $text = fn (int $size, int $from) => substr(str_repeat(sha1("{$size} {$from}", true), intdiv($size, 20) + 1), 0, $size);
            $pool->on('workerStart', function ($pool, $id) use ($sizes, $text) {
                if ($id > 0) {
                    foreach ($sizes as $size) {
                        $pool->sendMessage($text($size, $id), 0) || print("not sent {$size}\n");
                    }
                }
            });
            $pool->on('message', function ($pool, $data) use ($sizes, $text) {
                static $got = [];
                $got[] = sha1($data);
                if (count($got) === 2 * count($sizes)) {
                    $expected = [];
                    foreach ([1, 2] as $from) {
                        $of = array_map(fn ($size) => sha1($text($size, $from)), $sizes);
                        $order = array_slice($of, 1); // the empty ones look all the same
                        echo array_values(array_intersect($got, $order)) === $order ? 'in order;' : 'WRONG ORDER;';
                        array_push($expected, ...$of);
                    }
                    sort($got);
                    sort($expected);
                    echo $got === $expected ? 'all' : 'WRONG BYTES';
                    $pool->shutdown();
                }
            });
            $pool->start();
            CODE);
        same('in order;in order;all', $output, var_export([$coroutines, $bus], true));
    }
}

// What is sent in workerStop is not lost, though the pipe is full by then.
$output = Script::run(<<<'CODE'
    $starts = new Swoole\Atomic();
    $sent = new Swoole\Atomic();
    $pool = new Swoole\Process\Pool(2, SWOOLE_IPC_UNIXSOCK, 0, true);
    $pool->on('workerStart', function ($pool, $id) use ($starts, $sent) {
        if ($id === 1) {
            // Takes nothing until all is sent, or no more can be.
            for ($seen = 0, $since = hrtime(true); $seen === 0 || hrtime(true) - $since < 100_000_000;) {
                if ($sent->get() !== $seen) {
                    [$seen, $since] = [$sent->get(), hrtime(true)];
                }
            }
        } elseif ($starts->add() === 1) {
            $pool->stop();
        }
    });
    $pool->on('workerStop', function ($pool, $id) use ($sent) {
        if ($id === 0 && $sent->get() === 0) {
            for ($i = 0; $i < 300; $i++) {
                $pool->sendMessage(str_pad("{$i}", 100_000), 1) || print('not sent;');
                $sent->add();
            }
        }
    });
    $pool->on('message', function ($pool, $data) {
        static $got = [];
        $got[] = (int) $data;
        if (count($got) === 300) {
            echo $got === range(0, 299) ? 'all' : 'WRONG';
            $pool->shutdown();
        }
    });
    $pool->start();
    CODE);
same('all', $output);

// getProcess(): writing to others, reading one's own, the successor's pid.
foreach (['false', 'true'] as $coroutines) {
    $output = Script::run("\$coroutines = {$coroutines};" . <<<'CODE'
        $pool = new Swoole\Process\Pool(2, SWOOLE_IPC_UNIXSOCK, 0, $coroutines);
        $pool->on('workerStart', function ($pool, $id) {
            if ($id === 1) {
                return;
            }
            $me = $pool->getProcess();
            $other = $pool->getProcess(1);
            echo $me->pid === getmypid() ? '' : 'WRONG PID;', $pool->getProcess(0) === $me && $pool->workers === [$me, 1 => $other] ? '' : 'NOT THE SAME;';
            echo $other->close() ? 'CLOSED;' : '';
            $other->write(str_repeat('x', 50_000));
            echo $me->read(100), ';';
            $before = $other->pid;
            posix_kill($before > 1 ? $before : exit('NO PID'), SIGTERM);
            while ($pool->getProcess(1)->pid === $before) {
                usleep(1000);
            }
            $other->write('again');
            echo $me->read(100), ';', $other->pid !== $before ? 'new pid' : 'OLD PID';
            $pool->shutdown();
        });
        $pool->on('message', fn ($pool, $data) => $pool->getProcess(0)->write('got ' . strlen($data)));
        error_reporting(E_ALL & ~E_WARNING);
        $pool->start();
        CODE);
    same('got 50000;got 5;new pid', $output);
}

// What is too long, and to nobody.
$output = Script::run(<<<'CODE'
    $pool = new Swoole\Process\Pool(1, SWOOLE_IPC_UNIXSOCK);
    $pool->set(['max_package_size' => 1000]);
    $pool->on('workerStart', function ($pool) {
        foreach ([1, -1, PHP_INT_MAX, 1 << 32] as $id) {
            var_dump(@$pool->sendMessage('x', $id));
        }
        var_dump($pool->sendMessage(str_repeat('x', 32 << 20), 0), $pool->sendMessage(str_repeat('x', 1001), 0), $pool->sendMessage(str_repeat('x', 1000), 0));
    });
    $pool->on('message', function ($pool, $data) {
        var_dump(strlen($data));
        $pool->shutdown();
    });
    $pool->start();
    CODE);
same(['bool(false)', 'bool(false)', 'bool(false)', 'bool(false)', 'bool(false)', 'bool(true)', 'bool(true)', 'int(1000)'],
    array_values(preg_grep('/^(bool|int)/', explode("\n", $output))));
check(str_contains($output, 'set enable_message_bus') && str_contains($output, 'a message of more than 1000 bytes was dropped: raise max_package_size'), $output);

// A worker that does nothing but send, to one that is slow: everything arrives, and the sender's timers run.
foreach (['false', 'true'] as $bus) {
    $output = Script::run("\$bus = {$bus};" . <<<'CODE'
        $pool = new Swoole\Process\Pool(2, SWOOLE_IPC_UNIXSOCK, 0, true);
        $pool->set(['enable_message_bus' => $bus]);
        $pool->on('workerStart', function ($pool, $id) {
            if ($id === 0) {
                Swoole\Timer::after(1, fn () => print("timer;"));
                for ($i = 0; $i < 3000; $i++) {
                    $pool->sendMessage(str_repeat(chr($i % 256), 50_000), 1) || print("not sent {$i};");
                }
            }
        });
        $pool->on('message', function ($pool, $data) {
            static $n = 0;
            if ($data !== str_repeat(chr($n % 256), 50_000)) {
                echo "WRONG {$n};";
            }
            if (++$n === 3000) {
                $pool->shutdown();
            }
        });
        $pool->start();
        CODE);
    same('timer;', $output);
}

// What waits in the pipe of a worker that dies is its successor's; a beginning without an end is not.
foreach (['false', 'true'] as $bus) {
    $output = Script::run("\$bus = {$bus};" . <<<'CODE'
        $pool = new Swoole\Process\Pool(2, SWOOLE_IPC_UNIXSOCK);
        $pool->set(['enable_message_bus' => $bus]);
        $starts = new Swoole\Atomic();
        $pool->on('workerStart', function ($pool, $id) {
            if ($id === 0) {
                foreach (['a', 'die', 'b', 'c'] as $text) {
                    $pool->sendMessage($text, 1);
                }
            }
        });
        $pool->on('message', function ($pool, $data) {
            echo $data, ';';
            match ($data) {
                'die' => posix_kill(getmypid(), SIGKILL),
                'c' => $pool->shutdown(),
                default => null,
            };
        });
        $pool->start();
        CODE);
    same('a;die;b;c;', preg_replace('/\[\d{4}-.*\n/', '', $output));
}
echo "ok\n";
?>
--EXPECT--
ok
