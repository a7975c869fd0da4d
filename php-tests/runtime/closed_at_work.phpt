--TEST--
Hooks: a file that is closed while coroutines are inside of its operations
--FILE--
<?php
use Swoole\Coroutine\Channel;
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$path = sys_get_temp_dir() . '/swoole_rs_closed_' . getmypid();
file_put_contents($path, str_repeat("line\n", 100_000));

// In a coroutine: closing waits until what a thread does is done.
Co\run(function () use ($path): void {
    $told = new Channel(10);
    $file = fopen($path, 'r');
    go(fn () => $told->push(strlen(fread($file, 5000))));
    go(fn () => $told->push(fclose($file)));
    same([5000, true], [$told->pop(), $told->pop()], 'reading');

    // Who reads more than once is at the end of the file.
    $file = fopen($path, 'r');
    go(fn () => $told->push(strlen(stream_get_contents($file))));
    go(fn () => $told->push(fclose($file)));
    $read = $told->pop();
    check($read > 0 && $read < 500_000, "{$read} bytes");
    same(true, $told->pop());

    $file = fopen("{$path}.written", 'w');
    go(fn () => $told->push(fwrite($file, str_repeat('x', 300_000))));
    go(fn () => $told->push([fclose($file), filesize("{$path}.written")]));
    $first = $told->pop();
    same([300_000, [true, 300_000]], [$first, $told->pop()], 'writing');

    $file = fopen("{$path}.written", 'w');
    fwrite($file, 'x');
    go(fn () => $told->push(fsync($file)));
    go(fn () => $told->push(fclose($file)));
    same([true, true], [$told->pop(), $told->pop()], 'syncing');

    // A lock may never come.
    $holder = fopen($path, 'r');
    flock($holder, LOCK_EX);
    $file = fopen($path, 'r');
    go(fn () => $told->push(flock($file, LOCK_EX)));
    go(fn () => $told->push(fclose($file)));
    same([false, true], [$told->pop(), $told->pop()], 'locking');
    fclose($holder);
});

// Outside of coroutines closing waits for nobody, and each goes on at once.
$told = [];
$file = fopen($path, 'r');
$written = fopen("{$path}.written", 'w');
$holder = fopen($path, 'r');
flock($holder, LOCK_EX);
$locked = fopen($path, 'r');
Swoole\Runtime::enableCoroutine(SWOOLE_HOOK_ALL);
go(function () use ($file, &$told): void { $told['read'] = strlen(fread($file, 5000)); });
go(function () use ($written, &$told): void { $told['written'] = @fwrite($written, 'x'); });
go(function () use ($locked, &$told): void { $told['locked'] = flock($locked, LOCK_EX); });
same([], $told, 'all wait');
same([true, true, true], [fclose($file), fclose($written), fclose($locked)]);
same(['read' => 5000, 'written' => false, 'locked' => false], $told);
fclose($holder);
Swoole\Event::wait();
Swoole\Runtime::enableCoroutine(0);

// The script ends while others wait, and a destructor or a shutdown function closes their file.
foreach (['exit(3);', 'throw new Exception("ends");', 'trigger_error("ends", E_USER_ERROR);'] as $end) {
    $code = <<<'PHP'
        $path = $argv[1];
        class Closes { public $files; function __destruct() { array_map(fclose(...), $this->files); echo "closed\n"; } }
        Swoole\Runtime::enableCoroutine(SWOOLE_HOOK_ALL);
        $holder = fopen($path, 'r');
        flock($holder, LOCK_EX);
        $object = new Closes;
        $object->files = $files = [fopen($path, 'r'), fopen($path, 'r'), fopen("{$path}.written", 'w')];
        go(fn () => flock($files[0], LOCK_EX));
        go(fn () => fread($files[1], 5000));
        go(fn () => fwrite($files[2], 'x'));
        unset($files);
        PHP . "\n";
    $closed_in_coroutine = $code;
    // Otherwise the end waits for the lock.
    $code .= "Swoole\\Timer::after(20, fn () => Swoole\\Event::exit());\n";
    Script::run($code . $end, [$path], $end === 'exit(3);' ? 3 : 255);
    Script::run(str_replace('class', 'register_shutdown_function(function () { array_map(fclose(...), $GLOBALS["object"]->files); $GLOBALS["object"]->files = []; }); class', $code) . $end,
        [$path], $end === 'exit(3);' ? 3 : 255);
    // In a coroutine.
    Script::run("{$closed_in_coroutine} go(function () { \$own = new Closes; \$own->files = \$GLOBALS['object']->files; \$GLOBALS['object']->files = []; {$end} });",
        [$path], 255);
}
unlink($path);
unlink("{$path}.written");
echo "ok\n";
?>
--EXPECT--
ok
