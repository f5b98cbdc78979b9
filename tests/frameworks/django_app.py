"""Django's cache and sessions, by its own backend and by django-redis, and a view that is asked by a client."""

import sys

import django
from django.conf import settings

import scene

BACKENDS = {"own": "django.core.cache.backends.redis.RedisCache", "package": "django_redis.cache.RedisCache"}
settings.configure(
    SECRET_KEY="for tests",
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF="django_app",
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
    SESSION_SERIALIZER="django.contrib.sessions.serializers.JSONSerializer",
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    CACHES={
        "default": {"BACKEND": BACKENDS["own"], "LOCATION": scene.url(0)},
        "package": {"BACKEND": BACKENDS["package"], "LOCATION": scene.url(1), "KEY_PREFIX": "package"},
    },
)
django.setup()
sys.modules["django_app"] = sys.modules[__name__]

from django.contrib.sessions.backends.cache import SessionStore  # noqa: E402
from django.core.cache import caches  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.cache import cache_page  # noqa: E402

calls = []


def visit(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(str(request.session["visits"]))


@cache_page(60)
def page(request):
    calls.append(1)
    return HttpResponse("cached")


urlpatterns = [path("visit", visit), path("page", page)]


def use(cache):
    many = {f"many:{n}": {"n": n} for n in range(50)}
    cache.set("a", [1, 2], timeout=60)
    assert cache.get("a") == [1, 2]
    assert cache.get("nope", "default") == "default"
    assert cache.add("a", 3) is False and cache.add("b", 3) is True
    assert cache.incr("b", 4) == 7 and cache.decr("b") == 6
    assert cache.touch("a", 120) is True and cache.has_key("a") and "nope" not in cache
    assert cache.get_or_set("c", lambda: "made", 60) == "made"
    assert cache.set_many(many, timeout=60) in ([], None)
    assert cache.get_many([*many, "nope"]) == many
    cache.set_many({"forever:1": 1, "forever:2": 2}, timeout=None)
    assert cache.get_many(["forever:1", "forever:2"]) == {"forever:1": 1, "forever:2": 2}
    cache.delete_many(many)
    assert cache.get_many(many) == {}
    cache.set("versioned", 1, version=1)
    assert cache.incr_version("versioned") == 2 and cache.get("versioned", version=2) == 1
    assert cache.delete("a") is True and cache.delete("a") is False


def use_package(cache):
    cache.set_many({f"pattern:{n}": n for n in range(100)}, timeout=60)
    assert len(list(cache.iter_keys("pattern:*"))) == 100
    assert 0 < cache.ttl("pattern:1") <= 60
    assert cache.delete_pattern("pattern:*") == 100
    with cache.lock("lock", timeout=30):
        assert not cache.lock("lock").acquire(blocking=False)


def use_sessions():
    store = SessionStore()
    store["user"] = 7
    store.save()
    key = store.session_key
    assert SessionStore(key)["user"] == 7
    store.cycle_key()
    assert store.session_key != key and not store.exists(key)
    store.flush()
    client = Client()
    assert [client.get("/visit").content for _ in range(3)] == [b"1", b"2", b"3"]
    assert Client().get("/visit").content == b"1"
    assert [client.get("/page").content for _ in range(3)] == [b"cached"] * 3
    assert len(calls) == 1


def main():
    scene.version("Django", "django-redis", "redis")
    use(caches["default"])
    use(caches["package"])
    use_package(caches["package"])
    use_sessions()
    caches["default"].set("other", 1)
    caches["package"].clear()
    if scene.database(1) == 1:
        assert caches["default"].get("other") == 1
    caches["default"].clear()
    assert caches["default"].get("other") is None


main()
