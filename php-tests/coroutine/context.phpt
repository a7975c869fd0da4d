--TEST--
Swoole\Coroutine: getContext, getElapsed, getStackUsage, stats, backtraces
--FILE--
<?php
use Swoole\Coroutine;
use function Swoole\Coroutine\{go, run};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

class Held
{
    public function __destruct()
    {
        echo "held is gone\n";
    }
}

function waits_here(int $n): void
{
    Coroutine::yield();
}

run(function (): void {
    // One for each coroutine, gone with it.
    $mine = Coroutine::getContext();
    check($mine instanceof Coroutine\Context && $mine instanceof ArrayObject, 'its class');
    $mine['a'] = 1;
    same($mine, Coroutine::getContext());
    same($mine, Coroutine::getContext(Coroutine::getCid()));
    $cid = go(function () use ($mine): void {
        $context = Coroutine::getContext();
        same(false, isset($context['a']));
        $context['held'] = new Held();
        same(1, Coroutine::getContext(Coroutine::getPcid())['a']);
        Coroutine::yield();
        echo "ends\n";
    });
    check(Coroutine::getContext($cid)['held'] instanceof Held, 'seen from outside');
    Coroutine::resume($cid);
    echo "has ended\n";
    same(null, Coroutine::getContext($cid));

    // Kept beyond the coroutine.
    $kept = null;
    go(function () use (&$kept): void {
        $kept = Coroutine::getContext();
        $kept['x'] = 'y';
    });
    same('y', $kept['x']);

    // In its destructor there is none any more.
    go(function (): void {
        Coroutine::getContext()['last'] = new class {
            public function __destruct()
            {
                set_error_handler(function (int $level, string $message): bool {
                    echo "{$message}\n";
                    return true;
                });
                same(null, Coroutine::getContext());
                restore_error_handler();
            }
        };
    });

    $cid = go(waits_here(...), 7);
    $before = Coroutine::getElapsed($cid);
    Coroutine::sleep(0.02);
    check($before >= 0 && Coroutine::getElapsed($cid) >= $before + 19, 'elapsed');
    check(Coroutine::getElapsed() >= 19 && Coroutine::getElapsed(99999) === -1, 'elapsed of me');
    check(Coroutine::getStackUsage() > 0 && Coroutine::getStackUsage($cid) > 0, 'stack usage');
    same(false, Coroutine::getStackUsage(99999));

    $stats = Coroutine::stats();
    same(['event_num', 'signal_listener_num', 'aio_task_num', 'aio_worker_num', 'aio_queue_size', 'c_stack_size',
        'coroutine_num', 'coroutine_peak_num', 'coroutine_last_cid'], array_keys($stats));
    same(2, $stats['coroutine_num']);
    same($cid, $stats['coroutine_last_cid']);

    // Where another one waits, and where this one stands.
    $trace = Coroutine::getBackTrace($cid);
    same(['yield', 'waits_here'], array_column($trace, 'function'));
    same([7], $trace[1]['args']);
    same(__FILE__, $trace[0]['file']);
    same(1, count(Coroutine::getBackTrace($cid, DEBUG_BACKTRACE_IGNORE_ARGS, 1)));
    same(false, isset(Coroutine::getBackTrace($cid, DEBUG_BACKTRACE_IGNORE_ARGS)[1]['args']));
    same('getBackTrace', Coroutine::getBackTrace()[0]['function']);
    same(Coroutine::getBackTrace()[1]['function'], debug_backtrace()[0]['function']);
    ob_start();
    Coroutine::printBackTrace($cid, limit: 1);
    same(1, preg_match('~^#0 \S+\.php\(\d+\): Swoole.Coroutine::yield\(\)\n$~', ob_get_clean()));
    go(function () use ($cid): void {
        same(['yield', 'waits_here'], array_column(Coroutine::getBackTrace($cid), 'function'));
        $above = Coroutine::getBackTrace(Coroutine::getPcid());
        check(count($above) > 0 && end($above)['function'] !== 'getBackTrace', 'of the one below');
    });
    Coroutine::resume($cid);
    same(false, Coroutine::getBackTrace($cid));
    echo "ends, too\n";
});
?>
--EXPECT--
ends
held is gone
has ended
Swoole\Coroutine::getContext(): The context of coroutine has been destroyed
ends, too
