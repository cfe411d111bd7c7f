-- Members of `dead` after one of them; from the first on if that one is not there.
-- ARGV: its payload; how many. Returns key and payload of each.

local rank = redis.call('ZRANK', 'dead', ARGV[1])
local first = rank and rank + 1 or 0
local answer = {}
for _, payload in ipairs(redis.call('ZRANGE', 'dead', first, first + tonumber(ARGV[2]) - 1)) do
    answer[#answer + 1] = entry_key(payload)
    answer[#answer + 1] = payload
end
return answer
