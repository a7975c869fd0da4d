--TEST--
Swoole\Server: user, group and chroot of the workers; the master keeps its own
--SKIPIF--
<?php
if (posix_getuid() !== 0 || posix_getpwnam('nobody') === false) die('skip needs root');
?>
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        mkdir($side->path('root'));
        $server = $side->server(['worker_num' => 2, 'user' => 'nobody', 'group' => posix_getgrgid(posix_getpwnam('nobody')['gid'])['name'],
            'chroot' => $side->path('root')]);
        file_put_contents($side->path('root/inside'), 'found');
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            match ($data) {
                'who' => $server->send($fd, json_encode([posix_getuid(), posix_getgid(), posix_getgroups(), getcwd(), @file_get_contents('/inside')])),
                'reload' => $server->send($fd, json_encode($server->reload())),
                'shutdown' => $server->send($fd, json_encode($server->shutdown())),
            };
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $nobody = posix_getpwnam('nobody');
        $answer = json_decode($server->connect()->send('who')->readSome(), true);
        same([$nobody['uid'], $nobody['gid'], '/', 'found'], [$answer[0], $answer[1], $answer[3], $answer[4]]);
        check(!in_array(0, $answer[2], true), 'no group of root');
        // A worker of that user may still ask for what only the manager can do.
        same(true, json_decode($server->connect()->send('reload')->readSome()));
        $server->expectEvent('workerStart');
        $server->expectEvent('workerStart');
        same($nobody['uid'], json_decode($server->connect()->send('who')->readSome())[0]);
        same(true, json_decode($server->connect()->send('shutdown')->readSome()));
        $server->expectExit();
    },
);
?>
--EXPECT--
process: ok
base: ok
