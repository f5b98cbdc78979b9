"""Celery with acks_late under load, while what stands before the nodes is killed: celery_load.py JOBS DONE

A job is done by a line in the file DONE.
"""

import os
import sys
import time

import redis
from celery import Celery

import scene

app = Celery("load", broker=scene.url())
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # What a worker took and never acknowledged is given to another after so many seconds, if somebody looks.
    broker_transport_options={
        "visibility_timeout": 5,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    },
)


@app.task
def work(number, path):
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"job-{number}\n".encode())
    os.close(file)


def is_over():
    """Whether nothing waits and nothing is under way, for longer than a message is between the two."""
    client = redis.Redis(host=scene.HOST, port=scene.PORT)
    for _ in range(20):
        if client.llen("celery") + client.hlen("unacked") > 0:
            return False
        time.sleep(0.1)
    return True


def main():
    jobs, path = int(sys.argv[1]), sys.argv[2]
    scene.version("celery", "kombu", "redis")
    scene.keep("-m", "celery", "-A", "celery_load", "worker", "-c", "2", "-l", "INFO")
    for number in range(jobs):
        while True:
            try:
                work.delay(number, path)
                break
            except Exception as error:
                print("again", number, repr(error), flush=True)
                time.sleep(0.02)
        time.sleep(0.01)
    scene.all_done(path, jobs, is_over)


if __name__ == "__main__":
    # By the name by which the worker knows the tasks.
    import celery_load

    celery_load.main()
