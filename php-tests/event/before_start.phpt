--TEST--
Swoole\Event: a server does not start in a process whose event loop is in use, and starts once that has ended
--FILE--
<?php
use Swoole\{Event, Server, Timer};
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$code = <<<'PHP'
use Swoole\{Event, Server, Timer};
error_reporting(E_ALL & ~E_DEPRECATED);
set_error_handler(function (int $level, string $message): bool { echo explode(',', $message)[0], "\n"; return true; }, E_WARNING);
$pair = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
Event::add($pair[0], function ($stream) { Event::del($stream); });
$server = new Server('127.0.0.1', 0, (int) $argv[1]);
$server->set(['worker_num' => 1, 'log_level' => SWOOLE_LOG_NONE]);
$server->on('receive', fn () => null);
$server->on('start', function (Server $server) { echo "started\n"; Timer::tick(1, fn () => $server->shutdown()); });
var_dump($server->start());
Event::defer(function () use ($server) { var_dump($server->start()); });
fwrite($pair[1], 'x');
Event::wait();
var_dump($server->start());
Timer::after(1, fn () => print("timer\n"));
Event::wait();
PHP;
foreach ([SWOOLE_PROCESS, SWOOLE_BASE] as $mode) {
    $refused = "Swoole\\Server::start(): The event-loop has already been created\nbool(false)\n";
    same("{$refused}{$refused}started\nbool(true)\ntimer\n", Script::run($code, [$mode]));
}
echo "done\n";
?>
--EXPECT--
done
