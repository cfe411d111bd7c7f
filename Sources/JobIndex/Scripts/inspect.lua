-- Adds lanes of other clients to the ring, and finds lanes without an entry, waiting or in flight. ARGV:
-- lanes. Returns the empty ones.

local busy = {}
for _, payload in ipairs(redis.call('HVALS', 'multiconnect:inflight')) do busy[lane_of(payload)] = true end
local empty = {}
for i = 1, #ARGV do
    local lane = ARGV[i]
    if redis.call('EXISTS', 'queue:' .. lane) == 0 and not busy[lane] then empty[#empty + 1] = lane end
end
wake(adopt())
return empty
