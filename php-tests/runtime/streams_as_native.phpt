--TEST--
Hooks: streams of sockets say and do in a coroutine what PHP's own do outside of one
--FILE--
<?php
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

/** What happens, step by step: results, metadata, PHP's messages. */
function story(): array {
    $log = [];
    $say = function (string $what, ...$v) use (&$log) { foreach ($v as &$x) { if (is_resource($x) || is_object($x)) $x = get_debug_type($x); } $log[] = $what . ': ' . json_encode($v); };
    set_error_handler(function ($no, $msg) use (&$say) { $say('error', $no, preg_replace('/:\d{4,5}/', ':PORT', $msg)); return true; });
    $meta = fn ($s) => (fn ($m) => [$m['timed_out'], $m['blocked'], $m['eof'], $m['unread_bytes'], $m['mode'], $m['stream_type']])(stream_get_meta_data($s));
    $server = stream_socket_server('tcp://127.0.0.1:0', $no, $str);
    $name = stream_socket_get_name($server, false);
    $c = stream_socket_client("tcp://{$name}", $no, $str, 2);
    $say('connect', $no, $str, $meta($c));
    $s = stream_socket_accept($server, 2, $peer);
    $say('accept', $peer === stream_socket_get_name($c, false), $meta($s));
    stream_set_timeout($s, 0, 20000);
    $say('read timeout', fread($s, 10), $meta($s), feof($s));
    $say('fgets timeout', fgets($s), $meta($s), feof($s));
    $say('write', fwrite($c, "one\ntwo\nthree"));
    $say('read', fgets($s), $meta($s), feof($s), fgets($s), fgets($s), $meta($s));
    $say('write2', fwrite($c, "abcdef"));
    $say('getc', fgetc($s), fread($s, 2), stream_get_contents($s, 2), $meta($s));
    $say('contents timeout', stream_get_contents($s), $meta($s));
    $say('line timeout', stream_get_line($s, 100, "\r\n"), $meta($s));
    stream_set_blocking($s, false);
    $say('nonblocking', fread($s, 10), fgets($s), $meta($s), feof($s));
    fwrite($c, str_repeat('x', 20000));
    $got = 0; while ($got < 20000) { $d = fread($s, 8192); $got += strlen($d); }
    $say('many', $got);
    stream_set_blocking($s, true);
    $say('recvfrom', fwrite($c, "peekme"), stream_socket_recvfrom($s, 4, STREAM_PEEK), stream_socket_recvfrom($s, 100, 0, $from), $from);
    $say('sendto', stream_socket_sendto($s, 'fromserver'), fread($c, 100));
    $say('shutdown', stream_socket_shutdown($c, STREAM_SHUT_WR), fread($s, 10), feof($s), $meta($s), fread($s, 10), fgets($s));
    $say('half', fwrite($s, 'bye'), fclose($s), stream_get_contents($c), feof($c), $meta($c));
    $say('write to closed', fwrite($c, 'x'));
    usleep(10000);
    $say('again', fwrite($c, 'y'), $meta($c));
    fclose($c);
    $say('accept timeout', stream_socket_accept($server, 0.05));
    $say('accept zero', @stream_socket_accept($server, 0));
    fclose($server);
    $say('refused', stream_socket_client("tcp://{$name}", $no, $str, 1), $no, $str);
    $say('fsockopen', @fsockopen('127.0.0.1', (int)explode(':', $name)[1], $no, $str, 1), $no, $str);
    $say('bad host', stream_socket_client("tcp://no such host:80", $no, $str, 1), $no, $str);
    $say('bad address', stream_socket_client("tcp://127.0.0.1", $no, $str, 1), $no, $str);
    $say('bad port', stream_socket_client("tcp://127.0.0.1:999999", $no, $str, 1), $no, $str);
    $say('bad proto', stream_socket_client("foo://127.0.0.1:1", $no, $str, 1), $no, $str);
    $say('bad bind', stream_socket_server("tcp://192.0.2.1:0", $no, $str), $no, $str);
    // names
    $server = stream_socket_server('tcp://localhost:0', $no, $str);
    $say('localhost', get_debug_type($server), $no, $str);
    $port = (int) substr(strrchr(stream_socket_get_name($server, false), ':'), 1);
    $c = stream_socket_client("tcp://localhost:{$port}", $no, $str, 2);
    $say('by name', get_debug_type($c), $no, $str, preg_replace('/:\d+$/', '', stream_socket_get_name($c, true)));
    $c2 = stream_socket_client("tcp://localhost:{$port}", $no, $str, 2, STREAM_CLIENT_CONNECT | STREAM_CLIENT_ASYNC_CONNECT);
    $say('async', get_debug_type($c2), $meta($c2));
    $ctx = stream_context_create(['socket' => ['bindto' => '127.0.0.1:0', 'tcp_nodelay' => true]]);
    $c3 = stream_socket_client("tcp://localhost:{$port}", $no, $str, 2, STREAM_CLIENT_CONNECT, $ctx);
    $say('bindto', get_debug_type($c3), stream_context_get_options($c3 ?: $ctx));
    $ctx = stream_context_create(['socket' => ['bindto' => 5]]);
    $say('bad bindto', stream_socket_client("tcp://localhost:{$port}", $no, $str, 2, STREAM_CLIENT_CONNECT, $ctx), $no, $str);
    $r = [$server]; $w = [$c]; $e = null;
    $say('select', stream_select($r, $w, $e, 1), array_keys($r), array_keys($w));
    fclose($server); 
    // unix
    $path = sys_get_temp_dir() . '/swoole_rs_stream_' . getmypid() . '.sock'; 
    $server = stream_socket_server("unix://{$path}", $no, $str);
    $c = stream_socket_client("unix://{$path}", $no, $str, 2);
    $s = stream_socket_accept($server, 2);
    $say('unix', fwrite($c, "hello\n"), fgets($s), $meta($s), basename(stream_socket_get_name($c, true)) === basename($path));
    fclose($c); $say('unix end', fgets($s), feof($s)); fclose($s); fclose($server); unlink($path);
    $say('unix none', stream_socket_client("unix://{$path}x", $no, $str, 2) ? 1 : [$no, $str]);
    // udp
    $u = stream_socket_server('udp://127.0.0.1:0', $no, $str, STREAM_SERVER_BIND);
    $uname = stream_socket_get_name($u, false);
    $uc = stream_socket_client("udp://{$uname}", $no, $str);
    $say('udp', fwrite($uc, 'datagram'), stream_socket_recvfrom($u, 100, 0, $from), $from === stream_socket_get_name($uc, false), stream_socket_sendto($u, 'answer', 0, $from), fread($uc, 100), $meta($uc));
    stream_set_timeout($uc, 0, 10000);
    $say('udp timeout', fread($uc, 100), $meta($uc));
    $udg = sys_get_temp_dir() . '/swoole_rs_datagram_' . getmypid() . '.sock'; 
    $u = stream_socket_server("udg://{$udg}", $no, $str, STREAM_SERVER_BIND);
    $uc = stream_socket_client("udg://{$udg}", $no, $str);
    $say('udg', fwrite($uc, 'datagram'), stream_socket_recvfrom($u, 100), $meta($uc)); unlink($udg);
    // pair
    [$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    stream_set_timeout($b, 0, 10000);
    $say('pair', fwrite($a, "x"), fread($b, 10), fread($b, 10), $meta($b), fclose($a), fread($b, 10), feof($b), $meta($b));
    // filters and copies
    [$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    stream_filter_append($a, 'string.rot13', STREAM_FILTER_WRITE);
    $m = fopen('php://memory', 'w+'); fwrite($m, 'hello'); rewind($m);
    $say('copy', stream_copy_to_stream($m, $a), fclose($a), stream_get_contents($b), feof($b));
    // pfsockopen
    $server = stream_socket_server('tcp://127.0.0.1:0');
    $port = (int) substr(strrchr(stream_socket_get_name($server, false), ':'), 1);
    $p1 = pfsockopen('127.0.0.1', $port, $no, $str, 1); $p2 = pfsockopen('127.0.0.1', $port, $no, $str, 1);
    $say('persistent', stream_socket_get_name($p1, false) === stream_socket_get_name($p2, false), get_resource_type($p1), fclose($p1));
    // send buffer full, peer does not read
    $c = stream_socket_client("tcp://127.0.0.1:{$port}"); $s = stream_socket_accept($server); $s = stream_socket_accept($server);
    stream_set_timeout($c, 0, 50000);
    $n = 0; do { $w = fwrite($c, str_repeat('z', 1 << 20)); $n += (int) $w; } while ($w === 1 << 20 && $n < 1 << 28);
    $say('full', $w < 1 << 20, $meta($c));
    restore_error_handler();
    return $log;
}

$native = story();
$switches = 0;
$hooked = [];
Co\run(function () use (&$hooked, &$switches): void {
    $done = false;
    go(function () use (&$done, &$switches): void {
        while (!$done) {
            Co::sleep(0.001);
            $switches++;
        }
    });
    $hooked = story();
    $done = true;
});
foreach ($native as $step => $line) {
    same($line, $hooked[$step] ?? null, "step {$step}");
}
same(count($native), count($hooked));
check($switches > 10, 'others have run meanwhile');
echo "done\n";
?>
--EXPECT--
done
