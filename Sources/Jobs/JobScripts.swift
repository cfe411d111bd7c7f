/// The scripts that run inside Redis, each in one step. Keys are Sidekiq's where Sidekiq has them; lists of
/// lanes are named by their payloads, which is why the keys of one Redis must not be spread over a cluster.
///
/// - `queues` (set), `queue:<lane>` (list), `schedule`, `retry`, `dead` (sorted sets): Sidekiq's.
/// - `multiconnect:ring` (list): lanes that may have jobs, in the order of their turns;
///   `multiconnect:lanes` (set): the same lanes, to add none twice.
/// - `multiconnect:weights` (hash): tenants whose lanes have more than one job in a turn;
///   `multiconnect:turns` (hash): how many of them a lane has had in its turn so far.
/// - `multiconnect:wake` (list): tokens on which idle workers wait.
/// - `multiconnect:inflight` (hash) and `multiconnect:leases` (sorted set): entries popped and not yet owned.
/// - `multiconnect:told` (set): jobs of which Redis was told, and whose rows do not say so yet.
/// - `multiconnect:epoch` (string): made anew when Redis lost its memory;
///   `multiconnect:dead` (string): the epoch under which Redis was told of all dead jobs.
/// - `multiconnect:watch` (string): whose turn it is to watch what other clients do here.
enum JobScripts {
    /// Functions shared by the scripts.
    static let common = """
        -- Other clients push here too: a payload may be anything.
        local function field(payload, name)
            local ok, job = pcall(cjson.decode, payload)
            if ok and type(job) == 'table' and type(job[name]) == 'string' then return job[name] end
            return nil
        end
        -- Where an entry belongs, whatever list it is in: nothing belongs into a shared lane.
        local function lane_of(payload)
            return (string.gsub(field(payload, 'queue') or 'default', ':f%-%d%d$', ''))
        end
        -- Names an entry by its job's id. Where that is none of ours (24 hexadecimal digits), a digest of it
        -- is, and where there is none, one of the payload: the same entry always has the same key.
        local function entry_key(payload)
            local jid = field(payload, 'jid')
            if jid and #jid == 24 and not string.find(jid, '[^0-9a-f]') then return jid end
            return redis.sha1hex(jid or payload)
        end
        -- Only a UUID makes a lane a tenant's: a queue's own name may have colons.
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
        -- Each lane is a queue on Sidekiq's pages, which bear some thousand. Tenants for whom there is no
        -- room share lanes; nil for a lane that is no tenant's.
        local function has_room()
            return redis.call('SCARD', 'multiconnect:lanes') < \(JobsLimits.lanes)
        end
        local function shared(lane)
            local queue = string.match(lane, '^(.+):t%-' .. uuid .. '$')
            if not queue then return nil end
            local digest = tonumber(string.sub(redis.sha1hex(lane), 1, 8), 16)
            return string.format('%s:f-%02d', queue, digest % \(JobsLimits.sharedLanes))
        end
        -- Puts an entry into its lane: LPUSH is the end of the line, RPUSH its head.
        local function put(command, lane, payload)
            if redis.call('SISMEMBER', 'multiconnect:lanes', lane) == 0 and not has_room() then
                lane = shared(lane) or lane
            end
            redis.call(command, 'queue:' .. lane, payload)
            join_ring(lane)
            return lane
        end
        -- Lanes that some other client pushed to join the ring.
        local function adopt()
            local adopted = 0
            for _, lane in ipairs(redis.call('SDIFF', 'queues', 'multiconnect:lanes')) do
                -- What is no list would fail every claim.
                if redis.call('TYPE', 'queue:' .. lane).ok == 'list' then
                    join_ring(lane)
                    adopted = adopted + 1
                end
            end
            return adopted
        end
        -- Entries in flight whose keys are arguments from this one on.
        local function forget(first)
            if #ARGV < first then return end
            redis.call('HDEL', 'multiconnect:inflight', unpack(ARGV, first))
            redis.call('ZREM', 'multiconnect:leases', unpack(ARGV, first))
        end
        -- An entry in flight goes back to the head of its lane, and it is the lane's turn again: as if it had
        -- not been taken.
        local function put_back(key)
            local payload = redis.call('HGET', 'multiconnect:inflight', key)
            redis.call('HDEL', 'multiconnect:inflight', key)
            redis.call('ZREM', 'multiconnect:leases', key)
            if not payload then return end
            local lane = put('RPUSH', lane_of(payload), payload)
            redis.call('LREM', 'multiconnect:ring', 1, lane)
            redis.call('LPUSH', 'multiconnect:ring', lane)
            local weight = weight_of(lane)
            if weight > 1 then
                local turns = tonumber(redis.call('HGET', 'multiconnect:turns', lane)) or 0
                redis.call('HSET', 'multiconnect:turns', lane, (turns - 1) % weight)
            end
            redis.call('SADD', 'multiconnect:told', key)
        end
        local function wake(count)
            local tokens = 0
            for i = 1, math.min(count, 64) do tokens = redis.call('LPUSH', 'multiconnect:wake', '1') end
            if tokens > 64 then redis.call('LTRIM', 'multiconnect:wake', 0, 63) end
        end

        """

