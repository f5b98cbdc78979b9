"""RQ with a worker that forks: results, dependencies, retries, scheduled jobs, failures, callbacks, commands."""

import sys
import time
from datetime import timedelta

import redis
from rq import Callback, Queue, Retry, Worker
from rq.command import send_stop_job_command
from rq.job import Job
from rq.registry import FailedJobRegistry

import scene

connection = redis.Redis(host=scene.HOST, port=scene.PORT)


def add(x, y):
    return x + y


def flaky(name, failures):
    if connection.incr(f"tries:{name}") <= failures:
        raise ValueError("meant to fail")
    return "done"


def linger():
    connection.set("lingers", 1)
    time.sleep(60)


def on_success(job, connection, result):
    connection.set("succeeded", job.id)


def finished(job):
    return scene.until(f"{job.func_name} to be finished", lambda: job.is_finished)


def results(queue):
    job = queue.enqueue("rq_app.add", 2, 3, on_success=Callback("rq_app.on_success"))
    finished(job)
    assert job.latest_result().return_value == 5
    assert connection.get("succeeded") == job.id.encode()
    many = queue.enqueue_many([Queue.prepare_data("rq_app.add", (n, n)) for n in range(10)])
    assert [finished(job) and job.return_value() for job in many] == [2 * n for n in range(10)]
    first = queue.enqueue("rq_app.add", 1, 1)
    second = queue.enqueue("rq_app.add", 2, 2, depends_on=first)
    third = queue.enqueue("rq_app.add", 3, 3, depends_on=[first, second])
    finished(third)
    assert third.return_value() == 6


def later(queue):
    finished(queue.enqueue("rq_app.flaky", "at-once", 2, retry=Retry(max=2)))
    finished(queue.enqueue("rq_app.flaky", "later", 1, retry=Retry(max=1, interval=1)))
    finished(queue.enqueue_in(timedelta(seconds=1), "rq_app.add", 1, 1))
    failed = queue.enqueue("rq_app.flaky", "never", 1)
    scene.until("a job to fail", lambda: failed.is_failed)
    registry = FailedJobRegistry(queue=queue)
    assert failed.id in registry
    registry.requeue(failed.id)
    finished(failed)


def commands(queue):
    stopped = queue.enqueue("rq_app.linger")
    scene.until("a job to linger", lambda: connection.get("lingers"))
    send_stop_job_command(connection, stopped.id)
    scene.until("a job to be stopped", lambda: stopped.get_status(refresh=True) == "stopped")
    (worker,) = Worker.all(connection=connection)
    assert worker.successful_job_count > 10
    stopped.delete()
    assert not Job.exists(stopped.id, connection=connection)
    assert queue.count == 0


def main():
    scene.version("rq", "redis")
    scene.start("-m", "rq_app", "worker")
    queue = Queue("default", connection=connection)
    results(queue)
    later(queue)
    commands(queue)


if __name__ == "__main__":
    if sys.argv[1:] == ["worker"]:
        Worker(["high", "default"], connection=connection).work(with_scheduler=True)
    else:
        main()
