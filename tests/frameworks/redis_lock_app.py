"""python-redis-lock: a lock is held by one, waited for, extended, renewed by itself, and reset."""

import threading

import redis
import redis_lock

import scene

client = redis.Redis(host=scene.HOST, port=scene.PORT)


def main():
    scene.version("python-redis-lock", "redis")
    held = redis_lock.Lock(client, "job", expire=30, auto_renewal=True)
    assert held.acquire() and not redis_lock.Lock(client, "job").acquire(blocking=False)
    held.extend(60)
    assert 30 < client.ttl("lock:job") <= 60
    order = []

    def wait():
        with redis_lock.Lock(client, "job", expire=30):
            order.append("waited")

    waiter = threading.Thread(target=wait, daemon=True)
    waiter.start()
    order.append("held")
    held.release()
    waiter.join(scene.PATIENCE)
    assert order == ["held", "waited"], order
    for n in range(20):
        with redis_lock.Lock(client, f"job:{n}", expire=30) as lock:
            assert lock.locked() and lock.get_owner_id() == lock.id
    left = redis_lock.Lock(client, "left", expire=600)
    assert left.acquire()
    redis_lock.Lock(client, "left").reset()
    assert redis_lock.Lock(client, "left", expire=1).acquire(blocking=False)


main()
