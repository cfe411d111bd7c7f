#!/usr/bin/env ruby
# The real Sidekiq, over the Redis of REDIS_URL: its pages, the buttons on them, and its client. What it finds is
# printed as one JSON document. Debian's ruby-sidekiq is all it needs; no server listens.
#
#   sidekiq_check.rb pages PATH...                        -> {PATH: {"status":.., "body":..}}
#   sidekiq_check.rb press FROM TO NAME=VALUE...          -> {"status":..}   opens FROM for its token, posts to TO
#   sidekiq_check.rb push CLASS QUEUE ARGUMENTS [SECONDS] -> {"jid":..}      ARGUMENTS is a JSON array
#   sidekiq_check.rb bulk CLASS QUEUE COUNT               -> {"jids":[..]}
#   sidekiq_check.rb perform CLASS ARGUMENTS [SECONDS]    -> {"jid":..}      with perform_async or perform_in
#   sidekiq_check.rb stats                                -> {"processed":.., "failed":.., "history":{..}}
require "json"
require "rack"
require "rack/mock"
require "sidekiq"
require "sidekiq/api"
require "sidekiq/web"

redis = {url: ENV.fetch("REDIS_URL")}
Sidekiq.configure_client { |config| config.redis = redis }
Sidekiq.logger.level = Logger::ERROR

# A browser: it keeps its cookie.
class Browser
  def initialize
    @app = Rack::Builder.new do
      use Rack::Session::Cookie, secret: "a" * 64, same_site: true
      run Sidekiq::Web
    end
    @cookie = nil
  end

  def get(path)
    request("GET", path)
  end

  def press(from, to, fields)
    token = get(from).body[/name='authenticity_token' value='([^']+)'/, 1]
    abort "no form on #{from}" unless token
    request("POST", to, params: fields + [["authenticity_token", token]])
  end

  private

  def request(method, path, params: nil)
    options = {"HTTP_COOKIE" => @cookie.to_s}
    if params
      options[:input] = URI.encode_www_form(params)
      options["CONTENT_TYPE"] = "application/x-www-form-urlencoded"
    end
    response = Rack::MockRequest.new(@app).request(method, path, options)
    set = response["Set-Cookie"]
    @cookie = set.split(";").first if set
    response
  end
end

command, *rest = ARGV
answer =
  case command
  when "pages"
    browser = Browser.new
    rest.to_h do |path|
      response = browser.get(path)
      [path, {status: response.status, body: response.body}]
    end
  when "press"
    from, to, *fields = rest
    {status: Browser.new.press(from, to, fields.map { |field| field.split("=", 2) }).status}
  when "push"
    name, queue, arguments, seconds = rest
    item = {"class" => name, "queue" => queue, "args" => JSON.parse(arguments)}
    item["at"] = Time.now.to_f + seconds.to_f if seconds
    {jid: Sidekiq::Client.push(item)}
  when "bulk"
    name, queue, count = rest
    {jids: Sidekiq::Client.push_bulk("class" => name, "queue" => queue, "args" => (1..count.to_i).map { |i| [i] })}
  when "perform"
    name, arguments, seconds = rest
    worker = Class.new { include Sidekiq::Worker }
    Object.const_set(name, worker)
    arguments = JSON.parse(arguments)
    {jid: seconds ? worker.perform_in(seconds.to_f, *arguments) : worker.perform_async(*arguments)}
  when "stats"
    stats = Sidekiq::Stats.new
    history = Sidekiq::Stats::History.new(1)
    {processed: stats.processed, failed: stats.failed, enqueued: stats.enqueued, scheduled: stats.scheduled_size,
     retries: stats.retry_size, dead: stats.dead_size, workers: stats.workers_size, queues: stats.queues,
     history: {processed: history.processed, failed: history.failed}}
  else
    abort "sidekiq_check.rb: unknown command #{command.inspect}; see its head"
  end
puts JSON.generate(answer)
