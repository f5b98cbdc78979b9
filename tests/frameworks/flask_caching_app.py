"""Flask-Caching: single keys and many, memoized functions, cached views, clearing."""

from flask import Flask
from flask_caching import Cache

import scene

app = Flask(__name__)
cache = Cache(app, config={"CACHE_TYPE": "RedisCache", "CACHE_REDIS_URL": scene.url(), "CACHE_DEFAULT_TIMEOUT": 60})
calls = []


@cache.memoize(60)
def square(n):
    calls.append(n)
    return n * n


@app.route("/view")
@cache.cached(60)
def view():
    calls.append("view")
    return "seen"


def main():
    scene.version("Flask-Caching", "cachelib", "redis")
    many = {f"many:{n}": n for n in range(50)}
    with app.app_context():
        assert cache.set("a", {"x": 1}) and cache.get("a") == {"x": 1}
        assert cache.add("a", 2) is False and cache.has("a")
        cache.set_many(many)
        assert cache.get_many(*many) == list(many.values())
        cache.delete_many(*many)
        assert cache.get_many(*many) == [None] * 50
        assert [square(3), square(3), square(4)] == [9, 9, 16] and calls == [3, 4]
        cache.delete_memoized(square)
        assert square(3) == 9 and calls == [3, 4, 3]
        client = app.test_client()
        assert [client.get("/view").data for _ in range(3)] == [b"seen"] * 3
        assert calls.count("view") == 1
        assert cache.clear() is not False
        assert cache.get("a") is None


main()
