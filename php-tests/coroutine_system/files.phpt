--TEST--
Swoole\Coroutine\System: whole files, file systems, and streams, while other coroutines run
--FILE--
<?php
use Swoole\Coroutine;
use Swoole\Coroutine\System;
use function Swoole\Coroutine\run;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

swoole_async_set(['log_level' => SWOOLE_LOG_NONE]);
$folder = sys_get_temp_dir() . '/swoole-test-' . bin2hex(random_bytes(6));
mkdir($folder);
$file = "{$folder}/a";
run(function () use ($folder, $file): void {
    $content = random_bytes(3_000_000);
    $others = 0;
    Coroutine::create(function () use (&$others): void {
        for (;;) {
            if (System::sleep(0.001) === false) {
                return;
            }
            $others++;
        }
    });
    $ticker = Coroutine::getCid() + 1;
    same(strlen($content), System::writeFile($file, $content));
    same($content, file_get_contents($file));
    same(3, System::writeFile($file, 'end', FILE_APPEND));
    same($content . 'end', System::readFile($file));
    same(0, System::writeFile($file, ''));
    same('', System::readFile($file));
    same(1, System::writeFile($file, 'x', LOCK_EX));
    same('x', System::readFile($file, LOCK_EX));
    check(str_contains(System::readFile('/proc/self/status'), 'Pid:'), 'a file without a size');
    System::sleep(0.01);
    check($others > 0, 'others have run');
    Coroutine::cancel($ticker);

    // A lock that another one holds is waited for, by this coroutine alone.
    $holder = fopen($file, 'c');
    flock($holder, LOCK_EX);
    $order = [];
    $waiter = Coroutine::create(function () use ($file, &$order): void {
        $order[] = 'waits';
        same(2, System::writeFile($file, 'yz', LOCK_EX));
        $order[] = 'wrote';
    });
    System::sleep(0.01);
    $order[] = 'gives up';
    same('x', file_get_contents($file));
    flock($holder, LOCK_UN);
    Coroutine::join([$waiter]);
    same(['waits', 'gives up', 'wrote'], $order);
    same('yz', file_get_contents($file));

    // What goes wrong.
    foreach ([
        [fn () => System::readFile("{$folder}/none"), SOCKET_ENOENT],
        [fn () => System::readFile($folder), SOCKET_EISDIR],
        [fn () => System::writeFile("{$folder}/none/a", 'x'), SOCKET_ENOENT],
        [fn () => System::writeFile($folder, 'x'), SOCKET_EISDIR],
        [fn () => System::statvfs("{$folder}/none"), SOCKET_ENOENT],
    ] as [$call, $errno]) {
        swoole_clear_error();
        same(false, $call());
        same($errno, swoole_last_error());
        same($errno, swoole_errno());
    }
    symlink($file, "{$folder}/link");
    same(false, System::writeFile("{$folder}/link", 'x'), 'a symbolic link');
    foreach ([fn () => System::readFile(''), fn () => System::writeFile('', 'x'), fn () => System::statvfs(''),
        fn () => System::readFile("a\0b"), fn () => System::writeFile("a\0b", '')] as $call) {
        try {
            $call();
            echo "no exception\n";
        } catch (ValueError) {
        }
    }

    $stat = System::statvfs($folder);
    same(['bsize', 'frsize', 'blocks', 'bfree', 'bavail', 'files', 'ffree', 'favail', 'fsid', 'flag', 'namemax'],
        array_keys($stat));
    check($stat['bsize'] > 0 && $stat['namemax'] > 0, 'plausible');

    // Many at once: more than threads.
    $done = new Coroutine\WaitGroup;
    for ($i = 0; $i < 300; $i++) {
        $done->add();
        Coroutine::create(function () use ($folder, $i, $done): void {
            same(strlen("content {$i}"), System::writeFile("{$folder}/many{$i}", "content {$i}"));
            same("content {$i}", System::readFile("{$folder}/many{$i}"));
            $done->done();
        });
    }
    $done->wait();
});
// Outside of a coroutine this is what works.
check(System::statvfs('/')['bsize'] > 0, 'statvfs');
array_map(unlink(...), glob("{$folder}/*"));
rmdir($folder);
echo "ok\n";
?>
--EXTENSIONS--
sockets
--EXPECT--
ok
