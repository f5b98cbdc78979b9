"""arq: results, retries, deferred jobs, unique jobs, with a worker in this process."""

import asyncio

from arq import Retry, Worker, create_pool
from arq.connections import RedisSettings

import scene


async def add(ctx, x, y):
    return x + y


async def flaky(ctx, failures):
    if ctx["job_try"] <= failures:
        raise Retry(defer=0.1)
    return ctx["job_try"]


async def main():
    scene.version("arq", "redis")
    settings = RedisSettings(host=scene.HOST, port=scene.PORT)
    pool = await create_pool(settings)
    worker = Worker([add, flaky], redis_settings=settings, handle_signals=False, poll_delay=0.1)
    working = asyncio.create_task(worker.async_run())
    wait = {"timeout": scene.PATIENCE, "poll_delay": 0.05}
    jobs = [await pool.enqueue_job("add", n, n) for n in range(20)]
    assert [await job.result(**wait) for job in jobs] == [2 * n for n in range(20)]
    assert await (await pool.enqueue_job("flaky", 2)).result(**wait) == 3
    assert await (await pool.enqueue_job("add", 1, 1, _defer_by=1)).result(**wait) == 2
    once = await pool.enqueue_job("add", 1, 2, _job_id="once", _defer_by=1)
    assert await pool.enqueue_job("add", 1, 2, _job_id="once") is None
    assert await once.result(**wait) == 3
    assert len(await pool.all_job_results()) >= 23
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    await worker.close()
    await pool.aclose()


asyncio.run(main())
