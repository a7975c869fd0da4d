--TEST--
Hooks: a second reader of a stream is refused before it touches what the first one has
--FILE--
<?php
use Swoole\Coroutine\Channel;
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$path = sys_get_temp_dir() . '/swoole_rs_readers_' . getmypid();
file_put_contents($path, str_repeat("line\n", 100_000));

// What is there at once makes no difference; nor does it that the second one is no coroutine.
$open = [
    'file' => '$f = $g = fopen($argv[1], "r"); $more = fn () => null;',
    'pair' => '[$f, $g] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0); $more = fn () => fwrite($g, "x");',
];
foreach ($open as $name => $opened) {
    foreach (['go(function () use ($f) { fread($f, 5000); });', 'Swoole\Runtime::enableCoroutine(0); go(function () use ($f) { fread($f, 5000); });', 'fgets($f);'] as $second) {
        $code = "Swoole\Runtime::enableCoroutine(SWOOLE_HOOK_ALL); {$opened} go(fn () => fgets(\$f)); \$more(); {$second} echo \"not reached\\n\";";
        $output = Script::run($code, [$path], 255);
        $cid = $second === 'fgets($f);' ? '-1' : '2';
        check(preg_match("/Socket#\d+ has already been bound to another coroutine#1, reading of the same socket in coroutine#{$cid} at/", $output) === 1
            && !str_contains($output, 'not reached'), "{$name}, {$second}: {$output}");
    }
}

Co\run(function () use ($path): void {
    // One after the other is no mistake.
    $told = new Channel(1);
    $file = fopen($path, 'r');
    for ($i = 0; $i < 10; $i++) {
        go(fn () => $told->push(fgets($file)));
        same("line\n", $told->pop());
    }
    // Writing empties what has been read ahead, while another coroutine reads on.
    $file = fopen($path, 'r+');
    for ($i = 0; $i < 50; $i++) {
        fseek($file, 0);
        fread($file, 3000);
        go(fn () => $told->push(strlen(stream_get_contents($file, 20_000))));
        fwrite($file, 'line');
        check($told->pop() > 0, 'something was read');
    }
    // A filter that is added moves it.
    [$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    fwrite($b, 'begun');
    $line = new Channel(1);
    go(fn () => $line->push(fgets($a)));
    stream_filter_append($a, 'string.toupper', STREAM_FILTER_READ);
    fwrite($b, str_repeat('x', 20_000) . "\n");
    fclose($b);
    same(20_006, strlen($line->pop()));
    // Many writers.
    $file = fopen($path, 'w');
    $done = new Channel(100);
    for ($i = 0; $i < 100; $i++) {
        go(fn () => $done->push(fwrite($file, str_repeat('x', 1000))));
    }
    for ($i = 0; $i < 100; $i++) {
        same(1000, $done->pop());
    }
    same([100_000, true], [ftell($file), fclose($file)]);
    same(100_000, filesize($path));
});
unlink($path);
echo "ok\n";
?>
--EXPECT--
ok
