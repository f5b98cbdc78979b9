# Sidekiq with a worker process: jobs, many at once, queues by weight, delays, retries, jobs that die, statistics.
#
# ENDPOINT is host:port of the front door, DATABASES is 1 where it has several databases.

require "sidekiq"
require "sidekiq/api"

Redis.silence_deprecations = true
ENDPOINT = ENV.fetch("ENDPOINT")
PATIENCE = ENV.fetch("PATIENCE", "60").to_f
URL = "redis://#{ENDPOINT}/#{ENV["DATABASES"] == "1" ? 1 : 0}"
Sidekiq.configure_client { |config| config.redis = { url: URL } }
Sidekiq.configure_server do |config|
  config.redis = { url: URL }
  # Without the pause in which many processes find each other.
  Sidekiq.options[:poll_interval_average] = 0.5
end

def note(text)
  Sidekiq.redis { |redis| redis.sadd("noted", text) }
end

class Adder
  include Sidekiq::Worker
  def perform(x, y)
    note("#{x} and #{y} are #{x + y}")
  end
end

class Flaky
  include Sidekiq::Worker
  sidekiq_options queue: "low", retry: 3
  def perform(name, failures)
    tries = Sidekiq.redis { |redis| redis.incr("tries:#{name}") }
    raise "meant to fail" if tries <= failures
    note("flaky #{name}")
  end
end

class Hopeless
  include Sidekiq::Worker
  sidekiq_options retry: 0
  def perform
    raise "meant to fail"
  end
end

def until_true(what)
  deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + PATIENCE
  until (answer = yield)
    abort("waited #{PATIENCE} s for #{what}") if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
    sleep(0.05)
  end
  answer
end

def noted?(text)
  Sidekiq.redis { |redis| redis.sismember("noted", text) }
end

def same(got, wanted)
  abort("got #{got.inspect}, wanted #{wanted.inspect} at #{caller(1, 1).first}") unless got == wanted
end

def main
  puts "version sidekiq #{Sidekiq::VERSION}, redis #{Redis::VERSION}"
  $stdout.flush
  spawn("sidekiq", "-r", File.expand_path(__FILE__), "-c", "3", "-q", "default,2", "-q", "low", "-t", "2")
  Adder.perform_async(1, 2)
  until_true("a job") { noted?("1 and 2 are 3") }
  Sidekiq::Client.push_bulk("class" => Adder, "args" => (0...100).map { |n| [n, n] })
  until_true("many jobs") { (0...100).all? { |n| noted?("#{n} and #{n} are #{2 * n}") } }
  Adder.perform_in(5, 1000, 1)
  same Sidekiq::ScheduledSet.new.size, 1
  until_true("a scheduled job") { noted?("1000 and 1 are 1001") }
  Hopeless.perform_async
  Flaky.perform_async("twice", 2)
  retries = Sidekiq::RetrySet.new
  until_true("a job to be tried again") do
    # When it would be their turn Sidekiq leaves to chance.
    retries.retry_all
    noted?("flaky twice")
  end
  until_true("nothing to be under way") { Sidekiq::Queue.all.sum(&:size).zero? && retries.size.zero? }
  same Sidekiq::DeadSet.new.map(&:klass), ["Hopeless"]
  kept = Adder.perform_in(3600, 0, 0)
  same Sidekiq::ScheduledSet.new.find_job(kept).delete, true
  until_true("statistics") { Sidekiq::Stats.new.processed >= 103 && Sidekiq::Stats.new.failed >= 3 }
  same Sidekiq::Stats.new.queues.keys.sort - %w[default low], []
  until_true("the process to be listed") { Sidekiq::ProcessSet.new.size == 1 }
  Sidekiq::ProcessSet.new.each(&:stop!)
  until_true("the process to leave") { Sidekiq::ProcessSet.new.size.zero? }
end

main if $PROGRAM_NAME == __FILE__
