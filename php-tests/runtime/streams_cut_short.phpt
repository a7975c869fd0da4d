--TEST--
Hooks: coroutines in streams that are canceled, whose stream another one closes, or that the script leaves
--FILE--
<?php
use Swoole\Coroutine\Channel;
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\{check, same, until};

require __DIR__ . '/../include/bootstrap.php';

/** Ways to wait: each gets both ends of a pair and a server. */
$waits = [
    'read' => fn ($end) => fread($end, 10),
    'line' => fn ($end) => fgets($end),
    'recvfrom' => fn ($end) => stream_socket_recvfrom($end, 10),
    'write' => function ($end) {
        do {
            $written = @fwrite($end, str_repeat('x', 1_000_000));
        } while ($written === 1_000_000);
        return $written;
    },
    'select' => function ($end) {
        [$read, $none] = [[$end], null];
        return stream_select($read, $none, $none, 100);
    },
    'accept' => fn ($end, $server) => @stream_socket_accept($server, 100),
];
foreach ($waits as $name => $wait) {
    foreach (['cancel', 'close'] as $how) {
        Co\run(function () use ($name, $wait, $how): void {
            $pair = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
            $server = stream_socket_server('tcp://127.0.0.1:0');
            $results = new Channel(1);
            $cid = go(fn () => $results->push([$wait($pair[0], $server)]));
            same(true, $results->isEmpty(), "{$name} waits");
            if ($how === 'cancel') {
                same(true, Co::cancel($cid));
            } else {
                fclose($pair[0]);
                fclose($server);
            }
            [$result] = $results->pop(1);
            $expected = match (true) {
                $name === 'write' => $result,
                $name === 'read' && $how === 'close' => $result,
                default => false,
            };
            same($expected, $result, "{$name}, {$how}");
            if ($how === 'cancel') {
                same([false, false], [feof($pair[0]), stream_get_meta_data($pair[0])['timed_out']]);
            }
        });
    }
}

// Two that want the same of the same stream.
$code = <<<'PHP'
    Co\run(function (): void {
        [$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        go(fn () => fread($a, 1));
        go(function () use ($a): void {
            try {
                fread($a, 1);
            } catch (Throwable $e) {
                echo "caught\n";
            }
        });
        echo "not reached\n";
    });
    PHP;
$output = Script::run($code, status: 255);
check(preg_match('/Uncaught Swoole\\\\Error: Socket#\d+ has already been bound to another coroutine#2, reading of the same '
    . 'socket in coroutine#3 at the same time is not allowed in /', $output) === 1, $output);
check(!str_contains($output, 'caught' . "\n") && !str_contains($output, 'not reached'), $output);
check(str_contains($output, '[Coroutine-2] Stack trace:'), $output);

// One reads, one writes.
Co\run(function (): void {
    [$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    $done = new Channel(2);
    go(fn () => $done->push(fread($a, 10)));
    go(fn () => $done->push(fwrite($a, str_repeat('x', 1_000_000))));
    go(fn () => fwrite($b, 'answer'));
    same('answer', $done->pop());
    same(1_000_000, strlen(stream_get_contents($b, 1_000_000)));
    same(1_000_000, $done->pop());
});

// The script ends while they wait.
foreach (['exit(3);' => 255, '@trigger_error("ends", E_USER_ERROR);' => 255, '$object->method();' => 255] as $end => $status) {
    $code = <<<PHP
        class Held
        {
            public function __destruct()
            {
                echo "let go\\n";
            }
        }
        Co\\run(function (): void {
            [\$a, \$b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
            \$server = stream_socket_server('tcp://127.0.0.1:0');
            go(function () use (\$a): void { \$held = new Held(); fread(\$a, 1); echo "not reached\\n"; });
            go(function () use (\$server): void { \$held = new Held(); @stream_socket_accept(\$server); echo "not reached\\n"; });
            go(function () use (\$b): void { \$held = new Held(); \$r = [\$b]; stream_select(\$r, \$r, \$r, 10); sleep(100); echo "not reached\\n"; });
            go(function (): void { \$held = new Held(); sleep(100); echo "not reached\\n"; });
            {$end}
        });
        PHP;
    $output = Script::run($code, status: $status);
    check(!str_contains($output, 'not reached'), $output);
}
echo "done\n";
?>
--EXPECT--
done
