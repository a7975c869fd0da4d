<?php
// An echo server for the measurements: php -n -d extension=FILE echo.php MODE WORKERS REACTORS PORT [VARIANT]
//
// MODE is "process" or "base". VARIANT "plain" calls the callbacks directly (enable_coroutine
// off), "default" leaves that option as the extension has it. Only options that every extension
// with the name swoole knows: both sides of a comparison run this file as it is.

if ($argc < 5 || $argc > 6) {
    fwrite(STDERR, "usage: echo.php process|base WORKERS REACTORS PORT [plain|default]\n");
    exit(2);
}
[, $mode, $workers, $reactors, $port] = $argv;
$variant = $argv[5] ?? 'plain';
if (!in_array($mode, ['process', 'base'], true) || !in_array($variant, ['plain', 'default'], true)) {
    fwrite(STDERR, "echo.php: unknown mode or variant: $mode $variant\n");
    exit(2);
}

// PHP's default of 128 MiB ends a BASE mode worker of the reference at 1,888 connections: it takes
// some 70 KiB of PHP's limit for each that has sent something. Measure that rather than its end.
ini_set('memory_limit', '4G');

$options = [
    'worker_num' => (int) $workers,
    'reactor_num' => (int) $reactors,
    'backlog' => 4096,
    'log_file' => '/dev/null',
];
if ($variant === 'plain') {
    $options['enable_coroutine'] = false;
}

$server = new Swoole\Server('127.0.0.1', (int) $port, $mode === 'base' ? SWOOLE_BASE : SWOOLE_PROCESS);
$server->set($options);
$server->on('receive', function ($server, $fd, $reactorId, $data) {
    $server->send($fd, $data);
});
$server->start();
