-- Returns the epoch. Starts a new one if there is none, or if it belongs to another run of the server: after
-- a restart, the memory may be older than the last push.
-- ARGV: the server's run id, a random text.

local epoch = redis.call('GET', 'multiconnect:epoch')
if not epoch or string.sub(epoch, 1, #ARGV[1] + 1) ~= ARGV[1] .. '-' then
    epoch = ARGV[1] .. '-' .. ARGV[2]
    redis.call('SET', 'multiconnect:epoch', epoch)
    redis.call('UNLINK', 'multiconnect:told')
end
return epoch
