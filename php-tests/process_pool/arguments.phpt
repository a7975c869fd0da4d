--TEST--
Swoole\Process\Pool: what is wrong is refused, before the start and in the wrong place
--FILE--
<?php
use Swoole\Process\Pool;
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

/** What a call throws, warns of, or returns. */
function told(callable $call): mixed
{
    set_error_handler(function (int $level, string $text) use (&$warning): bool {
        $warning = $text;
        return true;
    });
    try {
        $result = $call();
        return $warning ?? $result;
    } catch (Throwable $thrown) {
        return $thrown::class . ": {$thrown->getMessage()}";
    } finally {
        restore_error_handler();
    }
}

$pipes = 'Error: the parameter $ipc_type must be SWOOLE_IPC_UNIXSOCK when enable coroutine';
foreach ([0, -1, PHP_INT_MIN] as $number) {
    same('Swoole\Exception: the parameter $worker_num must be greater than 0', told(fn () => new Pool($number)));
}
check(str_contains(told(fn () => new Pool(PHP_INT_MAX)), 'failed to create process pool: '), 'too many workers');
check(str_contains(told(fn () => new Pool(1 << 20, SWOOLE_IPC_UNIXSOCK)), 'failed to create process pool: '), 'too many pipes');
same($pipes, told(fn () => new Pool(1, SWOOLE_IPC_MSGQUEUE, 0, true)));
same($pipes, told(fn () => new Pool(1, SWOOLE_IPC_SOCKET, 0, true)));
check(told(fn () => new Pool(1, PHP_INT_MAX)) instanceof Pool, 'another type is none');

$pool = new Pool(2, SWOOLE_IPC_UNIXSOCK);
same('Error: Constructor of Swoole\Process\Pool can only be called once', told(fn () => $pool->__construct(1)));
same("Swoole\Process\Pool::on(): unknown event type[onMessage]", told(fn () => $pool->on('onMessage', 'strlen')));
same("Swoole\Process\Pool::on(): unknown event type[]", told(fn () => $pool->on('', 'strlen')));
same("Swoole\Process\Pool::on(): function 'no_such' is not callable", told(fn () => $pool->on('message', 'no_such')));
same(true, told(fn () => $pool->on('MESSAGE', 'strlen')));
same('Swoole\Process\Pool::listen(): unsupported ipc type[1]', told(fn () => $pool->listen('127.0.0.1', 0)));
same('Swoole\Process\Pool::write(): unsupported ipc type[1]', told(fn () => $pool->write('x')));
same('Swoole\Process\Pool::sendMessage(): process pool is not started.', told(fn () => $pool->sendMessage('x', 0)));
same(false, $pool->detach());
same(false, $pool->getProcess());
same(false, $pool->getProcess(99));
same(null, $pool->stop());
same('Swoole\Exception: The process pool is not started', told(fn () => $pool->shutdown()));
same(null, told(fn () => $pool->set(['max_wait_time' => -5, 'no_such' => [], 'max_package_size' => '1M'])));
check(str_contains(told(fn () => $pool->set(['max_package_size' => 0])), 'max_package_size must be 1 to '), 'no size');
check(str_contains(told(fn () => $pool->set(['max_package_size' => PHP_INT_MAX])), 'max_package_size must be 1 to '), 'a huge size');
check(str_contains(told(fn () => $pool->set(['max_package_size' => []])), 'max_package_size must be 1 to '), 'no number');
same('Error: Trying to clone an uncloneable object of class Swoole\Process\Pool', told(fn () => clone $pool));
same("Exception: Serialization of 'Swoole\Process\Pool' is not allowed", told(fn () => serialize($pool)));
same('Error: Property running of class Swoole\Process\Pool cannot be unset', told(function () use ($pool): void {
    unset($pool->running);
}));
$pool->mine = 1;
same(1, $pool->mine);
same('Swoole\Exception: cannot set `onMessage` event with ipc_type=0', told(fn () => (new Pool(1))->on('message', 'strlen')));

