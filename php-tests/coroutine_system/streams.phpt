--TEST--
Swoole\Coroutine\System: fread, fwrite and fgets of files, pipes and sockets
--FILE--
<?php
use Swoole\Coroutine;
use Swoole\Coroutine\System;
use function Swoole\Coroutine\run;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

run(function (): void {
    $file = tmpfile();
    same(6, System::fwrite($file, 'line 1'));
    same(3, System::fwrite($file, "\nabcdef", 3));
    same(0, System::fwrite($file, ''));
    rewind($file);
    same("line 1\n", System::fgets($file));
    same('a', System::fread($file, 1));
    same('b', System::fread($file));
    same('', System::fread($file));
    same('', System::fgets($file));
    check(feof($file), 'the end');
    ftruncate($file, 0);
    rewind($file);
    $long = str_repeat('x', 200_000);
    same(200_000, System::fwrite($file, $long));
    rewind($file);
    same(8192, strlen(System::fgets($file)));
    same(200_000 - 8192, strlen(System::fread($file)));

    // Descriptors that are waited for.
    [$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    $order = [];
    $reader = Coroutine::create(function () use ($b, &$order): void {
        $order[] = System::fgets($b);
        $bytes = 0;
        while (($part = System::fread($b)) !== '') {
            $bytes += strlen($part);
        }
        $order[] = $bytes;
    });
    $order[] = 'before';
    fwrite($a, "hello\n");
    same(2_000_000, System::fwrite($a, str_repeat('y', 2_000_000)));
    fclose($a);
    Coroutine::join([$reader]);
    same(['before', "hello\n", 2_000_000], $order);

    // Closed by another one meanwhile; canceled.
    [$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    $canceled = Coroutine::create(function () use ($b): void {
        same(false, System::fread($b));
        same(SWOOLE_ERROR_CO_CANCELED, swoole_last_error());
    });
    same(true, Coroutine::cancel($canceled));
    $file = tmpfile();
    $closed = Coroutine::create(function () use ($file): void {
        try {
            System::fread($file);
            echo "no exception\n";
        } catch (TypeError) {
        }
    });
    fclose($file);
    Coroutine::join([$closed]);
    foreach ([fn () => System::fread($file), fn () => System::fwrite($file, ''), fn () => System::fgets(7),
        fn () => System::fgets(stream_context_create())] as $call) {
        try {
            $call();
            echo "no exception\n";
        } catch (TypeError) {
        }
    }
});
echo "ok\n";
?>
--EXPECT--
ok
