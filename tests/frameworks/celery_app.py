"""Celery with a worker: results, retries, countdowns, priorities, a queue of its own name, canvases, remote control."""

from celery import Celery, chain, chord, group
from celery.exceptions import ChordError
from celery.result import AsyncResult, GroupResult

import scene

app = Celery("frameworks", broker=scene.url(0), backend=scene.url(1))
app.conf.task_routes = {"celery_app.mail": {"queue": "mail"}}
app.conf.result_extended = True


@app.task
def add(x, y):
    return x + y


@app.task
def mail(to):
    return f"mailed {to}"


@app.task(bind=True, max_retries=3)
def flaky(self, failures):
    if self.request.retries < failures:
        raise self.retry(countdown=0.1)
    return self.request.retries


@app.task(autoretry_for=(ValueError,), retry_kwargs={"max_retries": 2, "countdown": 0.1})
def hopeless():
    raise ValueError("meant to fail")


@app.task
def total(numbers):
    return sum(numbers)


def results():
    assert add.delay(2, 3).get(timeout=scene.PATIENCE) == 5
    many = [add.delay(n, n) for n in range(30)]
    assert [one.get(timeout=scene.PATIENCE) for one in many] == [2 * n for n in range(30)]
    assert AsyncResult(many[0].id, app=app).state == "SUCCESS"
    many[0].forget()
    assert AsyncResult(many[0].id, app=app).state == "PENDING"
    assert mail.delay("you").get(timeout=scene.PATIENCE) == "mailed you"


def later():
    assert flaky.delay(2).get(timeout=scene.PATIENCE) == 2
    hoped = hopeless.delay()
    assert str(hoped.get(timeout=scene.PATIENCE, propagate=False)) == "meant to fail"
    assert hoped.state == "FAILURE"
    assert add.apply_async((1, 1), countdown=0.5).get(timeout=scene.PATIENCE) == 2
    assert add.apply_async((1, 2), priority=9).get(timeout=scene.PATIENCE) == 3


def canvases():
    parts = group(add.s(n, n) for n in range(10)).apply_async()
    parts.save()
    assert parts.get(timeout=scene.PATIENCE) == [2 * n for n in range(10)]
    assert GroupResult.restore(parts.id, app=app).get(timeout=scene.PATIENCE) == [2 * n for n in range(10)]
    assert chain(add.s(1, 2), add.s(3), add.s(4))().get(timeout=scene.PATIENCE) == 10
    assert chord((add.s(n, n) for n in range(10)), total.s())().get(timeout=scene.PATIENCE) == 90
    nested = chord([chain(add.s(1, 1), add.s(1)), add.s(2, 2), flaky.s(1)], total.s())()
    assert nested.get(timeout=scene.PATIENCE) == 8
    broken = chord([add.s(1, 1), hopeless.s()], total.s())()
    try:
        broken.get(timeout=scene.PATIENCE)
    except (ChordError, ValueError) as error:
        assert "meant to fail" in str(error), error
    else:
        raise AssertionError("a chord over a failed task succeeded")


def control():
    inspect = app.control.inspect(timeout=30, limit=1)
    assert len(inspect.ping()) == 1
    assert inspect.active_queues()
    revoked = add.apply_async((1, 1), countdown=3)
    revoked.revoke()
    scene.until("a task to be revoked", lambda: revoked.state in ("REVOKED", "PENDING"))
    add.apply_async((0, 0), queue="nobody")
    with app.connection_for_write() as connection:
        assert connection.default_channel.queue_purge("nobody") == 1


def main():
    scene.version("celery", "kombu", "redis")
    scene.start("-m", "celery", "-A", "celery_app", "worker", "-Q", "celery,mail", "-c", "2", "-E", "-l", "INFO")
    scene.until("the worker to answer", lambda: app.control.ping(timeout=1, limit=1))
    results()
    later()
    canvases()
    control()


if __name__ == "__main__":
    # By the name by which the worker knows the tasks.
    import celery_app

    celery_app.main()