$unmade = (new ReflectionClass(Pool::class))->newInstanceWithoutConstructor();
foreach (['set' => [[]], 'on' => ['start', 'strlen'], 'listen' => ['x'], 'write' => ['x'], 'sendMessage' => ['x', 1], 'start' => []] as $method => $arguments) {
    same('Swoole\Error: must call constructor first', told(fn () => $unmade->$method(...$arguments)), $method);
}

// Starts that are refused; each ends its script.
$starts = [
    "require 'onMessage' callback" => '$pool = new Swoole\Process\Pool(1, SWOOLE_IPC_UNIXSOCK);',
    "require 'onWorkerStart' callback" => '$pool = new Swoole\Process\Pool(1, 0, 0, true);',
    'cannot set `onWorkerExit` without enable_coroutine' => '$pool = new Swoole\Process\Pool(1); $pool->on("workerExit", "strlen"); $pool->on("workerStart", "strlen");',
    'must be SWOOLE_IPC_UNIXSOCK when enable coroutine' => '$pool = new Swoole\Process\Pool(1, SWOOLE_IPC_SOCKET); $pool->set(["enable_coroutine" => true]); $pool->on("message", "strlen");',
];
foreach ($starts as $text => $code) {
    check(str_contains(Script::run("{$code}\n\$pool->start();\necho 'not reached';", status: 255), $text), $text);
}
$refused = [
    'call listen() before start()' => '$pool = new Swoole\Process\Pool(1, SWOOLE_IPC_SOCKET); $pool->on("message", "strlen");',
    'enable_message_bus sends through pipes' => '$pool = new Swoole\Process\Pool(1); $pool->set(["enable_message_bus" => true]); $pool->on("workerStart", "strlen");',
];
foreach ($refused as $text => $code) {
    $output = Script::run("{$code}\nvar_dump(\$pool->start());");
    check(str_contains($output, $text) && str_contains($output, 'bool(false)'), $output);
}
foreach (['"127.0.0.1", 99999', '"no.such.host.invalid", 1', '"unix:/no/such/folder/x"', '"unix:/' . str_repeat('x', 200) . '"', '""', '"127.0.0.1", -1'] as $at) {
    $output = Script::run("var_dump((new Swoole\\Process\\Pool(1, SWOOLE_IPC_SOCKET))->listen({$at}));");
    check(str_contains($output, 'the process pool cannot listen: ') && str_contains($output, 'bool(false)'), $output);
}

// While it runs.
$output = Script::run(<<<'CODE'
    $pool = new Swoole\Process\Pool(1);
    function told(callable $call): void
    {
        try {
            var_dump($call());
        } catch (Throwable $thrown) {
            echo $thrown->getMessage(), "\n";
        }
    }
    $check = function ($pool) {
        told(fn () => new Swoole\Process\Pool(1));
        told(fn () => $pool->start());
        told(fn () => $pool->on('start', 'strlen'));
        told(fn () => $pool->getProcess(1));
        told(fn () => $pool->getProcess(PHP_INT_MAX));
    };
    $pool->on('start', function ($pool) use ($check) {
        $check($pool);
        var_dump($pool->detach());
    });
    $pool->on('workerStart', function ($pool) use ($check) {
        $check($pool);
        $pool->shutdown();
        sleep(60);
    });
    $pool->start();
    CODE);
$half = <<<'EXPECTED'
    A process pool instance has already been created and cannot be created again
    Warning: Swoole\Process\Pool::start(): process pool is started in F
    bool(false)
    Warning: Swoole\Process\Pool::on(): process pool is started. unable to register event callback function in F
    bool(false)
    Warning: Swoole\Process\Pool::getProcess(): invalid worker_id[1] in F
    bool(false)
    Warning: Swoole\Process\Pool::getProcess(): invalid worker_id[9223372036854775807] in F
    bool(false)
    EXPECTED;
$output = preg_replace(['/ in \S+ on line \d+/', '/\n+/', '/PHP (?=Warning)/'], [' in F', "\n", ''], trim($output));
same("{$half}\nbool(false)\n{$half}", $output);

$output = Script::run('$server = new Swoole\Server("127.0.0.1", 0);
    try { new Swoole\Process\Pool(1); } catch (Error $error) { echo $error->getMessage(); }');
same('cannot create server and process pool instances simultaneously', trim($output));
echo "ok\n";
?>
--EXPECT--
ok
