--TEST--
Hooks: the address that a stream connects from, with an address and a port, or a port only
--FILE--
<?php
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

/** A port that was free a moment ago. */
function free_port(): int
{
    return (int) explode(':', stream_socket_get_name(stream_socket_server('tcp://127.0.0.1:0'), false))[1];
}

Co::set(['hook_flags' => SWOOLE_HOOK_ALL]);
Co\run(function (): void {
    $server = stream_socket_server('tcp://127.0.0.1:0');
    $name = stream_socket_get_name($server, false);
    foreach (['127.0.0.1', '0'] as $from) {
        $port = free_port();
        $options = ['socket' => ['bindto' => "{$from}:{$port}"]];
        $context = stream_context_create($options);
        $client = stream_socket_client("tcp://{$name}", timeout: 5, context: $context);
        same("127.0.0.1:{$port}", stream_socket_get_name($client, false));
        stream_socket_accept($server, 5, $peer);
        same("127.0.0.1:{$port}", $peer);
        same($options, stream_context_get_options($context));
    }
    // An address of nobody here.
    $context = stream_context_create(['socket' => ['bindto' => '192.0.2.1:0']]);
    $client = @stream_socket_client("tcp://{$name}", timeout: 5, context: $context);
    check(str_contains(error_get_last()['message'], "Failed to bind to '192.0.2.1:0'"), error_get_last()['message']);
});
echo "ok\n";
?>
--EXPECT--
ok
