--TEST--
Swoole\Process: a child has nothing to do with the coroutines that wait in its parent
--FILE--
<?php
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

/** What the child does, while coroutines of its parent wait; and what the parent does then. */
function child(string $parent, string $body, string $then): string
{
    return Script::run(<<<CODE
        Swoole\\Runtime::enableCoroutine();
        [\$a, \$b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        \$channel = new Swoole\\Coroutine\\Channel();
        {$parent}
        \$process = new Swoole\\Process(function () use (\$a, \$b, \$channel) { {$body} });
        \$process->start();
        \$end = Swoole\\Process::wait();
        echo "code {\$end['code']} signal {\$end['signal']};";
        {$then}
        Swoole\\Event::wait();
        CODE);
}

$defers = 'defer(function () { echo "defer in ", getmypid() === PARENT ? "the parent" : "the child", ";"; });';
$reader = "define('PARENT', getmypid()); go(function () use (\$a) { {$defers} \$read = @fread(\$a, 10); echo \"read {\$read};\"; });";

// Closing a stream that one of them reads; its end is not the end of them.
same("child;code 0 signal 0;read x;defer in the parent;",
    child($reader, 'fclose($a); echo "child;";', 'fwrite($b, "x");'));
// Its own coroutines read it, others are counted and listed no more, and a loop that ends has nobody left.
same("0[]got y;over;code 0 signal 0;read x;defer in the parent;", child(
    "Co::set(['max_coroutine' => 2]); {$reader} go(fn () => Co::sleep(0.001));",
    'echo Co::stats()["coroutine_num"], json_encode(iterator_to_array(Co::list()));
     Co\run(function () use ($a, $b) {
         go(function () use ($a) { $got = fread($a, 10); echo "got {$got};"; fclose($a); });
         fwrite($b, "y");
     });
     echo "over;";',
    'fwrite($b, "x");',
));
// A channel at which they wait.
same('ab;code 0 signal 0;popped c;popped d;', child(
    'foreach ([1, 2] as $i) { go(function () use ($channel) { $popped = $channel->pop(); echo "popped {$popped};"; }); }',
    'Co\run(function () use ($channel) {
         go(function () use ($channel) { $both = $channel->pop() . $channel->pop(); echo "{$both};"; });
         $channel->push("a");
         $channel->push("b");
     });',
    'go(fn () => $channel->push("c") && $channel->push("d"));',
));
// A class that one of them loads.
same('loaded in the child;code 0 signal 0;loaded in the parent;', child(
    'define("PARENT", getmypid());
     spl_autoload_register(function (string $class) {
         getmypid() === PARENT && Co::sleep(0.01);
         eval("class {$class} {}");
         echo "loaded in ", getmypid() === PARENT ? "the parent" : "the child", ";";
     });
     go(fn () => class_exists("Wanted"));',
    'Co\run(fn () => class_exists("Wanted"));',
    '',
));
// A socket that one of them reads.
same("child y;code 0 signal 0;parent x;", child(
    '$socket = Swoole\Coroutine\Socket::import($a);
     go(function () use ($socket) { $got = $socket->recv(); echo "parent {$got};"; });
     $GLOBALS["socket"] = $socket;',
    'Co\run(function () use ($b) {
         go(function () { $got = $GLOBALS["socket"]->recv(); echo "child {$got};"; });
         fwrite($b, "y");
     });',
    'fwrite($b, "x");',
));
// A child of a child, each with its own.
same('2;1;code 0 signal 0;', child(
    'go(fn () => Co::sleep(0.001));',
    'go(fn () => Co::sleep(0.001));
     $inner = new Swoole\Process(function () { go(fn () => Co::sleep(0.001)); go(fn () => Co::sleep(0.001)); echo Co::stats()["coroutine_num"], ";"; Swoole\Event::wait(); });
     $inner->start();
     Swoole\Process::wait();
     echo Co::stats()["coroutine_num"], ";";
     Swoole\Event::wait();',
    '',
));
echo "ok\n";
?>
--EXPECT--
ok
