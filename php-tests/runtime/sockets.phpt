--TEST--
Hooks: PHP's sockets extension on coroutine sockets: modes, errors, time limits, sockets of PHP's own
--EXTENSIONS--
sockets
--FILE--
<?php
use Swoole\Coroutine\Socket;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

function fails(string $class, string $message, callable $call): void
{
    try {
        $call();
    } catch (Throwable $thrown) {
        same([$class, $message], [$thrown::class, $thrown->getMessage()]);
        return;
    }
    check(false, "nothing was thrown instead of {$message}");
}

$outside = socket_create(AF_INET, SOCK_STREAM, 0);
Swoole\Runtime::setHookFlags(SWOOLE_HOOK_SOCKETS);
check($outside instanceof \Socket && socket_create(AF_INET, SOCK_STREAM, 0) instanceof \Socket, 'PHP\'s own outside');

Co\run(function () use ($outside): void {
    // both kinds side by side
    check(socket_bind($outside, '127.0.0.1') && socket_listen($outside), 'PHP\'s own go on');
    socket_getsockname($outside, $host, $port);
    $ours = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
    check($ours instanceof Socket, 'ours');
    check($ours instanceof \Socket, 'which goes where a script asks for PHP\'s');
    foreach (['socket_sendmsg' => [[]], 'socket_recvmsg' => [&$message], 'socket_export_stream' => []] as $function => $rest) {
        fails(
            TypeError::class,
            "{$function}(): Argument #1 (\$socket) must be of type Socket, Swoole\\Coroutine\\Socket given",
            fn () => $function($ours, ...$rest),
        );
    }
    check(socket_connect($ours, 'localhost', $port), 'connected');
    $peer = socket_accept($outside);
    check($peer instanceof \Socket, 'as its server');
    same(5, socket_write($ours, 'hello'));
    same('hello', socket_read($peer, 10));

    // lines and parts
    socket_write($peer, "one\rtwo\nthree");
    same("one\r", socket_read($ours, 100, PHP_NORMAL_READ));
    same(3, socket_recv($ours, $data, 3, MSG_PEEK));
    same('tw', socket_read($ours, 2, PHP_NORMAL_READ));
    same("o\n", socket_read($ours, 100, PHP_NORMAL_READ));
    same(5, socket_recv($ours, $data, 100, 0));
    same('three', $data);
    same(false, socket_read($ours, 0));
    same([2, 0, 3], [socket_write($ours, 'abc', 2), socket_write($ours, 'abc', 0), socket_send($ours, 'abc', 9, 0)]);
    same('ababc', socket_read($peer, 10));

    // at once
    same(0, socket_last_error($ours));
    same(false, socket_recv($ours, $data, 10, MSG_DONTWAIT));
    same([null, SOCKET_EAGAIN, SOCKET_EAGAIN], [$data, socket_last_error($ours), socket_last_error()]);
    socket_clear_error();
    same([0, SOCKET_EAGAIN], [socket_last_error(), socket_last_error($ours)]);
    socket_clear_error($ours);
    same(0, socket_last_error($ours));
    check(socket_set_nonblock($ours), 'nonblocking');
    same([false, SOCKET_EAGAIN], [socket_read($ours, 10), socket_last_error($ours)]);
    $listening = socket_create_listen(0);
    socket_set_nonblock($listening);
    same([false, SOCKET_EAGAIN], [socket_accept($listening), socket_last_error($listening)]);
    socket_getsockname($listening, $host, $port);
    same('0.0.0.0', $host);
    $client = socket_create(AF_INET, SOCK_STREAM, 0);
    socket_set_nonblock($client);
    check(socket_connect($client, '127.0.0.1', $port) || socket_last_error($client) === SOCKET_EINPROGRESS, 'connecting');
    [$read, $write, $except] = [[], ['client' => $client], null];
    same([1, ['client' => $client]], [socket_select($read, $write, $except, 5), $write]);
    same(0, socket_get_option($client, SOL_SOCKET, SO_ERROR));
    socket_set_block($listening);
    $accepted = socket_accept($listening);
    socket_set_block($client);
    socket_write($accepted, 'welcome');
    same('welcome', socket_read($client, 10));
    check(socket_getpeername($accepted, $host, $peer_port) && socket_getsockname($client, $host2, $own_port), 'names');
    same([$host, $peer_port], [$host2, $own_port]);

    // time limits; others run meanwhile
    check(socket_set_option($client, SOL_SOCKET, SO_RCVTIMEO, ['sec' => 0, 'usec' => 20000]), 'a limit');
    same(['sec' => 0, 'usec' => 20000], socket_get_option($client, SOL_SOCKET, SO_RCVTIMEO));
    $ran = false;
    go(function () use (&$ran): void {
        Co::sleep(0.001);
        $ran = true;
    });
    same([false, SOCKET_ETIMEDOUT], [socket_read($client, 10), socket_last_error($client)]);
    check($ran, 'others ran');
    socket_write($accepted, 'abc');
    same([3, 'abc'], [socket_recv($client, $data, 10, MSG_WAITALL), $data]);
    check(socket_setopt($client, SOL_SOCKET, SO_RCVTIMEO, ['sec' => 0, 'usec' => 0]), 'none again');
    same(['sec' => 0, 'usec' => 0], socket_getopt($client, SOL_SOCKET, SO_RCVTIMEO));
    same(SOCK_STREAM, socket_get_option($client, SOL_SOCKET, SO_TYPE));

    // several at once, of both kinds, and somebody who reads one of them
    [$read, $write, $except] = [['a' => $client, 'b' => $peer, $accepted], [], [$client]];
    same([0, [], []], [socket_select($read, $write, $except, 0, 1000), $read, $except]);
    go(function () use ($client, $accepted): void {
        same('first', socket_read($client, 5));
        socket_write($accepted, 'second');
    });
    go(function () use ($accepted): void {
        Co::sleep(0.001);
        socket_write($accepted, 'first');
    });
    do {
        $read = ['a' => $client, 'b' => $peer];
        same([1, ['a' => $client]], [socket_select($read, $write, $except, null), $read]);
        Co::sleep(0.001);
    } while (socket_recv($client, $data, 10, MSG_PEEK | MSG_DONTWAIT) !== 6);
    same('second', socket_read($client, 10));
    fails(TypeError::class, 'socket_select(): Argument #1 ($read) must only have elements of type Socket, string given', function () use ($client): void {
        $read = ['x', $client];
        $none = null;
        socket_select($read, $none, $none, 0);
    });

    // closed by another coroutine
    go(function () use ($client): void {
        socket_close($client);
    });
    same(false, socket_read($client, 10));
    same([false, SOCKET_EBADF], [socket_write($client, 'x'), socket_last_error()]);
    same(false, socket_set_block($client));

    // errors
    $socket = socket_create(AF_INET, SOCK_STREAM, 0);
    same([false, SOCKET_EADDRNOTAVAIL], [socket_bind($socket, '192.0.2.1'), socket_last_error($socket)]);
    same([false, SOCKET_ENOTCONN], [socket_read($socket, 1), socket_last_error($socket)]);
    same([false, SOCKET_ENOTCONN], [socket_shutdown($socket), socket_last_error($socket)]);
    same([false, SOCKET_EINVAL], [socket_shutdown($socket, 9), socket_last_error($socket)]);
    same([false, SOCKET_ENOTCONN], [socket_getpeername($socket, $host), socket_last_error($socket)]);
    same([false, SOCKET_ENOPROTOOPT], [@socket_set_option($socket, SOL_TCP, 9999, 1), socket_last_error($socket)]);
    same([false, SOCKET_EADDRINUSE], [socket_create_listen($port), socket_last_error()]);
    $unix = socket_create(AF_UNIX, SOCK_STREAM, 0);
    same([false, SOCKET_ENOENT], [socket_connect($unix, '/nonexistent'), socket_last_error()]);
    same([false, SOCKET_EOPNOTSUPP], [@socket_create_pair(AF_INET, SOCK_STREAM, 0, $pair), socket_last_error()]);
    fails(ValueError::class, 'socket_create(): Argument #1 ($domain) must be one of AF_UNIX, AF_INET6, or AF_INET', fn () => socket_create(99, SOCK_STREAM, 0));
    fails(ValueError::class, 'socket_write(): Argument #3 ($length) must be greater than or equal to 0', fn () => socket_write($socket, 'x', -1));
    fails(ValueError::class, 'socket_read(): Argument #3 ($mode) must be either PHP_BINARY_READ or PHP_NORMAL_READ', fn () => socket_read($socket, 1, 5));
    fails(TypeError::class, 'socket_read(): Argument #2 ($length) must be of type int, string given', fn () => socket_read($socket, 'x'));
    fails(TypeError::class, 'socket_read(): Argument #1 ($socket) must be of type Socket, string given', fn () => socket_read('x', 1));
    fails(ArgumentCountError::class, 'Too few arguments to function swoole_socket_read(), 1 passed and at least 2 expected', fn () => socket_read($socket));

    // a stream
    $stream = stream_socket_client("tcp://127.0.0.1:{$port}");
    $imported = socket_import_stream($stream);
    check($imported instanceof Socket, 'imported');
    $accepted = socket_accept($listening);
    socket_write($accepted, 'to the stream');
    same('to the stream', socket_read($imported, 100));
});
echo "ok\n";
?>
--EXPECT--
ok
