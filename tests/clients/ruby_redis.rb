# ruby-redis against an endpoint, as an application uses it: ruby_redis.rb HOST PORT SCRIPTS
# SCRIPTS is 1 where the nodes run Lua. Ends with 0 and without a word when every reply is right.

require "redis"

host, port = ARGV

def same(got, wanted)
  abort("got #{got.inspect}, wanted #{wanted.inspect} at #{caller(1, 1).first}") unless got == wanted
end

redis = Redis.new(host: host, port: port.to_i, timeout: 60)
other = Redis.new(host: host, port: port.to_i, timeout: 60)
same redis.set("rb:a", "1"), "OK"
same redis.mget("rb:a", "rb:nope"), ["1", nil]
same redis.pipelined { |p| p.incr("rb:a"); p.get("rb:a"); p.del("rb:a") }, [2, "2", 1]
same redis.multi { |m| m.set("{rb}m", "x"); m.append("{rb}m", "y"); m.get("{rb}m") }, ["OK", 2, "xy"]
lost = redis.watch("{rb}m") do
  other.set("{rb}m", "changed")
  redis.multi { |m| m.set("{rb}m", "lost") }
end
same lost, nil

same redis.hset("rb:h", { "a" => "1", "b" => "2" }), 2
same redis.hgetall("rb:h"), { "a" => "1", "b" => "2" }
same redis.zadd("rb:z", [[1, "one"], [2.5, "two"]]), 2
same redis.zrange("rb:z", 0, -1, with_scores: true), [["one", 1.0], ["two", 2.5]]
other.rpush("rb:q", "element")
same redis.blpop("rb:q", timeout: 60), ["rb:q", "element"]

wanted = (0...200).map { |n| "rb:scan:#{n}" }
redis.mset(*wanted.flat_map { |key| [key, "x"] })
same redis.scan_each(match: "rb:scan:*", count: 50).to_a.uniq.sort, wanted.sort

heard = nil
listener = Redis.new(host: host, port: port.to_i, timeout: 60)
listener.subscribe("rb:news") do |on|
  on.subscribe { other.publish("rb:news", "hello") }
  on.message do |channel, text|
    heard = [channel, text]
    listener.unsubscribe
  end
end
same heard, ["rb:news", "hello"]

same redis.eval('return redis.call("INCRBY", KEYS[1], ARGV[1])', keys: ["rb:n"], argv: ["4"]), 4
redis.del(*wanted, "{rb}m", "rb:h", "rb:z", "rb:n")
