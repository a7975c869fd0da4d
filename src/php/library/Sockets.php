<?php

declare(strict_types=1);

namespace SwooleRs\Library;

use Swoole\Coroutine\Socket;
use Swoole\Coroutine\Socket\Exception;

/**
 * Functions of PHP's sockets extension for coroutine sockets, with SWOOLE_HOOK_SOCKETS: those that move no
 * bytes. Null from one that makes sockets: PHP's own is to be called instead.
 */
final class Sockets
{
    private const DOMAINS = [AF_UNIX, AF_INET, AF_INET6];

    /** The highest type of socket that PHP's own takes. */
    private const TOP_TYPE = 10;

    public static function create(int $domain, int $type, int $protocol): ?Socket
    {
        if (!in_array($domain, self::DOMAINS, true) || $type < 0 || $type > self::TOP_TYPE) {
            return null;
        }
        try {
            return new Socket($domain, $type, $protocol);
        } catch (Exception) {
            return null;
        }
    }

    public static function createListen(int $port, int $backlog = 128): Socket|false|null
    {
        $socket = self::create(AF_INET, SOCK_STREAM, 0);
        if ($socket === null) {
            return null;
        }
        return $socket->bind('0.0.0.0', $port) && $socket->listen($backlog) ? $socket : false;
    }

    public static function createPair(int $domain, int $type, int $protocol, &$pair): ?bool
    {
        if (!in_array($domain, self::DOMAINS, true) || $type < 0 || $type > self::TOP_TYPE) {
            return null;
        }
        $made = @swoole_coroutine_socketpair($domain, $type, $protocol);
        if ($made === false) {
            return null;
        }
        $pair = $made;
        return true;
    }

    public static function importStream($stream): Socket|false
    {
        return Socket::import($stream);
    }

    public static function connect(Socket $socket, string $address, ?int $port = null): bool
    {
        return $socket->connect($address, $port ?? 0);
    }

    public static function listen(Socket $socket, int $backlog = 0): bool
    {
        return $socket->listen($backlog);
    }

    public static function setBlock(Socket $socket): bool
    {
        return self::setBlocking($socket, true);
    }

    public static function setNonblock(Socket $socket): bool
    {
        return self::setBlocking($socket, false);
    }

    private static function setBlocking(Socket $socket, bool $blocking): bool
    {
        if ($socket->isClosed()) {
            return false;
        }
        $socket->__ext_sockets_nonblock = !$blocking;
        return true;
    }

    public static function setOption(Socket $socket, int $level, int $option, $value): bool
    {
        // To PHP and the kernel, no time at all is no limit.
        if (
            self::isTimeLimit($level, $option) && is_array($value)
            && isset($value['sec'], $value['usec']) && !(int) $value['sec'] && !(int) $value['usec']
        ) {
            $value = ['sec' => -1, 'usec' => 0];
        }
        return $socket->setOption($level, $option, $value);
    }

    public static function getOption(Socket $socket, int $level, int $option): mixed
    {
        $value = $socket->getOption($level, $option);
        if (self::isTimeLimit($level, $option) && is_array($value) && $value['sec'] < 0) {
            return ['sec' => 0, 'usec' => 0];
        }
        return $value;
    }

    private static function isTimeLimit(int $level, int $option): bool
    {
        return $level === SOL_SOCKET && ($option === SO_RCVTIMEO || $option === SO_SNDTIMEO);
    }

    public static function getSockName(Socket $socket, &$address, &$port = null): bool
    {
        return self::name($socket, $socket->getsockname(), $address, $port);
    }

    public static function getPeerName(Socket $socket, &$address, &$port = null): bool
    {
        return self::name($socket, $socket->getpeername(), $address, $port);
    }

    private static function name(Socket $socket, array|false $name, &$address, &$port): bool
    {
        if ($name === false) {
            return false;
        }
        $address = $name['address'];
        if ($socket->domain !== AF_UNIX) {
            $port = $name['port'];
        }
        return true;
    }

    public static function close(Socket $socket): void
    {
        $socket->close();
    }

    public static function lastError(Socket $socket): int
    {
        return $socket->errCode;
    }

    public static function clearError(Socket $socket): void
    {
        $socket->errCode = 0;
        $socket->errMsg = '';
    }
}
