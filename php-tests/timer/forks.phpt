--TEST--
Swoole\Timer: a child made by pcntl_fork has no timers of its parent and makes its own, in scripts and in callbacks
--FILE--
<?php
use Swoole\{Event, Timer};
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$code = <<<'PHP'
use Swoole\{Event, Timer};
error_reporting(E_ALL & ~E_DEPRECATED);
swoole_async_set(['enable_coroutine' => false]);
$parent = getmypid();
function who(): string { return getmypid() === $GLOBALS['parent'] ? 'parent' : 'child'; }
function say(string $what): void { echo who(), " {$what}\n"; }
function wait_for(int $pid): void { pcntl_waitpid($pid, $status); say('saw status ' . pcntl_wexitstatus($status)); }
PHP;

// (PHP runs the destructors of all objects at the end of a process, in a child as well.)
$in_script = Script::run($code . <<<'PHP'

$object = new class { function __destruct() { say('destructor'); } };
$id = Timer::after(20, function () { say('timer'); }, $object);
unset($object);
$pid = pcntl_fork();
if ($pid === 0) {
    say(json_encode([Timer::exists($id), Timer::clear($id), Timer::list()->count(), Timer::stats()['num']]));
    Timer::after(2, fn () => say('own timer'));
} else {
    wait_for($pid);
}
PHP);
same("child [false,false,0,0]\nchild own timer\nchild destructor\nparent saw status 0\nparent timer\nparent destructor\n", $in_script);

$in_callback = Script::run($code . <<<'PHP'

Timer::after(5, function () {
    $pid = pcntl_fork();
    if ($pid > 0) {
        wait_for($pid);
    } else {
        say('has ' . Timer::list()->count());
        Timer::tick(1, function (int $id) { static $n = 0; say('own tick ' . ++$n); $n === 2 && Timer::clear($id) && Timer::after(1, fn () => say('own last')); });
    }
});
Timer::after(5, fn () => say('same moment'));
Timer::tick(6, function (int $id) { say('tick'); Timer::clear($id); });
Event::wait();
say('after wait');
PHP);
same("child has 0\nchild own tick 1\nchild own tick 2\nchild own last\nchild after wait\nparent saw status 0\nparent same moment\nparent tick\nparent after wait\n", $in_callback);

// A tick that forks: the child's copy of it does not go on. exit(), exceptions and shutdown functions there.
foreach (['exit(3);' => 3, 'throw new Exception("x");' => 255, '' => 0] as $end => $status) {
    $output = Script::run($code . <<<PHP

    register_shutdown_function(fn () => say('shutdown'));
    ini_set('display_errors', '0');
    Timer::tick(2, function (int \$id) {
        static \$n = 0;
        if (\$n++ === 1) {
            return Timer::clear(\$id);
        }
        \$pid = pcntl_fork();
        if (\$pid > 0) {
            return wait_for(\$pid);
        }
        say('forked');
        {$end}
    });
    Event::wait();
    PHP);
    same("child forked\nchild shutdown\nparent saw status {$status}\nparent shutdown\n", $output, $end);
}
echo "done\n";
?>
--EXPECT--
done
