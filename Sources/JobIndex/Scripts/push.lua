-- Pushes jobs.
-- ARGV: an epoch to use if there is none; then id, kind, place and payload of each job. The kind `queue`
-- has the lane as its place; `schedule`, `retry` and `dead` have the score.
-- Returns the epoch.

local pushed = 0
for i = 2, #ARGV, 4 do
    local id, kind, place, payload = unpack(ARGV, i, i + 3)
    if kind == 'queue' then
        if put('LPUSH', place, payload) then pushed = pushed + 1 end
    else
        redis.call('ZADD', kind, place, payload)
        if kind == 'dead' then
            -- Sidekiq's own limits: 180 days, 10,000 jobs.
            redis.call('ZREMRANGEBYSCORE', 'dead', '-inf', tonumber(place) - 180 * 86400)
            redis.call('ZREMRANGEBYRANK', 'dead', 0, -10001)
        end
    end
    if kind ~= 'dead' then redis.call('SADD', 'multiconnect:told', id) end
end
wake(pushed)
local epoch = redis.call('GET', 'multiconnect:epoch')
if not epoch then
    -- The same form as in epoch.lua. Another form would make that script start a new epoch, and the
    -- reconciler would push everything again.
    local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
    epoch = run .. '-' .. ARGV[1]
    redis.call('SET', 'multiconnect:epoch', epoch)
end
return epoch