    /// Tells Redis of jobs. ARGV: an epoch to use when there is none; then id, kind, place and payload of
    /// each job. Kinds: `queue` (place is the lane), `schedule`, `retry` and `dead` (place is the score).
    /// Returns the epoch.
    static let push =
        common + """
            local pushed = 0
            for i = 2, #ARGV, 4 do
                local id, kind, place, payload = unpack(ARGV, i, i + 3)
                if kind == 'queue' then
                    put('LPUSH', place, payload)
                    pushed = pushed + 1
                else
                    redis.call('ZADD', kind, place, payload)
                    if kind == 'dead' then
                        -- Sidekiq's own bounds: 180 days, 10,000 jobs.
                        redis.call('ZREMRANGEBYSCORE', 'dead', '-inf', tonumber(place) - 180 * 86400)
                        redis.call('ZREMRANGEBYRANK', 'dead', 0, -10001)
                    end
                end
                if kind ~= 'dead' then redis.call('SADD', 'multiconnect:told', id) end
            end
            wake(pushed)
            local epoch = redis.call('GET', 'multiconnect:epoch')
            if not epoch then
                -- Named as the script `epoch` names it, which would otherwise make another one at once
                -- and have everything that was pushed until then pushed again.
                local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
                epoch = run .. '-' .. ARGV[1]
                redis.call('SET', 'multiconnect:epoch', epoch)
            end
            return epoch
            """

    /// Pops jobs, a lane at a time in turn. ARGV: how many; how long an entry may be in flight, in seconds; what
    /// the worker may take of tenants and classes (`ClaimRoom`); then the keys of entries that are now owned.
    /// Before that, entries in flight for too long return to their lanes, and jobs whose time has come move from
    /// `schedule` and `retry` into them. Returns the seconds until there may be more (-1: unknown) and whether
    /// lanes are left; then key and payload of each job.
    static let claim = common + returning + choosing + taking

    /// The claim's first part: what comes back, and what has become due.
    private static let returning = """
        local time = redis.call('TIME')
        local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
        forget(4)
        local late = redis.call('ZRANGEBYSCORE', 'multiconnect:leases', '-inf', now, 'LIMIT', 0, 64)
        for _, key in ipairs(late) do put_back(key) end
        local due = -1
        for _, set in ipairs({'schedule', 'retry'}) do
            local ready = redis.call('ZRANGEBYSCORE', set, '-inf', now, 'LIMIT', 0, 64)
            for _, payload in ipairs(ready) do
                redis.call('ZREM', set, payload)
                -- The text is spliced, not encoded anew: that would turn an empty array into an object.
                local stamped = payload
                if #payload > 2 and string.sub(payload, -1) == '}' then
                    stamped = string.sub(payload, 1, -2) .. string.format(',"enqueued_at":%.6f}', now)
                end
                put('LPUSH', lane_of(payload), stamped)
            end
            wake(#ready)
            local head = redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')
            if head[2] then
                local pause = math.max(tonumber(head[2]) - now, 0)
                if due < 0 or pause < due then due = pause end
            end
        end

        """

