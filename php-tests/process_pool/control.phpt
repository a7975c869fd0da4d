--TEST--
Swoole\Process\Pool: reload, detach, max_wait_time, signals, a pause after quick ends, the master's death
--FILE--
<?php
use SwooleRs\Tests\{Processes, Script};
use function SwooleRs\Tests\{check, same, until};

require __DIR__ . '/../include/bootstrap.php';
require __DIR__ . '/caught.inc';

function script(string $code): Script
{
    return new Script('function put(string $text): void { file_put_contents("out", "{$text}\n", FILE_APPEND | LOCK_EX); }' . "\n{$code}");
}

function lines(Script $script): array
{
    return array_values(array_filter(explode("\n", (string) @file_get_contents($script->path('out'))), 'strlen'));
}

function expect_lines(Script $script, int $count): array
{
    return until(fn () => count($lines = lines($script)) >= $count ? $lines : null, "{$count} lines, got: " . implode('|', lines($script)) . $script->output());
}

// Reload: one after the other, those of sync workers that take messages and of others, and of coroutines.
foreach (['3' => 'sleep(60);', '3, SWOOLE_IPC_UNIXSOCK' => '', '3, 0, 0, true' => 'Co::sleep(60);'] as $arguments => $body) {
    $script = script("\$pool = new Swoole\\Process\\Pool({$arguments});
        \$pool->on('workerStart', function (\$pool, \$id) { put(\"\$id \" . getmypid()); {$body} });
        " . (str_contains($arguments, 'UNIX') ? '$pool->on("message", "strlen");' : '') . '
        $pool->set(["max_wait_time" => 60]);
        $pool->start();');
    $before = expect_lines($script, 3);
    if (str_contains($arguments, 'true')) {
        // A coroutine that sleeps is waited for: that is told to end by a handler of its own, or killed.
        // A repetition within half a second of the first one is the same request.
        $script->signal(SIGTERM);
        until(function () use ($script): bool {
            $is_told = str_contains($script->output(), 'told a second time to end');
            if (!$is_told) {
                $script->signal(SIGTERM);
                usleep(100_000); // to be heard before the next look
            }
            return $is_told;
        }, 'the second request');
        $script->expectExit();
        check(str_contains($script->output(), 'told a second time to end'), $script->output());
        $script->discard();
        continue;
    }
    $script->signal(SIGUSR1);
    $after = expect_lines($script, 6);
    foreach ([$before, array_slice($after, 3)] as $of) {
        $ids = array_map(fn ($line) => $line[0], $of);
        sort($ids);
        same(['0', '1', '2'], $ids);
    }
    same(6, count(array_unique($after)));
    $script->signal(SIGUSR2);
    expect_lines($script, 9);
    $script->signal(SIGTERM);
    $script->expectExit();
    same('', $script->output());
    $script->discard();
}

// max_wait_time: what does not end is killed, at a reload and at the end, and the log says so.
$script = script('$pool = new Swoole\Process\Pool(2);
    $pool->set(["max_wait_time" => 1]);
    $pool->on("workerStart", function ($pool, $id) {
        pcntl_signal(SIGTERM, SIG_IGN);
        put("$id");
        while (true) { sleep(60); }
    });
    $pool->start();');
expect_lines($script, 2);
$script->signal(SIGUSR1);
expect_lines($script, 4);
$script->signal(SIGTERM);
$script->expectExit();
same(4, preg_match_all('/force kill worker process\(pid=\d+, id=[01]\): it did not end within max_wait_time, 1 s/', $script->output()), $script->output());
$script->discard();

// detach(): replaced at once; untouched by the pool's end.
$script = script('$n = new Swoole\Atomic();
    $pool = new Swoole\Process\Pool(1);
    $pool->on("workerStart", function ($pool, $id) use ($n) {
        $k = $n->add();
        if ($k === 1) {
            put(var_export($pool->detach(), true) . var_export($pool->detach(), true));
            while (!file_exists("go")) { usleep(1000); }
            put("the detached one");
            return;
        }
        put("the successor");
        sleep(60);
    });
    $pool->on("workerStop", fn () => put("stop"));
    $pool->start();
    put("the pool is over");');
$start = expect_lines($script, 2);
sort($start);
same(['the successor', 'truefalse'], $start);
$script->signal(SIGTERM);
same('the pool is over', expect_lines($script, 3)[2]);
touch($script->path('go'));
same(['the detached one', 'stop'], array_slice(expect_lines($script, 5), 3));
$script->expectExit();
same('', $script->output());
$script->discard();

// A worker that leaves while the pool ends has no successor, and the master waits for the others in peace.
$output = Script::run('$ready = new Swoole\Atomic();
    $ends = new Swoole\Atomic();
    $left = new Swoole\Atomic();
    $pool = new Swoole\Process\Pool(2);
    $pool->set(["max_wait_time" => 60]);
    $pool->on("shutdown", fn () => $ends->set(1));
    $pool->on("workerStart", function ($pool, $id) use ($ready, $ends, $left) {
        pcntl_signal(SIGTERM, SIG_IGN);
        $ready->add();
        $wait = function ($for) { while (!$for()) { usleep(1000); } };
        if ($id === 0) {
            $wait(fn () => $ready->get() === 2);
            $pool->shutdown();
            $wait(fn () => $ends->get() === 1);
            echo $pool->detach() ? "left;" : "STAYS;";
            $left->set(1);
        } else {
            $wait(fn () => $left->get() === 1);
            sleep(1);
        }
    });
    $used = fn () => getrusage()["ru_utime.tv_sec"] + getrusage()["ru_utime.tv_usec"] / 1e6 + getrusage()["ru_stime.tv_sec"] + getrusage()["ru_stime.tv_usec"] / 1e6;
    $before = $used();
    $pool->start();
    echo ($cpu_s = $used() - $before) < 0.4 ? "in peace;" : "busy for {$cpu_s} s;", $ready->get();');
same('left;in peace;2', $output);

// With messages: the successor has those that the detached one did not take.
$output = Script::run('$pool = new Swoole\Process\Pool(1, SWOOLE_IPC_UNIXSOCK);
    $first = new Swoole\Atomic();
    $pool->on("workerStart", function ($pool) use ($first) {
        if ($first->add() === 1) {
            foreach (["a", "b", "c"] as $text) { $pool->sendMessage($text, 0); }
        }
    });
    $pool->on("message", function ($pool, $data) {
        if ($data === "a") {
            $pool->detach();
            while (!file_exists("go")) { usleep(1000); }
        }
        echo $data, ";";
        if ($data === "c") {
            touch("go");
            $pool->shutdown();
        }
    });
    $pool->start();');
$got = explode(';', $output);
sort($got);
same(['', 'a', 'b', 'c'], $got);

// Workers that fail at their start are not started again and again without a pause.
$script = script('$pool = new Swoole\Process\Pool(1);
    $pool->on("workerStart", function () { put("start"); exit(1); });
    $pool->start();');
expect_lines($script, 4);
$script->expectOutput('/ended 2 times in a row right after its start, the next start is in 100 ms: look at the errors above, most often the workerStart callback fails/');
$script->expectOutput('/ended 3 times in a row right after its start, the next start is in 200 ms/');
$script->signal(SIGTERM); // in the pause
$script->expectExit();
check(count(lines($script)) < 8, 'few starts');
$script->discard();

// SIGINT is as good as SIGTERM; a whole group that gets it ends well; a worker's own SIGINT replaces it.
$script = script('$pool = new Swoole\Process\Pool(2, SWOOLE_IPC_UNIXSOCK);
    posix_setpgid(0, 0);
    $pool->on("workerStart", fn ($pool, $id) => put("start " . getmypid()));
    $pool->on("message", "strlen");
    $pool->on("workerStop", fn () => put("stop"));
    $pool->start();
    put("over");');
$pids = array_map(fn ($line) => (int) substr($line, 6), expect_lines($script, 2));
until_caught($pids);
posix_kill($pids[0], SIGINT);
$pids[0] = (int) substr(expect_lines($script, 4)[3], 6);
until_caught($pids);
posix_kill(-$script->pid(), SIGINT);
$script->expectExit();
$lines = lines($script);
same(['start' => 3, 'stop' => 3, 'over' => 1], array_count_values(preg_replace('/ \d+$/', '', $lines)));
same('', $script->output());
$script->discard();

// A handler of user code for SIGTERM stays; an own loop in workerStart ends by it.
$output = Script::run('$pool = new Swoole\Process\Pool(1);
    $pool->on("workerStart", function ($pool) {
        Swoole\Process::signal(SIGTERM, function () { echo "own handler;"; Swoole\Event::exit(); });
        Swoole\Timer::tick(10, fn () => $pool->shutdown());
        Swoole\Event::wait();
        echo "after the loop;";
    });
    $pool->on("workerStop", fn () => print("stop"));
    $pool->start();');
same('own handler;after the loop;stop', $output);

// The log is opened anew, in all processes.
foreach ([SIGWINCH, 34 /* SIGRTMIN */] as $signal) {
    $script = script('$pool = new Swoole\Process\Pool(1, SWOOLE_IPC_UNIXSOCK);
        $pool->set(["log_file" => __DIR__ . "/log"]);
        $pool->on("workerStart", fn () => put("start"));
        $pool->on("message", "strlen");
        $pool->start();');
    expect_lines($script, 1);
    swoole_async_set([]);
    file_put_contents($script->path('log'), 'old', FILE_APPEND);
    rename($script->path('log'), $script->path('log.1'));
    $script->signal($signal);
    until(fn () => file_exists($script->path('log')) || @clearstatcache(), 'a new log file');
    $script->signal(SIGTERM);
    $script->expectExit();
    $script->discard();
}

// The master is killed: the kernel ends all workers, whatever they do.
foreach (['2' => 'while (true) { sleep(60); }', '2, SWOOLE_IPC_UNIXSOCK' => '', '2, 0, 0, true' => 'while (true) { Co::sleep(60); }'] as $arguments => $body) {
    $script = script("\$pool = new Swoole\\Process\\Pool({$arguments});
        \$pool->on('workerStart', function (\$pool, \$id) { pcntl_signal(SIGTERM, SIG_IGN); put(getmypid()); {$body} });
        " . (str_contains($arguments, 'UNIX') ? '$pool->on("message", "strlen");' : '') . '
        $pool->start();');
    $pids = expect_lines($script, 2);
    $script->signal(SIGKILL);
    until(fn () => array_filter($pids, fn ($pid) => Processes::isAlive((int) $pid)) === [], 'the end of the workers');
    $script->discard();
}
echo "ok\n";
?>
--EXPECT--
ok
