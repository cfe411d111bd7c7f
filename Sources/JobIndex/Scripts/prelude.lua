-- Functions that the scripts share; each script is sent with this text before it.
--
-- Keys. Lane keys are derived from payloads, so the keys of one Redis cannot be spread over a cluster.
--   queues (set), queue:<lane> (list), schedule, retry, dead (sorted sets): Sidekiq's own.
--   multiconnect:ring (list): lanes that may hold entries, in the order of their turns.
--   multiconnect:lanes (set): the lanes in the ring, so that none is added twice.
--   multiconnect:weights (hash): tenant -> entries per turn, where that is more than one.
--   multiconnect:turns (hash): lane -> entries taken in its current turn.
--   multiconnect:wake (list): tokens that idle workers wait for.
--   multiconnect:inflight (hash), multiconnect:leases (sorted set): popped entries whose rows are not
--     claimed yet.
--   multiconnect:told (set): pushed jobs whose rows do not record the push yet.
--   multiconnect:epoch (string): changes when Redis lost its memory.
--   multiconnect:dead (string): the epoch under which the dead jobs were pushed.
--   multiconnect:watch (string): the worker that scans for external changes.

-- A string field of a payload. Other clients push too, so a payload can be any text.
local function field(payload, name)
    local ok, job = pcall(cjson.decode, payload)
    if ok and type(job) == 'table' and type(job[name]) == 'string' then return job[name] end
    return nil
end

local function lane_of(payload) return field(payload, 'queue') or 'default' end

-- The key of an entry: its job id if that is one of ours (24 hexadecimal digits), else a digest of the job
-- id, else a digest of the payload. The same entry always has the same key.
local function entry_key(payload)
    local jid = field(payload, 'jid')
    if jid and #jid == 24 and not string.find(jid, '[^0-9a-f]') then return jid end
    return redis.sha1hex(jid or payload)
end

-- Only a UUID marks a tenant's lane: a queue's own name can contain colons.
local hex = '%x%x%x%x'
local uuid = hex .. hex .. '%-' .. hex .. '%-' .. hex .. '%-' .. hex .. '%-' .. hex .. hex .. hex
local function tenant_of(lane) return string.match(lane, ':t%-(' .. uuid .. ')$') end

local function weight_of(lane)
    local tenant = tenant_of(lane)
    return tenant and tonumber(redis.call('HGET', 'multiconnect:weights', tenant)) or 1
end

local function join_ring(lane)
    redis.call('SADD', 'queues', lane)
    if redis.call('SADD', 'multiconnect:lanes', lane) == 1 then
        redis.call('RPUSH', 'multiconnect:ring', lane)
    end
end

local function failed(reply) return type(reply) == 'table' and reply.err ~= nil end

-- Puts an entry into its lane (LPUSH: at the end, RPUSH: at the head). False if the lane's key is not a list.
-- Callers remove the entry from its old place only after this returned true, so that no entry is lost.
local function put(command, lane, payload)
    if failed(redis.pcall(command, 'queue:' .. lane, payload)) then return false end
    join_ring(lane)
    return true
end

-- Adds lanes that other clients created to the ring. A key that is not a list would fail every claim.
local function adopt()
    local adopted = 0
    for _, lane in ipairs(redis.call('SDIFF', 'queues', 'multiconnect:lanes')) do
        if redis.call('TYPE', 'queue:' .. lane).ok == 'list' then
            join_ring(lane)
            adopted = adopted + 1
        end
    end
    return adopted
end

-- Removes entries in flight. Their keys are the arguments from this position on.
local function forget(first)
    if #ARGV < first then return end
    redis.call('HDEL', 'multiconnect:inflight', unpack(ARGV, first))
    redis.call('ZREM', 'multiconnect:leases', unpack(ARGV, first))
end

-- Returns an entry in flight to the head of its lane and gives the lane its turn back. False if the lane's
-- key is not a list: the entry stays in flight.
local function put_back(key)
    local payload = redis.call('HGET', 'multiconnect:inflight', key)
    if payload then
        local lane = lane_of(payload)
        if not put('RPUSH', lane, payload) then return false end
        redis.call('LREM', 'multiconnect:ring', 1, lane)
        redis.call('LPUSH', 'multiconnect:ring', lane)
        local weight = weight_of(lane)
        if weight > 1 then
            local turns = tonumber(redis.call('HGET', 'multiconnect:turns', lane)) or 0
            redis.call('HSET', 'multiconnect:turns', lane, (turns - 1) % weight)
        end
        redis.call('SADD', 'multiconnect:told', key)
    end
    redis.call('HDEL', 'multiconnect:inflight', key)
    redis.call('ZREM', 'multiconnect:leases', key)
    return true
end

local function wake(count)
    local tokens = 0
    for i = 1, math.min(count, 64) do tokens = redis.call('LPUSH', 'multiconnect:wake', '1') end
    if tokens > 64 then redis.call('LTRIM', 'multiconnect:wake', 0, 63) end
end
