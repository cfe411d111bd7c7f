-- Pops entries, lane by lane in the order of the ring.
-- ARGV: how many; how long an entry may be in flight, in seconds; what tenants and classes may take (the
-- JSON of `ClaimRoom`, or empty); then the keys of entries whose rows are claimed by now.
-- Returns the seconds until there may be more entries (-1: unknown) and how many lanes are left; then key and
-- payload of each entry.

-- Entries of a full class that other entries of their lane may pass.
local passed_entries = 15
-- Lanes with only such entries that one claim reads. The next claim reads the next ones.
local full_lanes = 64
-- Entries of `schedule` and `retry`, and entries in flight, that one claim moves.
local moved_entries = 64
-- Due entries whose lanes have keys of another type that one claim skips.
local skipped_entries = 1024

local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local lease = tonumber(ARGV[2])
local due = -1

-- The lease of an entry in flight is over: its worker died between pop and claim.
local function return_late()
    local late = redis.call('ZRANGEBYSCORE', 'multiconnect:leases', '-inf', now, 'LIMIT', 0, moved_entries)
    for _, key in ipairs(late) do
        if not put_back(key) then redis.call('ZADD', 'multiconnect:leases', now + lease, key) end
    end
end

-- Moves due entries of a sorted set into their lanes. An entry whose lane has a key of another type stays.
local function move_due(set)
    local moved, skipped = 0, 0
    while moved < moved_entries and skipped < skipped_entries do
        local ready = redis.call('ZRANGEBYSCORE', set, '-inf', now, 'LIMIT', skipped, moved_entries - moved)
        if #ready == 0 then break end
        for _, payload in ipairs(ready) do
            -- The text is changed directly: decoding and encoding would turn an empty array into an object.
            local stamped = payload
            if #payload > 2 and string.sub(payload, -1) == '}' then
                stamped = string.sub(payload, 1, -2) .. string.format(',"enqueued_at":%.6f}', now)
            end
            if put('LPUSH', lane_of(payload), stamped) then
                redis.call('ZREM', set, payload)
                moved = moved + 1
            else
                skipped = skipped + 1
            end
        end
    end
    wake(moved)
    local first = skipped > 0 and string.format('(%.17g', now) or '-inf'
    local head = redis.call('ZRANGEBYSCORE', set, first, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if head[2] then
        local pause = math.max(tonumber(head[2]) - now, 0)
        if due < 0 or pause < due then due = pause end
    end
end

local count = tonumber(ARGV[1])
local cap, running, free, classes = nil, {}, 0, nil
if ARGV[3] ~= '' then
    local room = cjson.decode(ARGV[3])
    cap, running, free, classes = room.cap, room.running or {}, room.free, room.classes
end

local function may_run(payload)
    local class = field(payload, 'class')
    local room = class and classes[class]
    if room and room > 0 then classes[class] = room - 1 end
    return room ~= 0
end

-- The lane's next entry that may run. False if the lane is empty. Nil if every entry that was read has a full
-- class.
local function pop(lane)
    local list = 'queue:' .. lane
    local payload = redis.pcall('RPOP', list)
    if failed(payload) then return false end
    if not payload or not classes or may_run(payload) then return payload end
    redis.call('RPUSH', list, payload)
    local entries = redis.call('LRANGE', list, -passed_entries - 1, -2)
    for i = #entries, 1, -1 do
        if may_run(entries[i]) then
            redis.call('LREM', list, -1, entries[i])
            return entries[i]
        end
    end
    return nil
end

local function drop(lane)
    redis.call('SREM', 'multiconnect:lanes', lane)
    redis.call('SREM', 'queues', lane)
    redis.call('HDEL', 'multiconnect:turns', lane)
end

-- The lane goes to the end of the ring, or stays at its head while its weight gives it more entries.
local is_weighted = redis.call('EXISTS', 'multiconnect:weights') == 1
local function rotate(lane)
    local weight = is_weighted and weight_of(lane) or 1
    if weight > 1 then
        if redis.call('HINCRBY', 'multiconnect:turns', lane, 1) < weight then
            return redis.call('LPUSH', 'multiconnect:ring', lane)
        end
        redis.call('HDEL', 'multiconnect:turns', lane)
    end
    redis.call('RPUSH', 'multiconnect:ring', lane)
end

forget(4)
return_late()
move_due('schedule')
move_due('retry')

-- A tenant at its cap is passed over as long as another lane has an entry.
local taken, keys, leases, passed, full = {}, {}, {}, {}, {}
while #taken < 2 * count and #full < full_lanes do
    local lane = redis.call('LPOP', 'multiconnect:ring')
    local tenant = lane and cap and tenant_of(lane)
    if not lane then
        -- No other tenant waits: tenants at their cap get the slots that are free now.
        if #passed == 0 or #taken >= 2 * free then break end
        for _, other in ipairs(passed) do redis.call('RPUSH', 'multiconnect:ring', other) end
        passed, cap, count = {}, nil, free
    elseif tenant and (running[tenant] or 0) >= cap and redis.call('EXISTS', 'queue:' .. lane) == 1 then
        passed[#passed + 1] = lane
    else
        local payload = pop(lane)
        if payload then
            -- An empty lane leaves the ring at once, so that the worker does not ask for more.
            if redis.call('LLEN', 'queue:' .. lane) > 0 then rotate(lane) else drop(lane) end
            local key = entry_key(payload)
            keys[#keys + 1] = key
            leases[#leases + 1] = now + lease
            leases[#leases + 1] = key
            taken[#taken + 1] = key
            taken[#taken + 1] = payload
            if tenant then running[tenant] = (running[tenant] or 0) + 1 end
        elseif payload == nil then
            full[#full + 1] = lane
        else
            drop(lane)
        end
    end
end
if #taken > 0 then
    redis.call('HSET', 'multiconnect:inflight', unpack(taken))
    redis.call('ZADD', 'multiconnect:leases', unpack(leases))
    -- A popped entry's row needs no record of its push.
    redis.call('SREM', 'multiconnect:told', unpack(keys))
end
for i = #passed, 1, -1 do redis.call('LPUSH', 'multiconnect:ring', passed[i]) end
for _, lane in ipairs(full) do redis.call('RPUSH', 'multiconnect:ring', lane) end
-- The end of a job of a full class adds no wake token, so the next claim comes soon.
if #full > 0 and (due < 0 or due > 0.05) then due = 0.05 end
local left = redis.call('LLEN', 'multiconnect:ring')
if left == 0 then redis.call('DEL', 'multiconnect:wake') end
table.insert(taken, 1, tostring(due))
table.insert(taken, 2, tostring(left))
return taken
