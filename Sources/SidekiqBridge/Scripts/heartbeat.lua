-- A process's heartbeat in Sidekiq's keys. Running jobs are under both names that versions of Sidekiq read.
-- ARGV: identity, info, busy, time, round trip in microseconds, quiet, resident kilobytes, day, jobs
-- processed and failed since the last heartbeat; then a thread's name and its work for each running job.
-- Returns the next signal that Sidekiq's pages sent, or nothing.

local identity = ARGV[1]
for name, count in pairs({processed = tonumber(ARGV[9]), failed = tonumber(ARGV[10])}) do
    if count > 0 then
        redis.call('INCRBY', 'stat:' .. name, count)
        redis.call('INCRBY', 'stat:' .. name .. ':' .. ARGV[8], count)
        redis.call('EXPIRE', 'stat:' .. name .. ':' .. ARGV[8], 5 * 365 * 86400)
    end
end
for _, key in ipairs({identity .. ':workers', identity .. ':work'}) do
    redis.call('DEL', key)
    for i = 11, #ARGV, 2 do redis.call('HSET', key, ARGV[i], ARGV[i + 1]) end
    redis.call('EXPIRE', key, 60)
end
redis.call('SADD', 'processes', identity)
redis.call('HSET', identity, 'info', ARGV[2], 'busy', ARGV[3], 'beat', ARGV[4], 'rtt_us', ARGV[5],
    'quiet', ARGV[6], 'rss', ARGV[7])
redis.call('EXPIRE', identity, 60)
return redis.call('RPOP', identity .. '-signals')