    /// The claim's second part: what of a lane may be taken, and where the lane goes afterwards.
    private static let choosing = """
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
        -- The next entry that may run; false when there is none at all, nil when all are of classes that have
        -- as many as they may. Such entries let some others pass.
        local function pop(lane)
            local list = 'queue:' .. lane
            local payload = redis.call('RPOP', list)
            if not payload or not classes or may_run(payload) then return payload end
            redis.call('RPUSH', list, payload)
            local entries = redis.call('LRANGE', list, -\(JobsLimits.passedEntries) - 1, -2)
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
        -- As soon as there is room for lanes, what waits in a shared one goes to its tenants' own.
        local function spread(lane)
            for _ = 1, \(JobsLimits.spreadEntries) do
                if not has_room() then break end
                local payload = redis.call('RPOP', 'queue:' .. lane)
                if not payload then return drop(lane) end
                put('LPUSH', lane_of(payload), payload)
            end
            redis.call('RPUSH', 'multiconnect:ring', lane)
        end
        -- A lane goes to the ring's end, unless its weight gives it more jobs in this turn.
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

        """

    /// The claim's third part. A tenant that has its share is passed over as long as somebody else waits.
    private static let taking = """
        local taken, keys, leases, passed, full = {}, {}, {}, {}, {}
        while #taken < 2 * count and #full < \(JobsLimits.fullLanes) do
            local lane = redis.call('LPOP', 'multiconnect:ring')
            local tenant = lane and cap and tenant_of(lane)
            if not lane then
                -- Only a slot that is free now goes to one who has its share.
                if #passed == 0 or #taken >= 2 * free then break end
                for _, other in ipairs(passed) do redis.call('RPUSH', 'multiconnect:ring', other) end
                passed, cap, count = {}, nil, free
            elseif string.find(lane, ':f%-%d%d$') and has_room() then
                spread(lane)
            elseif tenant and (running[tenant] or 0) >= cap
                and redis.call('EXISTS', 'queue:' .. lane) == 1 then
                passed[#passed + 1] = lane
            else
                local payload = pop(lane)
                if payload then
                    -- So that whoever took the last job knows it, and does not ask for another.
                    if redis.call('LLEN', 'queue:' .. lane) > 0 then rotate(lane) else drop(lane) end
                    local key = entry_key(payload)
                    keys[#keys + 1] = key
                    leases[#leases + 1] = now + tonumber(ARGV[2])
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
            -- Their rows are about to be claimed: nobody has to note on them that Redis was told.
            redis.call('SREM', 'multiconnect:told', unpack(keys))
        end
        for i = #passed, 1, -1 do redis.call('LPUSH', 'multiconnect:ring', passed[i]) end
        for _, lane in ipairs(full) do redis.call('RPUSH', 'multiconnect:ring', lane) end
        -- Nobody says when a job of a class has ended.
        if #full > 0 and (due < 0 or due > 0.05) then due = 0.05 end
        local left = redis.call('LLEN', 'multiconnect:ring')
        if left == 0 then redis.call('DEL', 'multiconnect:wake') end
        table.insert(taken, 1, tostring(due))
        table.insert(taken, 2, tostring(left))
        return taken
        """

    /// Forgets entries in flight. ARGV: their keys.
    static let acknowledge =
        common + """
            forget(1)
            return #ARGV
            """

    /// Puts entries in flight back at the head of their lanes: their rows could not be owned. ARGV: their
    /// keys.
    static let release =
        common + """
            for i = #ARGV, 1, -1 do put_back(ARGV[i]) end
            wake(#ARGV)
            return #ARGV
            """

