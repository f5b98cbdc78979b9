"""Flask-Limiter with each of its strategies: so many requests pass, the next is refused."""

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

import scene


def use(strategy):
    app = Flask(__name__)
    limiter = Limiter(get_remote_address, app=app, storage_uri=scene.url(), strategy=strategy, key_prefix=strategy)

    @app.route("/slow")
    @limiter.limit("3 per hour; 5 per day")
    def slow():
        return "ok"

    @app.route("/shared")
    @limiter.shared_limit("1 per hour", scope="all")
    def shared():
        return "ok"

    client = app.test_client()
    assert [client.get("/slow").status_code for _ in range(5)] == [200] * 3 + [429] * 2, strategy
    assert [client.get("/shared").status_code for _ in range(2)] == [200, 429], strategy


scene.version("Flask-Limiter", "limits", "redis")
for strategy in ["fixed-window", "moving-window", "sliding-window-counter"]:
    use(strategy)
