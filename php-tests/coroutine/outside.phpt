--TEST--
Swoole\Coroutine: what works in a coroutine alone ends the script elsewhere, and nothing catches that
--FILE--
<?php
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$calls = [
    'Co::yield()', 'Co::suspend()', 'Co::sleep(0.1)', 'Co::defer(fn () => 1)', 'Co::join([1])', 'Co::isCanceled()',
    'Co::setTimeLimit(1)', 'defer(fn () => 1)', '(new Chan())->push(1)', '(new Chan())->pop()',
    'Co\System::sleep(0.1)', 'Co\System::exec("true")', 'Co\System::readFile(__FILE__)', 'Co\System::waitPid(-1)',
    '(new Co\Socket(AF_INET, SOCK_STREAM))->connect("127.0.0.1", 1)', '(new Co\Client(SWOOLE_SOCK_TCP))->connect("127.0.0.1", 1)',
];
const CODE = <<<'CODE'
    register_shutdown_function(function (): void {
        echo "shutdown\n";
    });
    set_exception_handler(function (): void {
        echo "handled\n";
    });
    function tries(): void
    {
        try {
            %s;
        } catch (Throwable) {
            echo "caught\n";
        } finally {
            echo "left\n";
        }
    }
    %s;
    echo "goes on\n";
    CODE;

function ends(string $call, string $runs, string $message): void
{
    $output = Script::run(sprintf(CODE, $call, $runs), status: 255);
    $found = preg_match('/^\s*PHP? ?Fatal error: +Uncaught Swoole\\\\Error: ([^\n]+) in \S+:\d+\nStack trace:\n.*\n  thrown in .*\nshutdown\n$/s',
        preg_replace('/^\s*Fatal/', 'PHP Fatal', $output), $match);
    check($found === 1, "{$call}: {$output}");
    same($message, $match[1], $call);
}

foreach ($calls as $call) {
    ends($call, 'tries()', 'API must be called in the coroutine');
}
ends('(new Swoole\Process(fn () => 1))->start()', 'Co\run(tries(...))', 'must be forked outside the coroutine');
echo "ok\n";
?>
--EXPECT--
ok
