<?php

declare(strict_types=1);

namespace Swoole\Coroutine;

use Swoole\Coroutine;
use Swoole\Coroutine\Server\Connection;
use Swoole\Exception;

/** Listens on an address and serves each connection in a coroutine of its own. */
class Server
{
    private const EINVAL = 22;
    private const ENFILE = 23;
    private const EMFILE = 24;
    private const ENOBUFS = 105;
    private const ETIMEDOUT = 110;

    /** How long to wait for a descriptor or a coroutine to become free. */
    private const PAUSE_S = 1.0;

    /** @var string an address or, for a unix socket, a path */
    public $host = '';

    /** @var int */
    public $port = 0;

    /** @var int AF_INET, AF_INET6 or AF_UNIX */
    public $type = \AF_INET;

    /** @var int the listening descriptor */
    public $fd = -1;

    /** @var int why start() ended */
    public $errCode = 0;

    /** @var array<string, mixed> what set() was given */
    public $setting = [];

    /** @var bool */
    protected $running = false;

    /** @var callable(Connection): mixed */
    protected $fn;

    /** @var Socket */
    protected $socket;

    /**
     * @param string $host an address of IPv4 or IPv6, or "unix:" and a path
     * @param int $port 0: a free one, see $port then
     * @throws Exception it cannot listen there
     */
    public function __construct(string $host, int $port = 0, bool $ssl = false, bool $reuse_port = false)
    {
        if (stripos($host, 'unix:') === 0) {
            $this->type = \AF_UNIX;
            $host = preg_replace('~^unix:(?://)?~i', '', $host);
        } elseif (str_contains($host, ':')) {
            $this->type = \AF_INET6;
        }
        $this->host = $host;
        $this->setting['open_ssl'] = $ssl;
        $socket = new Socket($this->type, \SOCK_STREAM, 0);
        if ($reuse_port && \defined('SO_REUSEPORT')) {
            $socket->setOption(\SOL_SOCKET, \SO_REUSEPORT, true);
        }
        if (!$socket->bind($host, $port)) {
            throw new Exception("bind({$host}:{$port}) failed", $socket->errCode);
        }
        if (!$socket->listen()) {
            throw new Exception("listen({$host}:{$port}) failed", $socket->errCode);
        }
        $this->port = $socket->getsockname()['port'] ?? 0;
        $this->fd = $socket->fd;
        $this->socket = $socket;
    }

    /** Adds to the settings: protocols as Socket::setProtocol() takes them, and TLS. */
    public function set(array $setting): void
    {
        $this->setting = array_merge($this->setting, $setting);
    }

    /** Who serves the connections; it gets a Connection. */
    public function handle(callable $fn): void
    {
        $this->fn = $fn;
    }

    /** Lets start() return; false: it does not run. */
    public function shutdown(): bool
    {
        $this->running = false;
        return $this->socket->cancel();
    }

    /**
     * Accepts connections until shutdown().
     *
     * @return bool false: it could not begin, see $errCode
     */
    public function start(): bool
    {
        if ($this->fn === null) {
            $this->errCode = self::EINVAL;
            return false;
        }
        if (!$this->socket->setProtocol($this->setting)) {
            $this->errCode = $this->socket->errCode;
            return false;
        }
        $this->errCode = 0;
        $this->running = true;
        while ($this->running) {
            $socket = $this->socket->accept();
            if ($socket !== false) {
                $this->serve($socket);
                continue;
            }
            if (!$this->running || $this->socket->errCode === self::ETIMEDOUT) {
                continue;
            }
            if (in_array($this->socket->errCode, [self::ENFILE, self::EMFILE, self::ENOBUFS], true)) {
                Coroutine::sleep(self::PAUSE_S);
                continue;
            }
            $this->running = false;
            if ($this->socket->errCode !== SWOOLE_ERROR_CO_SOCKET_CLOSE_WAIT && !$this->socket->isClosed()) {
                $this->errCode = $this->socket->errCode;
                trigger_error("accept failed, Error: {$this->socket->errMsg}[{$this->errCode}]", E_USER_WARNING);
            }
        }
        return true;
    }

    private function serve(Socket $socket): void
    {
        $serve = function () use ($socket): void {
            if ($this->setting['open_ssl'] && !$socket->sslHandshake()) {
                $socket->close();
                return;
            }
            ($this->fn)(new Connection($socket));
        };
        $socket->setProtocol($this->setting);
        while (Coroutine::create($serve) === false) {
            // As many coroutines as there may be: some will end.
            Coroutine::sleep(self::PAUSE_S);
        }
    }
}
