--TEST--
Hooks: files, pipes and standard input let other coroutines run
--FILE--
<?php
use Swoole\Coroutine\Channel;
use Swoole\Runtime;
use SwooleRs\Tests\TestServer;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$folder = sys_get_temp_dir() . '/swoole_rs_files_' . getmypid();
mkdir($folder);

/** Runs and tells whether another coroutine ran meanwhile. */
function switches(callable $call): bool
{
    $switched = false;
    $done = false;
    Swoole\Event::defer(function () use (&$switched, &$done): void {
        $switched = !$done;
    });
    $call();
    $done = true;
    Co::sleep(0.001);
    return $switched;
}

/** What PHP says of a file, step by step. */
function story(string $path): array
{
    $said = [];
    $file = fopen($path, 'w+');
    $said[] = fwrite($file, "one\ntwo\n" . str_repeat('x', 100_000) . "\nlast");
    $said[] = [ftell($file), fflush($file), fsync($file), fdatasync($file), rewind($file)];
    $said[] = [fgets($file), fgets($file), strlen(fgets($file)), fgets($file), fgets($file), feof($file)];
    $said[] = [fseek($file, -4, SEEK_END), fread($file, 100), fread($file, 1), ftruncate($file, 4), fstat($file)['size']];
    $said[] = [flock($file, LOCK_EX), flock($file, LOCK_SH), flock($file, LOCK_UN), fclose($file)];
    $said[] = [file_put_contents($path, ['a', 'b'], FILE_APPEND | LOCK_EX), file_get_contents($path), file($path), filesize($path)];
    $read_only = fopen($path, 'r');
    $said[] = [@fwrite($read_only, 'x'), error_get_last()['message'] ?? null, stream_get_contents($read_only, 2, 1)];
    $said[] = [@fopen("{$path}/none", 'r'), error_get_last()['message'] ?? null];
    $said[] = [@file_put_contents('/dev/full', 'x'), error_get_last()['message'] ?? null];
    $said[] = [strlen(fread(fopen('/dev/zero', 'r'), 10)), fread(fopen('/dev/null', 'r'), 10)];
    $said[] = [copy($path, "{$path}2"), rename("{$path}2", "{$path}3"), unlink("{$path}3"), scandir(dirname($path))];
    return $said;
}

$native = story("{$folder}/file");
Co\run(function () use ($native, $folder): void {
    foreach ($native as $step => $said) {
        same($said, ($hooked ??= story("{$folder}/file"))[$step], "step {$step}");
    }
    $path = "{$folder}/file";
    check(switches(fn () => file_get_contents($path)), 'reading waits');
    check(switches(fn () => file_put_contents($path, 'x')), 'writing waits');
    $file = fopen($path, 'w');
    check(switches(fn () => fwrite($file, 'x')), 'writing waits');
    check(switches(fn () => fsync($file)), 'syncing waits');
    file_put_contents("{$folder}/included.php", '<?php return 1;');
    check(!switches(fn () => require "{$folder}/included.php"), 'including does not');
    Runtime::enableCoroutine(SWOOLE_HOOK_ALL ^ SWOOLE_HOOK_FILE ^ SWOOLE_HOOK_STDIO);
    check(!switches(fn () => file_get_contents($path)), 'the hook is off');
    check(switches(fn () => fopen("async.file://{$path}", 'r')), 'asked for by name');
    Runtime::enableCoroutine();

    // Locks.
    [$first, $second] = [fopen($path, 'w'), fopen($path, 'w')];
    $order = [];
    flock($first, LOCK_EX);
    go(function () use ($first, &$order): void {
        Co::sleep(0.005);
        $order[] = 'gives it back';
        flock($first, LOCK_UN);
    });
    same(false, flock($second, LOCK_EX | LOCK_NB, $would_block));
    same(1, $would_block);
    same(true, flock($second, LOCK_EX));
    $order[] = 'gets it';
    same(['gives it back', 'gets it'], $order);
    $waiter = go(function () use ($first, &$order): void {
        $order[] = flock($first, LOCK_EX);
    });
    Co::cancel($waiter);
    same(false, end($order));

    // Named pipes: opening waits for the other end, reading for data.
    posix_mkfifo("{$folder}/pipe", 0600);
    $read = new Channel(1);
    go(function () use ($folder, $read): void {
        $pipe = fopen("{$folder}/pipe", 'r');
        while (($line = fgets($pipe)) !== false) {
            $read->push($line);
        }
        $read->push(feof($pipe));
    });
    $pipe = fopen("{$folder}/pipe", 'w');
    foreach (["first\n", "second\n"] as $line) {
        same(true, $read->isEmpty());
        fwrite($pipe, $line);
        same($line, $read->pop());
    }
    fclose($pipe);
    same(true, $read->pop());
});
// More than a pipe holds.
Co\run(function () use ($folder): void {
    $data = random_bytes(1_000_000);
    $got = new Channel(1);
    go(function () use ($folder, $got): void {
        $pipe = fopen("{$folder}/pipe", 'r');
        $got->push(stream_get_contents($pipe));
    });
    $pipe = fopen("{$folder}/pipe", 'w');
    same(strlen($data), fwrite($pipe, $data));
    fclose($pipe);
    check($got->pop() === $data, 'all of it came');
});
// Commands of the shell: their output is read from a pipe.
Co\run(function () use ($folder): void {
    go(fn () => file_put_contents("{$folder}/pipe", "hello\n")); // waits for the command, which waits for it
    same("hello\n", shell_exec("cat {$folder}/pipe"));
    same('last', exec('echo first; sleep 0.01; echo last', $lines, $status));
    same([['first', 'last'], 0], [$lines, $status]);
    $pipe = popen('sleep 0.01; echo hello', 'r');
    same("hello\n", fgets($pipe));
    same(0, pclose($pipe));
});

// Standard input.
$code = <<<'PHP'
    Co\run(function (): void {
        go(function (): void {
            echo 'read ' . fgets(STDIN);
            echo 'end ', var_export(fgets(fopen('php://stdin', 'r')), true), "\n";
        });
        Co::sleep(0.001);
        echo "others run\n";
    });
    PHP;
$script = "{$folder}/script";
file_put_contents($script, "<?php\n{$code}");
$process = proc_open([...TestServer::interpreter(), $script], [['pipe', 'r'], ['pipe', 'w']], $pipes);
same("others run\n", fgets($pipes[1]));
fwrite($pipes[0], "input\n");
same("read input\n", fgets($pipes[1]));
fclose($pipes[0]);
same("end false\n", fgets($pipes[1]));
proc_close($process);

array_map('unlink', glob("{$folder}/*"));
rmdir($folder);
echo "done\n";
?>
--EXPECT--
done
