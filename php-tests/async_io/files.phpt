--TEST--
swoole_async_readfile, writefile, read, write: files with callbacks
--FILE--
<?php
use Swoole\{Coroutine, Event, Process};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$folder = sys_get_temp_dir() . '/swoole-test-' . bin2hex(random_bytes(6));
mkdir($folder);
$file = "{$folder}/a";
$content = random_bytes(1_000_000);
$order = [];
same(true, swoole_async_writefile($file, $content, function (string $name, int $length) use ($file, $content, &$order): void {
    same([$file, strlen($content)], [$name, $length]);
    same($content, file_get_contents($file));
    check(Coroutine::getCid() > 0, 'in a coroutine');
    Coroutine::sleep(0.001);
    same(true, swoole_async_readfile($file, function (string $name, string $read) use ($file, $content, &$order): void {
        same([$file, true], [$name, $read === $content]);
        $order[] = 'read';
    }));
    $order[] = 'written';
}));
same([], $order); // not before the loop runs
Event::wait();
same(['written', 'read'], $order);

// In pieces.
$read = '';
$sizes = [];
same(true, swoole_async_read($file, function (string $name, string $part) use (&$read, &$sizes): bool {
    $read .= $part;
    $sizes[] = strlen($part);
    return true;
}, 400_000, 100));
$few = [];
same(true, swoole_async_read($file, function (string $name, string $part) use (&$few): bool {
    $few[] = strlen($part);
    return count($few) < 2;
}));
$large = 0;
same(true, swoole_async_read($file, function (string $name, string $part) use (&$large) {
    $large = max($large, strlen($part));
}, PHP_INT_MAX));
Event::wait();
same(true, $read === substr($content, 100));
same([400_000, 400_000, 199_900, 0], $sizes);
same([65536, 65536], $few);
same(1_000_000, $large);

// Writes to one file are done in the order of the calls.
$b = "{$folder}/b";
$seen = [];
$see = function (string $name, int $length) use (&$seen, $b): void {
    $seen[] = [$length, file_get_contents($b)];
};
swoole_async_writefile($b, 'one', $see);
swoole_async_write($b, 'two', -1, $see);
swoole_async_write($b, 'O', 0, $see);
swoole_async_writefile($b, '!', $see, FILE_APPEND);
swoole_async_write($b, '?', 8, $see);
swoole_async_writefile($b, '', $see);
swoole_async_writefile($b, 'end');
Event::wait();
same([[3, 'one'], [3, 'onetwo'], [1, 'Onetwo'], [1, 'Onetwo!'], [1, "Onetwo!\0?"], [0, '']], $seen);
same('end', file_get_contents($b));
for ($i = 0; $i < 500; $i++) {
    swoole_async_write($b, "{$i};");
    swoole_async_writefile("{$folder}/many{$i}", (string) $i);
}
Event::wait();
same('end' . implode(';', range(0, 499)) . ';', file_get_contents($b));
same(range(0, 499), array_map(fn (int $i): int => (int) file_get_contents("{$folder}/many{$i}"), range(0, 499)));
same([], array_filter(glob('/proc/self/fd/*'), fn ($fd) => str_starts_with((string) @readlink($fd), $folder)), 'open files');

// The limits, and what cannot be opened.
same(true, swoole_async_writefile($b, str_repeat('x', 4 << 20), fn () => swoole_async_readfile($b, function ($name, $read): void {
    same(4 << 20, strlen($read));
})));
Event::wait();
file_put_contents($b, 'x', FILE_APPEND);
posix_mkfifo("{$folder}/fifo", 0600);
foreach ([
    fn () => swoole_async_readfile($b, fn () => 0),
    fn () => swoole_async_writefile($b, str_repeat('x', (4 << 20) + 1)),
    fn () => swoole_async_write($b, str_repeat('x', (4 << 20) + 1)),
    fn () => swoole_async_readfile('/dev/null', fn () => 0),
    fn () => swoole_async_readfile("{$folder}/fifo", fn () => 0),
    fn () => swoole_async_readfile("{$folder}/none", fn () => 0),
    fn () => swoole_async_read($b, fn () => 0, 1, (4 << 20) + 1),
    fn () => swoole_async_read($b, fn () => 0, 1, -1),
    fn () => swoole_async_read("{$folder}/none", fn () => 0),
    fn () => swoole_async_writefile("{$folder}/none/a", ''),
    fn () => swoole_async_write("{$folder}/fifo", ''),
] as $call) {
    same(false, @$call());
}
same("swoole_async_readfile(): open({$folder}/none) failed, Error: No such file or directory[2]",
    (function () use ($folder) {
        @swoole_async_readfile("{$folder}/none", fn () => 0);
        return error_get_last()['message'];
    })());
foreach ([fn () => swoole_async_readfile($b, 'no_such'), fn () => swoole_async_readfile("a\0b", fn () => 0),
    fn () => swoole_async_writefile('', 'a', 1), fn () => swoole_async_write($b, [])] as $call) {
    try {
        @$call();
        echo "no exception\n";
    } catch (TypeError|ValueError) {
    }
}
// A folder opens, and fails later.
swoole_async_set(['log_level' => SWOOLE_LOG_NONE]);
swoole_async_readfile($folder, function (string $name, string $read) use (&$failed): void {
    $failed = [$read, swoole_last_error()];
});
Event::wait();
same(['', SOCKET_EISDIR], $failed);

// What waits at the end of the loop, and in a parent, is not called.
$child = new Process(function (Process $self): void {
    swoole_async_readfile(__FILE__, fn () => $self->exit(7));
    Event::wait();
});
swoole_async_writefile("{$b}2", 'parent', fn () => print("parent\n"));
$child->start();
same(7, Process::wait()['code']);
Event::wait();
array_map(unlink(...), glob("{$folder}/*"));
rmdir($folder);

// exit() and exceptions in callbacks end the script.
swoole_async_readfile(__FILE__, function (): void {
    throw new Exception('from a callback');
});
Event::wait();
echo "not reached\n";
?>
--EXTENSIONS--
posix
sockets
--EXPECTF--
parent
%aUncaught Exception: from a callback in %s
%A
