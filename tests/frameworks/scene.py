"""What the scripts here share: the endpoint, conditions with a deadline, and workers in processes of their own.

ENDPOINT is host:port of the front door. DATABASES is 1 where it has several databases. PATIENCE is how many seconds
anything may take. A script prints the version of what it uses, ends with 0 when all is right, and its workers are
killed with it by whoever started it.
"""

import os
import subprocess
import sys
import threading
import time

HOST, PORT = os.environ["ENDPOINT"].rsplit(":", 1)
PORT = int(PORT)
PATIENCE = float(os.environ.get("PATIENCE", "60"))


def database(number):
    """The database of this number, where there are several."""
    return number if os.environ.get("DATABASES") == "1" else 0


def url(number=0):
    return f"redis://{HOST}:{PORT}/{database(number)}"


def start(*args):
    """A Python process beside this one, with its modules."""
    directory = os.path.dirname(os.path.abspath(__file__))
    path = os.pathsep.join(filter(None, [directory, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen([sys.executable, *args], env=os.environ | {"PYTHONPATH": path})


def keep(*args):
    """As start, and once more whenever it ends, as whatever supervises workers does."""

    def run():
        while True:
            start(*args).wait()

    threading.Thread(target=run, daemon=True).start()


def until(what, answer):
    """The first true answer."""
    deadline = time.monotonic() + PATIENCE
    while True:
        value = answer()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {PATIENCE} s for {what}"
        time.sleep(0.05)


def version(*names):
    from importlib.metadata import version as of

    print("version", ", ".join(f"{name} {of(name)}" for name in names), flush=True)


def all_done(path, jobs, is_over=lambda: False):
    """Waits until the file has a line for each job, or none can come any more, and tells which are lost."""

    def lost_and_repeated():
        with open(path, encoding="ascii") as file:
            lines = file.read().split()
        return {f"job-{number}" for number in range(jobs)} - set(lines), len(lines) - len(set(lines))

    try:
        until("every job to be done", lambda: not lost_and_repeated()[0] or is_over())
    finally:
        lost, repeated = lost_and_repeated()
        print(f"{len(lost)} lost, {repeated} done again", flush=True)
        print("lost:", *sorted(lost), flush=True)
    assert len(lost) <= int(os.environ.get("LOST_MAX", "0"))
