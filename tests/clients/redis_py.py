"""Python's most used Redis client against an endpoint, as an application uses it: redis_py.py HOST PORT PROTOCOL TRACKING SCRIPTS

TRACKING is 1 where the nodes track for clients, SCRIPTS where they run Lua. Exits with 0 when every reply is right and nothing was warned of.
"""

import logging
import sys
import time
import warnings

import redis
from redis.cache import CacheConfig


class Complaints(logging.Handler):
    """Collects what the library logs as a warning or worse."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def use(client, protocol):
    prefix = f"py{protocol}"
    assert client.ping() is True
    assert client.set(f"{prefix}:a", "1") is True
    assert client.get(f"{prefix}:a") == "1"
    assert client.get(f"{prefix}:nope") is None
    assert client.incr(f"{prefix}:a") == 2
    assert client.mset({f"{prefix}:{n}": str(n) for n in range(100)}) is True
    keys = [f"{prefix}:{n}" for n in reversed(range(100))] + [f"{prefix}:nope"]
    assert client.mget(keys) == [str(n) for n in reversed(range(100))] + [None]
    assert client.exists(*keys) == 100
    assert client.set(f"{prefix}:short", "x", px=60000) is True
    assert 0 < client.pttl(f"{prefix}:short") <= 60000

    pipeline = client.pipeline(transaction=False)
    for n in range(100):
        pipeline.set(f"{prefix}:{n}", n)
        pipeline.get(f"{prefix}:{n}")
    assert pipeline.execute() == [reply for n in range(100) for reply in (True, str(n))]

    try:
        client.execute_command("NOPE", "x")
    except redis.ResponseError as error:
        assert str(error).startswith("unknown command 'NOPE'"), error
    else:
        raise AssertionError("an unknown command was accepted")
    assert set(client.scan_iter(match=f"{prefix}:*", count=20)) == set(keys[:-1]) | {f"{prefix}:a", f"{prefix}:short"}
    assert client.delete(*keys) == 100
    assert client.info("server")["redis_mode"] == "standalone"


def use_transactions(client, prefix):
    key = f"{{{prefix}}}m"
    pipeline = client.pipeline(transaction=True)
    assert pipeline.set(key, "x").append(key, "y").get(key).execute() == [True, 2, "xy"]
    pipeline.watch(key)
    client.set(key, "changed")
    pipeline.multi()
    pipeline.set(key, "lost")
    try:
        pipeline.execute()
    except redis.WatchError:
        pass
    else:
        raise AssertionError("a transaction ran though its key had changed")
    client.delete(key)


def use_queue(client, other, prefix):
    other.rpush(f"{prefix}:q", "element")
    assert list(client.blpop(f"{prefix}:q", timeout=60)) == [f"{prefix}:q", "element"]
    assert client.blpop(f"{prefix}:q", timeout=0.05) is None


def use_channels(client, other, prefix):
    listener = client.pubsub()
    listener.subscribe(f"{prefix}:news")
    listener.psubscribe(f"{prefix}:*")
    confirmed = [listener.get_message(timeout=60) for _ in range(2)]
    assert [message["type"] for message in confirmed] == ["subscribe", "psubscribe"], confirmed
    assert other.publish(f"{prefix}:news", "hello") == 2
    heard = [listener.get_message(timeout=60) for _ in range(2)]
    assert sorted(message["type"] for message in heard) == ["message", "pmessage"], heard
    assert {message["data"] for message in heard} == {"hello"}, heard
    listener.close()


def use_scripts(client, prefix):
    script = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    assert script(keys=[f"{prefix}:n"], args=[4]) == 4
    assert client.evalsha(script.sha, 1, f"{prefix}:other", 1) == 1
    with client.lock(f"{prefix}:lock", timeout=60):
        assert not client.lock(f"{prefix}:lock").acquire(blocking=False)
    client.delete(f"{prefix}:n", f"{prefix}:other")


def use_cache(other, host, port):
    keys = [f"cached:{n}" for n in range(20)]
    for key in keys:
        other.set(key, "old")
    options = {"host": host, "port": port, "protocol": 3, "decode_responses": True}
    with redis.Redis(**options, cache_config=CacheConfig()) as client:
        for key in keys:
            assert client.get(key) == "old"
        assert client.mget(keys) == ["old"] * 20
        cache = client.get_cache()
        assert cache.size == 21, cache.size
        for key in keys:
            other.set(key, "new")
        for read in [lambda: [client.get(key) for key in keys], lambda: client.mget(keys)]:
            deadline = time.monotonic() + 60
            while read() != ["new"] * 20:
                assert time.monotonic() < deadline, "a stale value stays in the cache"
        # All of it is in the cache again: reading adds nothing.
        size = cache.size
        assert client.get(keys[0]) == "new" and cache.size == size
    other.delete(*keys)


def main():
    host, port, protocol = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    warnings.simplefilter("error")
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    with redis.Redis(host=host, port=port, protocol=protocol, decode_responses=True) as client:
        use(client, protocol)
        with redis.Redis(host=host, port=port, protocol=protocol, decode_responses=True) as other:
            use_transactions(client, f"py{protocol}")
            use_queue(client, other, f"py{protocol}")
            use_channels(client, other, f"py{protocol}")
        use_scripts(client, f"py{protocol}")
        if sys.argv[4] == "1" and protocol == 3:
            use_cache(client, host, port)
    # What a client says by itself, with nothing set by the application.
    with redis.Redis(host=host, port=port) as client:
        assert client.ping() is True
    if complaints.lines:
        sys.exit("warned: " + "; ".join(complaints.lines))


main()
