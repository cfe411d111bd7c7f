-- Takes jobs that were pushed and whose rows do not record it yet. ARGV: how many at most.
-- Returns the epoch, then the ids; nothing if there is no epoch.

local epoch = redis.call('GET', 'multiconnect:epoch')
if not epoch then return {} end
local pushed = redis.call('SPOP', 'multiconnect:told', ARGV[1])
table.insert(pushed, 1, epoch)
return pushed
