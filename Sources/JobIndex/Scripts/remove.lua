-- Removes the entries of jobs.
-- ARGV: how many entries of a lane are searched, from the end that is popped next; then set (empty: only
-- the lane), score, lane and jid of each job.
-- Returns how many entries it removed. An entry further back stays: the claim of its row will fail.

local wanted, lanes, dead = {}, {}, false
local removed = 0

-- The jid of the wanted job that a payload belongs to. The pattern can match inside the arguments, so the
-- payload is decoded to check it.
local function owner(payload)
    for jid in string.gmatch(payload, '"jid"%s*:%s*"(%x+)"') do
        if wanted[jid] then
            local ok, job = pcall(cjson.decode, payload)
            if ok and type(job) == 'table' and wanted[job['jid']] then return job['jid'] end
            return nil
        end
    end
    return nil
end

for i = 2, #ARGV, 4 do wanted[ARGV[i + 3]] = true end
for i = 2, #ARGV, 4 do
    local set, score, lane, jid = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
    local found = false
    if set == 'dead' then
        dead, found = true, true
    elseif set ~= '' then
        for _, payload in ipairs(redis.call('ZRANGEBYSCORE', set, score, score)) do
            if owner(payload) == jid then
                removed = removed + redis.call('ZREM', set, payload)
                found = true
            end
        end
    end
    if not found then lanes[lane] = true end
end
if dead then
    for _, payload in ipairs(redis.call('ZRANGE', 'dead', 0, -1)) do
        if owner(payload) then removed = removed + redis.call('ZREM', 'dead', payload) end
    end
end
for lane in pairs(lanes) do
    local key = 'queue:' .. lane
    local length = redis.pcall('LLEN', key)
    if not failed(length) then
        local first = math.max(length - tonumber(ARGV[1]), 0)
        local count = 0
        for offset, payload in ipairs(redis.call('LRANGE', key, first, -1)) do
            if owner(payload) then
                -- The empty text marks an entry, because no payload is empty. So one LREM removes all marked
                -- entries.
                redis.call('LSET', key, first + offset - 1, '')
                count = count + 1
            end
        end
        if count > 0 then removed = removed + redis.call('LREM', key, -count, '') end
        if length == count then redis.call('SREM', 'queues', lane) end
    end
end
return removed
