<?php

declare(strict_types=1);

namespace Swoole;

use Swoole\Coroutine\Http\ClientProxy;
use Swoole\NameResolver\Cluster;
use Swoole\NameResolver\Exception;

/** A registry of services: connections by name ask it, once swoole_name_resolver_add() has been told of it. */
abstract class NameResolver
{
    /** @var string where the registry is, without a slash at the end */
    protected $baseUrl;

    /** @var array<string, int|string> the parts of the URL, and "ip", the address of its host */
    protected $info;

    /** @var string stands before the names in the registry */
    protected $prefix;

    /** @var callable|null */
    private $filter_fn;

    public function __construct($url, $prefix = 'swoole_service_')
    {
        $this->checkServerUrl($url);
        $this->prefix = $prefix;
    }

    /** Enters a node of a service. */
    abstract public function join(string $name, string $ip, int $port, array $options = []): bool;

    /** Takes a node of a service out. */
    abstract public function leave(string $name, string $ip, int $port): bool;

    /** The nodes of a service; null: the registry does not know it. */
    abstract public function getCluster(string $name): ?Cluster;

    /** Only names for which $fn answers true are looked up. */
    public function withFilter(callable $fn): self
    {
        $this->filter_fn = $fn;
        return $this;
    }

    public function getFilter()
    {
        return $this->filter_fn;
    }

    public function hasFilter(): bool
    {
        return $this->filter_fn !== null;
    }

    /**
     * Looks a name up.
     *
     * @return Cluster|array|string|null the nodes, or the only one as an array; '': there is no such service;
     *                                   null: the name is left to others
     */
    public function lookup(string $name)
    {
        if ($this->filter_fn !== null && ($this->filter_fn)($name) !== true) {
            return null;
        }
        $cluster = $this->getCluster($name);
        if ($cluster === null) {
            return '';
        }
        return $cluster->count() === 1 ? $cluster->pop() : $cluster;
    }

    /** Takes the registry's URL apart. */
    protected function checkServerUrl(string $url)
    {
        $info = parse_url($url);
        if (!is_array($info) || !isset($info['scheme'], $info['host'])) {
            throw new \RuntimeException("invalid url parameter '{$url}'");
        }
        $host = trim($info['host'], '[]');
        if (filter_var($host, FILTER_VALIDATE_IP) !== false) {
            $ip = $host;
        } else {
            $ip = Coroutine::getCid() > 0 ? Coroutine::gethostbyname($host) : gethostbyname($host);
            if ($ip === false || filter_var($ip, FILTER_VALIDATE_IP) === false) {
                throw new \RuntimeException("Failed to resolve host '{$host}'");
            }
        }
        $this->baseUrl = rtrim($url, '/');
        $this->info = $info + ['ip' => $ip];
    }

    /** @throws Exception the registry answered with an error */
    protected function checkResponse(ClientProxy $response): bool
    {
        if ($response->getStatusCode() === 200) {
            return true;
        }
        throw new Exception('Http Body: ' . $response->getBody(), $response->getStatusCode());
    }
}
