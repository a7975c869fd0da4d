--TEST--
library: swoole.enable_library and swoole.use_shortname, opcache, and a class for each request
--FILE--
<?php
use SwooleRs\Tests\{Ports, TestServer};
use function SwooleRs\Tests\{same, until};

require __DIR__ . '/../include/bootstrap.php';

function php(array $options, string $code): string
{
    $command = TestServer::interpreter();
    foreach ($options as $option) {
        array_push($command, '-d', $option);
    }
    $process = proc_open([...$command, '-r', $code], [1 => ['pipe', 'w'], 2 => ['redirect', 1]], $pipes);
    $output = stream_get_contents($pipes[1]);
    proc_close($process);
    return $output;
}

$show = 'echo json_encode([class_exists("Swoole\Constant"), function_exists("swoole_array"), function_exists("_array"),
    function_exists("Swoole\Coroutine\batch"), class_exists("Co\WaitGroup"), defined("SWOOLE_LIBRARY")]);';
same('[true,true,true,true,true,true]', php([], $show));
same('[false,false,false,false,false,false]', php(['swoole.enable_library=0'], $show));
same('[true,true,false,true,false,true]', php(['swoole.use_shortname=Off'], $show));

$opcache = ini_get('extension_dir') . '/opcache.so';
if (file_exists($opcache)) {
    foreach (['disable', 'tracing', 'function'] as $jit) {
        $options = ["zend_extension={$opcache}", 'opcache.enable_cli=1', 'opcache.jit_buffer_size=16M', "opcache.jit={$jit}"];
        $code = 'class A extends Swoole\ArrayObject {} $n = 0;
            for ($i = 0; $i < 20000; $i++) { $n += count((new A([$i]))->map(fn ($x) => $x + 1)); } echo $n;';
        same('20000', php($options, $code), $jit);
    }
}

// What dies inside says where.
same(1, preg_match('~Fatal error: +Uncaught ValueError: .* in @swoole/library/ArrayObject.php:\d+~',
    php(['display_errors=stderr'], 'swoole_array([1])->chunk(0);')));

// A web server's process serves many requests.
$port = Ports::take();
$folder = sys_get_temp_dir() . '/swoole-library-' . getmypid();
mkdir($folder);
file_put_contents("{$folder}/index.php", '<?php swoole_library_set_option("n", (swoole_library_get_option("n") ?? 0) + 1);
    echo json_encode([class_exists("Swoole\Constant", false), Swoole\Constant::EVENT_START, count(swoole_array([1, 2])),
    swoole_library_get_option("n"), get_class(new Co\WaitGroup())]);');
$server = proc_open([...TestServer::interpreter(), '-S', "127.0.0.1:{$port}", '-t', $folder],
    [1 => ['file', '/dev/null', 'w'], 2 => ['file', '/dev/null', 'w']], $pipes);
try {
    until(fn () => Ports::isListening($port), 'the web server listens');
    for ($i = 0; $i < 3; $i++) {
        same('[false,"start",2,1,"Swoole\\\\Coroutine\\\\WaitGroup"]', file_get_contents("http://127.0.0.1:{$port}/"));
    }
} finally {
    proc_terminate($server);
    proc_close($server);
    unlink("{$folder}/index.php");
    rmdir($folder);
}
echo "ok\n";
?>
--EXPECT--
ok
