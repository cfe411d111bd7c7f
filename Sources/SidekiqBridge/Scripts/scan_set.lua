-- A part of a sorted set. ARGV: the set, a cursor, about how many members.
-- Returns the next cursor; then key, payload and score of each member.

local page = redis.call('ZSCAN', ARGV[1], ARGV[2], 'COUNT', ARGV[3])
local answer = {page[1]}
for i = 1, #page[2], 2 do
    answer[#answer + 1] = entry_key(page[2][i])
    answer[#answer + 1] = page[2][i]
    answer[#answer + 1] = page[2][i + 1]
end
return answer