    /// The epoch, made anew when there is none or it is of another run of the server: after a restart the
    /// memory may be older than what was pushed. ARGV: the server's run id, a new random text.
    static let epoch = """
        local epoch = redis.call('GET', 'multiconnect:epoch')
        if not epoch or string.sub(epoch, 1, #ARGV[1] + 1) ~= ARGV[1] .. '-' then
            epoch = ARGV[1] .. '-' .. ARGV[2]
            redis.call('SET', 'multiconnect:epoch', epoch)
            redis.call('UNLINK', 'multiconnect:told')
        end
        return epoch
        """

    /// Says which tenants have several jobs in a turn. ARGV: each tenant's id and number.
    static let weigh = """
        redis.call('DEL', 'multiconnect:weights')
        for i = 1, #ARGV, 2 do redis.call('HSET', 'multiconnect:weights', ARGV[i], ARGV[i + 1]) end
        return #ARGV / 2
        """

    /// Takes jobs of which Redis was told and whose rows do not say so. ARGV: how many at most. Returns the epoch,
    /// then their ids; nothing when there is no epoch.
    static let takeTold = """
        local epoch = redis.call('GET', 'multiconnect:epoch')
        if not epoch then return {} end
        local told = redis.call('SPOP', 'multiconnect:told', ARGV[1])
        table.insert(told, 1, epoch)
        return told
        """

    /// Which of the lanes hold nothing, neither waiting nor in flight, and brings lanes that some other
    /// client pushed to into the ring. ARGV: the lanes.
    static let inspect =
        common + """
            local busy = {}
            for _, payload in ipairs(redis.call('HVALS', 'multiconnect:inflight')) do
                busy[lane_of(payload)] = true
            end
            local function is_empty(lane) return redis.call('LLEN', 'queue:' .. lane) == 0 end
            local empty = {}
            for i = 1, #ARGV do
                local lane = ARGV[i]
                if is_empty(lane) and is_empty(shared(lane) or lane) and not busy[lane] then
                    empty[#empty + 1] = lane
                end
            end
            wake(adopt())
            return empty
            """
}

extension JobScripts {
    /// A process's heartbeat, in Sidekiq's keys; the work it does under both names that versions of Sidekiq
    /// read. ARGV: identity, info, busy, time, round trip in microseconds, quiet, resident kilobytes, day,
    /// jobs processed and failed since the last beat; then a thread's name and its work, of each running job.
    /// Returns the next signal that Sidekiq's page has sent, or nothing.
    static let beat = """
        local identity = ARGV[1]
        for name, count in pairs({processed = tonumber(ARGV[9]), failed = tonumber(ARGV[10])}) do
            if count > 0 then
                redis.call('INCRBY', 'stat:' .. name, count)
                redis.call('INCRBY', 'stat:' .. name .. ':' .. ARGV[8], count)
                redis.call('EXPIRE', 'stat:' .. name .. ':' .. ARGV[8], 5 * 365 * 86400)
            end
        end
        for _, key in ipairs({identity .. ':workers', identity .. ':work'}) do
            redis.call('DEL', key)
            for i = 11, #ARGV, 2 do redis.call('HSET', key, ARGV[i], ARGV[i + 1]) end
            redis.call('EXPIRE', key, 60)
        end
        redis.call('SADD', 'processes', identity)
        redis.call('HSET', identity, 'info', ARGV[2], 'busy', ARGV[3], 'beat', ARGV[4], 'rtt_us', ARGV[5],
            'quiet', ARGV[6], 'rss', ARGV[7])
        redis.call('EXPIRE', identity, 60)
        return redis.call('RPOP', identity .. '-signals')
        """

    /// A process that has stopped. ARGV: identity.
    static let farewell = """
        redis.call('SREM', 'processes', ARGV[1])
        if redis.call('GET', 'multiconnect:watch') == ARGV[1] then redis.call('DEL', 'multiconnect:watch') end
        return redis.call('DEL', ARGV[1], ARGV[1] .. ':workers', ARGV[1] .. ':work', ARGV[1] .. '-signals')
        """
}
