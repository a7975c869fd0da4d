--TEST--
Hooks: exec(), shell_exec(), system(), passthru() and popen() let other coroutines run while a command does
--FILE--
<?php
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

const TEXT = "one  \ntwo\n\nthree";

/** By name: runs a command, and tells all that the function has to tell. */
$ways = [
    'exec' => function (string $command): array {
        $lines = ['before'];
        return [exec($command, $lines, $status), $lines, $status];
    },
    'shell_exec' => fn (string $command): array => [shell_exec($command)],
    'backticks' => fn (string $command): array => [`$command`],
    'system' => function (string $command): array {
        ob_start();
        return [system($command, $status), $status, ob_get_clean()];
    },
    'passthru' => function (string $command): array {
        ob_start();
        return [passthru($command, $status), $status, ob_get_clean()];
    },
    'popen' => function (string $command): array {
        $pipe = popen($command, 'r');
        return [fgets($pipe), stream_get_contents($pipe), feof($pipe), pclose($pipe)];
    },
    'nothing' => fn (string $command): array => [shell_exec("{$command} >/dev/null"), exec("{$command} >/dev/null"), @exec('')],
];

$folder = sys_get_temp_dir() . '/swoole-rs-' . getmypid();
mkdir($folder);
file_put_contents("{$folder}/file", TEXT);
posix_mkfifo("{$folder}/pipe", 0600);
Co::set(['hook_flags' => SWOOLE_HOOK_ALL]);
foreach ($ways as $name => $run) {
    try {
        $native = $run("cat {$folder}/file; exit 3");
    } catch (ValueError $e) {
        $native = $e->getMessage();
    }
    Co\run(function () use ($name, $run, $native, $folder): void {
        go(function () use ($name, $run, $native, $folder): void {
            try {
                $here = $run($name === 'nothing' ? "cat {$folder}/file; exit 3" : "cat {$folder}/pipe; exit 3");
            } catch (ValueError $e) {
                $here = $e->getMessage();
            }
            same($native, $here, $name);
        });
        // The command ends when this has run.
        if ($name !== 'nothing') {
            file_put_contents("{$folder}/pipe", TEXT);
        }
    });
}
// Many at once.
Co\run(function (): void {
    $done = new Swoole\Coroutine\Channel(10);
    for ($i = 0; $i < 10; $i++) {
        go(fn () => $done->push(shell_exec("echo {$i}") === "{$i}\n"));
    }
    for ($i = 0; $i < 10; $i++) {
        same(true, $done->pop());
    }
});
array_map(unlink(...), ["{$folder}/file", "{$folder}/pipe"]);
rmdir($folder);
echo "ok\n";
?>
--EXPECT--
ok
