--TEST--
Hooks: opening a named pipe waits for its other end, and can be given up
--FILE--
<?php
use Swoole\Coroutine\Channel;
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$path = sys_get_temp_dir() . '/swoole_rs_pipe_' . getmypid();
posix_mkfifo($path, 0600);

Co\run(function () use ($path): void {
    $told = new Channel(4);
    foreach (['reader first', 'writer first'] as $order) {
        $reader = function () use ($path, $told): void {
            $told->push(stream_get_contents(fopen($path, 'r')));
        };
        $writer = function () use ($path): void {
            fwrite(fopen($path, 'w'), 'written');
        };
        [$first, $second] = $order === 'reader first' ? [$reader, $writer] : [$writer, $reader];
        go($first);
        Co::sleep(0.01);
        same(0, $told->length(), "{$order}: it waits");
        go($second);
        same('written', $told->pop(), $order);
    }
    // Another process, which writes nothing, and one that is gone again.
    foreach (['exec 3>"$P"; read line', ': >"$P"'] as $other) {
        go(fn () => $told->push(get_resource_type($GLOBALS['opened'] = fopen($path, 'r'))));
        $process = proc_open($other, [['pipe', 'r']], $pipes, null, ['P' => $path]);
        same('stream', $told->pop(), $other);
        fclose($pipes[0]);
        same('', stream_get_contents($GLOBALS['opened']), $other);
        fclose($GLOBALS['opened']);
        proc_close($process);
    }
    // One that reads.
    go(fn () => $told->push(fwrite(fopen($path, 'w'), "line\n")));
    $process = proc_open('read line <"$P"; echo "$line"', [1 => ['pipe', 'w']], $pipes, null, ['P' => $path]);
    same("line\n", fgets($pipes[1]));
    same(5, $told->pop());
    proc_close($process);
    // Neither waits with both ends.
    check(is_resource(fopen($path, 'r+')), 'both');
});

// Who gives up is not waited for.
foreach (['r', 'w'] as $mode) {
    $output = Script::run(<<<'PHP'
        Co\run(function () use ($argv): void {
            $cid = go(function () use ($argv): void {
                var_dump(@fopen($argv[1], $argv[2]));
            });
            Co::sleep(0.05);
            var_dump(Co::cancel($cid));
        });
        PHP, [$path, $mode]);
    same("bool(false)\nbool(true)\n", $output);
}
unlink($path);
echo "ok\n";
?>
--EXPECT--
ok
