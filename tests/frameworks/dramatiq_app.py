"""dramatiq with a worker process: results, retries, delays, groups with a callback, pipelines, rate limits."""

import dramatiq
from dramatiq import group, pipeline
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import GroupCallbacks
from dramatiq.rate_limits import ConcurrentRateLimiter, WindowRateLimiter
from dramatiq.rate_limits.backends import RedisBackend as LimiterBackend
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend
from dramatiq.results.errors import ResultFailure

import scene

broker = RedisBroker(url=scene.url())
limits = LimiterBackend(url=scene.url())
broker.add_middleware(Results(backend=RedisBackend(url=scene.url())))
broker.add_middleware(GroupCallbacks(limits))
dramatiq.set_broker(broker)
TIMEOUT_MS = int(scene.PATIENCE * 1000)


@dramatiq.actor(store_results=True)
def add(x, y):
    return x + y


@dramatiq.actor(store_results=True, max_retries=3, min_backoff=100, max_backoff=100)
def flaky(name, failures):
    if broker.client.incr(f"tries:{name}") <= failures:
        raise ValueError("meant to fail")
    return name


@dramatiq.actor
def finished(name):
    broker.client.set(name, "1")


def main():
    scene.version("dramatiq", "redis")
    scene.start("-m", "dramatiq", "dramatiq_app", "--processes", "1", "--threads", "2")
    wait = {"block": True, "timeout": TIMEOUT_MS}
    assert add.send(2, 3).get_result(**wait) == 5
    sent = [add.send(n, n) for n in range(20)]
    assert [one.get_result(**wait) for one in sent] == [2 * n for n in range(20)]
    assert flaky.send("twice", 2).get_result(**wait) == "twice"
    assert add.send_with_options(args=(1, 1), delay=300).get_result(**wait) == 2
    assert pipeline([add.message(1, 2), add.message(3), add.message(4)]).run().get_result(**wait) == 10
    many = group([add.message(n, 1) for n in range(5)])
    many.add_completion_callback(finished.message("group-finished"))
    assert list(many.run().get_results(**wait)) == [1, 2, 3, 4, 5]
    scene.until("a group's callback", lambda: broker.client.get("group-finished"))
    try:
        flaky.send_with_options(args=("never", 9), max_retries=0).get_result(**wait)
    except ResultFailure as failure:
        assert "meant to fail" in str(failure)
    else:
        raise AssertionError("what failed has a result")
    with ConcurrentRateLimiter(limits, "one-at-once", limit=1).acquire():
        with ConcurrentRateLimiter(limits, "one-at-once", limit=1).acquire(raise_on_failure=False) as got:
            assert not got
    window = WindowRateLimiter(limits, "window", limit=3, window=60)
    taken = []
    for _ in range(5):
        with window.acquire(raise_on_failure=False) as got:
            taken.append(got)
    assert taken == [True] * 3 + [False] * 2, taken
    broker.join("default", timeout=TIMEOUT_MS)
    broker.flush_all()


if __name__ == "__main__":
    main()
