--TEST--
Each file in examples/ runs and does what it says
--FILE--
<?php
use SwooleRs\Tests\{Client, Ports, Script};
use function SwooleRs\Tests\{check, same, until};

require __DIR__ . '/../include/bootstrap.php';

$examples = [
    'echo' => function (Script $script, Closure $connect): void {
        same('hello', $connect()->send('hello')->read(5));
        $script->expectOutput('/connection 1 from 127\.0\.0\.1/');
        $script->expectOutput('/connection 1 closed/');
    },
    'callback_styles' => function (Script $script, Closure $connect): void {
        $client = $connect();
        same("Welcome, client 1.\n", $client->read(19));
        same("You said: hi\n", $client->send("hi\n")->read(13));
        $client->close();
        $script->expectOutput('/Client 1 has left; 1 so far in worker 0/');
    },
    'chat' => function (Script $script, Closure $connect): void {
        // Who joins while somebody else's line is on its way may see that line, too.
        $expect = function (Client $client, string $expected): void {
            do {
                for ($line = ''; !str_ends_with($line, "\n"); $line .= $client->read(1)) {
                }
            } while ($line !== $expected);
        };
        $one = $connect();
        $expect($one, "You are 1.\n");
        $two = $connect();
        $expect($two, "You are 2.\n");
        $expect($one, "2 has come.\n");
        $one->send('hel');
        $one->send("lo\n/who\n");
        $expect($two, "1: hello\n");
        $expect($one, "2\n");
        $two->send("/quit\n");
        same("Bye.\n", $two->readAll());
        $expect($one, "2 has gone.\n");
        $one->send(str_repeat('x', 5000));
        same("This line is too long.\n", $one->readAll());
    },
    'variables' => function (Script $script, Closure $connect): void {
        $client = $connect();
        $client->send("one\n")->readSome();
        same(['your messages' => ['one', 'two'], 'bytes of all' => 8, 'last client' => 1, 'server started' => true],
            json_decode($client->send("two\n")->readSome(), true));
        same(['other'], json_decode($connect()->send("other\n")->readSome(), true)['your messages']);
    },
    'worker_resources' => function (Script $script, Closure $connect): void {
        same("<?php\n", $connect()->send('x')->readSome());
        $pid = (int) $script->expectOutput('/\(pid (\d+)\)/')[1];
        posix_kill($pid, SIGUSR1);
        until(fn (): bool => substr_count($script->output(), 'has opened its own connection') === 4, 'all workers are new');
        same("<?php\n", $connect()->send('x')->readSome());
    },
];
$files = array_map(fn (string $file) => basename($file, '.php'), glob(__DIR__ . '/../../examples/*.php'));
sort($files);
$tested = array_keys($examples);
sort($tested);
same($files, $tested, 'examples that there are and examples that are tested');

foreach ($examples as $name => $test) {
    foreach (['process', 'base'] as $mode) {
        $port = Ports::take();
        $script = new Script(__DIR__ . "/../../examples/{$name}.php", ['127.0.0.1', (string) $port, $mode], is_file: true);
        try {
            $script->expectOutput('/Serving on 127\.0\.0\.1:' . $port . '/');
            $test($script, fn (): Client => new Client('127.0.0.1', $port));
            $script->signal(SIGTERM);
            $script->expectExit();
            check(preg_match('/Warning|Notice|Deprecated|Fatal|ERROR/', $script->output()) === 0, $script->output());
        } catch (Throwable $error) {
            echo "{$name} {$mode}: {$error->getMessage()}\n{$script->output()}\n";
        } finally {
            $script->discard();
        }
    }
}
echo "ok\n";
?>
--EXPECT--
ok
