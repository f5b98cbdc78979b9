"""redlock-ng over one endpoint: a lock is held by one, waited for, extended and given back."""

import redis
from redlock import Redlock, RedlockConfig

import scene


def main():
    scene.version("redlock-ng", "redis")
    client = redis.Redis(host=scene.HOST, port=scene.PORT)
    config = RedlockConfig(masters=[scene.url()], socket_timeout=scene.PATIENCE, socket_connect_timeout=scene.PATIENCE)
    locks = Redlock(config, retry_count=1)
    for n in range(5):
        held = locks.acquire(f"lock:{n}", 30_000)
        assert held and not locks.acquire(f"lock:{n}", 30_000)
        assert locks.extend(held, 60_000)
        assert client.pttl(f"lock:{n}") > 30_000
        locks.release(held)
        assert client.exists(f"lock:{n}") == 0
        with locks.lock(f"lock:{n}", 30_000):
            assert client.exists(f"lock:{n}") == 1


main()
