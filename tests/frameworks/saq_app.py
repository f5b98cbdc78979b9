"""saq: results, retries, scheduled jobs, many at once, an aborted job, with a worker in this process.

QUEUE is the name of the queue, where it is not to be saq's own.
"""

import asyncio
import os
import time

from saq import Queue, Worker
from saq.job import Status

import scene


async def add(ctx, *, x, y):
    return x + y


async def flaky(ctx, *, failures):
    if ctx["job"].attempts <= failures:
        raise ValueError("meant to fail")
    return ctx["job"].attempts


async def linger(ctx):
    await asyncio.sleep(600)


async def until(what, answer):
    deadline = time.monotonic() + scene.PATIENCE
    while not await answer():
        assert time.monotonic() < deadline, f"waited for {what}"
        await asyncio.sleep(0.05)


async def main():
    scene.version("saq", "redis")
    queue = Queue.from_url(scene.url(), name=os.environ.get("QUEUE", "default"))
    await queue.connect()
    worker = Worker(queue, functions=[add, flaky, linger], concurrency=4, timers={"schedule": 1, "sweep": 1})
    working = asyncio.create_task(worker.start())

    # It aborts what it meets between the queue and the note that a worker has begun it.
    async def has_swept():
        return await queue.redis.exists(queue.namespace("sweep"))

    await until("the first sweep", has_swept)
    assert await queue.apply("add", x=2, y=3, timeout=scene.PATIENCE) == 5
    assert await queue.map("add", [{"x": n, "y": n} for n in range(20)]) == [2 * n for n in range(20)]
    assert await queue.apply("flaky", failures=2, retries=5, timeout=scene.PATIENCE) == 3
    later = await queue.enqueue("add", x=1, y=1, scheduled=time.time() + 1)
    await later.refresh(scene.PATIENCE)
    assert later.result == 2 and later.status == Status.COMPLETE
    once = await queue.enqueue("linger", key="once", timeout=600)
    assert await queue.enqueue("linger", key="once") is None

    async def is_active():
        await once.refresh()
        return once.status == Status.ACTIVE

    await until("a job to begin", is_active)
    await once.abort("enough")

    async def is_aborted():
        await once.refresh()
        return once.status == Status.ABORTED

    await until("a job to be aborted", is_aborted)
    assert (await queue.info())["queued"] == 0
    await worker.stop()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    await queue.disconnect()


asyncio.run(main())
