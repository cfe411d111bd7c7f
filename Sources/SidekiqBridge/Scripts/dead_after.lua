-- Reads members of `dead` after a given one, or from the first on if the given one does not exist.
-- ARGV: its payload; how many. Returns key and payload of each.

local rank = redis.call('ZRANK', 'dead', ARGV[1])
local first = rank and rank + 1 or 0
local answer = {}
for _, payload in ipairs(redis.call('ZRANGE', 'dead', first, first + tonumber(ARGV[2]) - 1)) do
    answer[#answer + 1] = entry_key(payload)
    answer[#answer + 1] = payload
end
return answer
