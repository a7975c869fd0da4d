--TEST--
Swoole\Server::set(): wrong types, ranges, unknown names and options of later versions
--FILE--
<?php
use SwooleRs\Tests\{Failure, Ports, Script};
use function SwooleRs\Tests\{check, same, until};

require __DIR__ . '/../include/bootstrap.php';

$output = Script::run(<<<'PHP'
    $server = new Swoole\Server('127.0.0.1', 0);
    foreach ([
        ['worker_num' => 'many'], ['worker_num' => []], ['worker_num' => -1], ['worker_num' => 1.5], ['worker_num' => new stdClass()],
        ['dispatch_mode' => 99], ['log_file' => []], ['pid_file' => str_repeat('x', 5000)], ['backlog' => -3], ['max_wait_time' => -1],
        ['log_level' => 77], ['log_rotation' => 77], ['log_date_format' => '%Q'], ['cpu_affinity_ignore' => 'x'], ['user' => 5.5],
        ['worker_nun' => 2], ['no_such_thing_at_all' => 2], ['open_mqtt_protocol' => true], ['heartbeat_idle_time' => 5],
        ['open_eof_check' => false], ['heartbeat_idle_time' => 0],
        ['worker_num' => '3'], ['worker_num' => true], ['daemonize' => 0], ['daemonize' => 'yes'], ['max_request' => null], [], [7 => 1],
    ] as $settings) {
        $warning = null;
        set_error_handler(function (int $level, string $text) use (&$warning): bool {
            $warning = $text;
            return true;
        });
        try {
            $result = $server->set($settings);
        } catch (Throwable $error) {
            $result = get_class($error) . ': ' . $error->getMessage();
        }
        echo json_encode([$settings, $result, $warning]), "\n";
    }
    try {
        $server->set('x');
    } catch (TypeError $error) {
        echo json_encode(['not an array', get_class($error), null]), "\n";
    }
    PHP);
$rows = array_map(fn (string $line) => json_decode($line, true), explode("\n", trim($output)));
$expected = [
    ['/^(Type|Value)Error.*worker_num.*many/', ''], ['/^TypeError.*worker_num/', ''], ['/^ValueError.*worker_num.*-1.*\d/', ''],
    ['/./', ''], ['/^TypeError.*worker_num/', ''],
    ['/^ValueError.*dispatch_mode.*99/', ''], ['/^TypeError.*log_file/', ''], ['/Error.*pid_file/', ''], ['/^ValueError.*backlog.*-3/', ''],
    ['/^ValueError.*max_wait_time.*-1/', ''],
    ['/^ValueError.*log_level.*77/', ''], ['/^ValueError.*log_rotation.*77/', ''], ['/./', ''], ['/Error.*cpu_affinity_ignore/', ''], ['/./', ''],
    ['/^1$/', '/worker_nun.*worker_num/'], ['/^1$/', '/no_such_thing_at_all/'],
    ['/^1$/', '/open_mqtt_protocol/'], ['/^1$/', '/heartbeat_idle_time/'],
    ['/^1$/', null], ['/^1$/', null],
    ['/^1$/', null], ['/^1$/', null], ['/^1$/', null], ['/./', ''], ['/./', ''], ['/^1$/', null], ['/^1$/', '/7/'], ['/^TypeError/', ''],
];
foreach ($rows as $index => [$settings, $result, $warning]) {
    [$result_pattern, $warning_pattern] = $expected[$index];
    $shown = json_encode([$settings, $result, $warning]);
    check(preg_match($result_pattern, (string) $result) === 1, "result of {$shown}");
    if ($warning_pattern === null) {
        same(null, $warning, "warning of {$shown}");
    } elseif ($warning_pattern !== '') {
        check(preg_match($warning_pattern, (string) $warning) === 1, "warning of {$shown}");
    }
}
same(count($expected), count($rows));
echo "ok\n";
?>
--EXPECT--
ok
