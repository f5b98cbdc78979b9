"""A plain reliable queue under load, while what stands before the nodes is killed: reliable_load.py JOBS DONE

A worker moves a job to a list of its own (BLMOVE), does it, and removes it there (LREM); when its connection breaks,
what it finds in that list is done first. A job is done by a line in the file DONE. KEYS is what keys begin with.
"""

import os
import sys
import time

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

import scene

JOBS, DONE = int(sys.argv[1]), sys.argv[2]
KEYS = os.environ["KEYS"]
TODO = f"{KEYS}todo"


def connect():
    # A job that was moved by a command whose reply is lost is found only by who knows of the loss.
    return redis.Redis(host=scene.HOST, port=scene.PORT, retry=Retry(NoBackoff(), 0))


def work(doing):
    file = os.open(DONE, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def do(client, job):
        os.write(file, job + b"\n")
        client.lrem(doing, 1, job)

    while True:
        try:
            with connect() as client:
                for job in client.lrange(doing, 0, -1):
                    do(client, job)
                while True:
                    job = client.blmove(TODO, doing, timeout=1)
                    if job:
                        do(client, job)
        except redis.RedisError:
            time.sleep(0.02)


def give():
    client = connect()
    for number in range(JOBS):
        while True:
            try:
                client.rpush(TODO, f"job-{number}")
                break
            except redis.RedisError:
                time.sleep(0.02)
        time.sleep(0.005)


def main():
    scene.version("redis")
    for number in range(2):
        scene.start("-m", "reliable_load", str(JOBS), DONE, f"{KEYS}doing:{number}")
    give()
    scene.all_done(DONE, JOBS)


if len(sys.argv) > 3:
    work(sys.argv[3])
else:
    main()
