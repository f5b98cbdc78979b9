"""huey with a consumer process: results, retries, schedules, pipelines, locks, periodic tasks, priorities."""

from huey import PriorityRedisHuey, RedisHuey, crontab
from huey.exceptions import TaskException, TaskLockedException

import scene

huey = RedisHuey("frameworks", url=scene.url())
ranked = PriorityRedisHuey("ranked", url=scene.url())


@huey.task()
def add(x, y):
    return x + y


@huey.task(retries=2, retry_delay=0)
def flaky(name, failures):
    if huey.storage.conn.incr(f"tries:{name}") <= failures:
        raise ValueError("meant to fail")
    return name


@huey.periodic_task(crontab(minute="*"))
def every_minute():
    pass


@ranked.task()
def note(name):
    ranked.storage.conn.rpush("noted", name)


def main():
    scene.version("huey", "redis")
    # Before anybody takes them, so that the order shows the priorities.
    for priority in range(5):
        note(priority, priority=priority)
    scene.start("-m", "huey.bin.huey_consumer", "huey_app.ranked", "-w", "1")
    scene.start("-m", "huey.bin.huey_consumer", "huey_app.huey", "-w", "2", "-s", "1")
    wait = {"blocking": True, "timeout": scene.PATIENCE}
    assert add(2, 3).get(**wait) == 5
    assert [one.get(**wait) for one in [add(n, n) for n in range(20)]] == [2 * n for n in range(20)]
    assert flaky("twice", 2).get(**wait) == "twice"
    assert add.schedule((1, 1), delay=1).get(**wait) == 2
    steps = huey.enqueue(add.s(1, 2).then(add, 3).then(add, 4))
    assert steps.get(**wait) == [3, 6, 10]
    try:
        flaky("never", 9).get(**wait)
    except TaskException as error:
        assert "meant to fail" in str(error)
    else:
        raise AssertionError("what failed has a result")
    with huey.lock_task("lock"):
        try:
            with huey.lock_task("lock"):
                raise AssertionError("a lock was taken twice")
        except TaskLockedException:
            pass
    revoked = add.schedule((5, 5), delay=3600)
    revoked.revoke()
    assert revoked.is_revoked()
    scene.until("a task to be scheduled", lambda: huey.scheduled_count() == 1)
    assert len(ranked.storage.conn.lrange("noted", 0, -1)) <= 5
    scene.until("all to be noted", lambda: ranked.storage.conn.llen("noted") == 5)
    assert ranked.storage.conn.lrange("noted", 0, -1) == [b"4", b"3", b"2", b"1", b"0"]
    huey.flush()
    assert huey.scheduled_count() == 0


if __name__ == "__main__":
    # By the name by which the worker knows the tasks.
    import huey_app

    huey_app.main()
