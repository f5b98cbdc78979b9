"""channels-redis: messages to channels and to groups over several layers, as several server processes have them."""

import asyncio

from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

import scene


async def use(make):
    layers = [make(hosts=[scene.url()]) for _ in range(3)]
    names = [await layer.new_channel() for layer in layers for _ in range(2)]
    owners = [layer for layer in layers for _ in range(2)]
    for layer, name in zip(owners, names):
        await layer.send(name, {"type": "hello", "to": name})
        assert await asyncio.wait_for(layer.receive(name), scene.PATIENCE) == {"type": "hello", "to": name}
        await layer.group_add("room", name)
    for round in range(5):
        await layers[0].group_send("room", {"type": "news", "round": round})
        heard = [asyncio.wait_for(layer.receive(name), scene.PATIENCE) for layer, name in zip(owners, names)]
        assert await asyncio.gather(*heard) == [{"type": "news", "round": round}] * len(names)
    await layers[0].group_discard("room", names[0])
    await layers[1].group_send("room", {"type": "last"})
    heard = [asyncio.wait_for(layer.receive(name), scene.PATIENCE) for layer, name in zip(owners[1:], names[1:])]
    assert await asyncio.gather(*heard) == [{"type": "last"}] * (len(names) - 1)
    await layers[0].flush()


scene.version("channels-redis", "channels", "redis")
for make in [RedisChannelLayer, RedisPubSubChannelLayer]:
    asyncio.run(use(make))
