"""Python's most used Redis client against an endpoint, as an application uses it: redis_py.py HOST PORT PROTOCOL

Exits with 0 when every reply is right and nothing was warned of.
"""

import logging
import sys
import warnings

import redis


class Complaints(logging.Handler):
    """Collects what the library logs as a warning or worse."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def use(client, protocol):
    prefix = f"py{protocol}"
    assert client.ping() is True
    assert client.set(f"{prefix}:a", "1") is True
    assert client.get(f"{prefix}:a") == "1"
    assert client.get(f"{prefix}:nope") is None
    assert client.incr(f"{prefix}:a") == 2
    assert client.mset({f"{prefix}:{n}": str(n) for n in range(100)}) is True
    keys = [f"{prefix}:{n}" for n in reversed(range(100))] + [f"{prefix}:nope"]
    assert client.mget(keys) == [str(n) for n in reversed(range(100))] + [None]
    assert client.exists(*keys) == 100
    assert client.set(f"{prefix}:short", "x", px=60000) is True
    assert 0 < client.pttl(f"{prefix}:short") <= 60000

    pipeline = client.pipeline(transaction=False)
    for n in range(100):
        pipeline.set(f"{prefix}:{n}", n)
        pipeline.get(f"{prefix}:{n}")
    assert pipeline.execute() == [reply for n in range(100) for reply in (True, str(n))]

    try:
        client.execute_command("NOPE", "x")
    except redis.ResponseError as error:
        assert str(error).startswith("unknown command 'NOPE'"), error
    else:
        raise AssertionError("an unknown command was accepted")
    assert client.delete(*keys) == 100
    assert client.info("server")["redis_mode"] == "standalone"


def main():
    host, port, protocol = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    warnings.simplefilter("error")
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    with redis.Redis(host=host, port=port, protocol=protocol, decode_responses=True) as client:
        use(client, protocol)
    # What a client says by itself, with nothing set by the application.
    with redis.Redis(host=host, port=port) as client:
        assert client.ping() is True
    if complaints.lines:
        sys.exit("warned: " + "; ".join(complaints.lines))


main()
