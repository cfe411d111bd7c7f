/// The scripts that run inside Redis, each in one step. Keys are Sidekiq's where Sidekiq has them; lists of
/// lanes are named by their payloads, which is why the keys of one Redis must not be spread over a cluster.
///
/// - `queues` (set), `queue:<lane>` (list), `schedule`, `retry`, `dead` (sorted sets): Sidekiq's.
/// - `multiconnect:ring` (list): lanes that may have jobs, in the order of their turns;
///   `multiconnect:lanes` (set): the same lanes, to add none twice.
/// - `multiconnect:wake` (list): tokens on which idle workers wait.
/// - `multiconnect:inflight` (hash) and `multiconnect:leases` (sorted set): entries popped and not yet owned.
/// - `multiconnect:epoch` (string): made anew when Redis lost its memory.
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
        local function lane_of(payload) return field(payload, 'queue') or 'default' end
        -- Names an entry by its job's id. Where that is none of ours (24 hexadecimal digits), a digest of it
        -- is, and where there is none, one of the payload: the same entry always has the same key.
        local function entry_key(payload)
            local jid = field(payload, 'jid')
            if jid and #jid == 24 and not string.find(jid, '[^0-9a-f]') then return jid end
            return redis.sha1hex(jid or payload)
        end
        local function join_ring(lane)
            redis.call('SADD', 'queues', lane)
            if redis.call('SADD', 'multiconnect:lanes', lane) == 1 then
                redis.call('RPUSH', 'multiconnect:ring', lane)
            end
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
        local function wake(count)
            for i = 1, math.min(count, 64) do redis.call('LPUSH', 'multiconnect:wake', '1') end
            redis.call('LTRIM', 'multiconnect:wake', 0, 63)
        end

        """

    /// Tells Redis of jobs. ARGV: an epoch to use when there is none; then kind, place and payload of each
    /// job. Kinds: `queue` (place is the lane), `schedule`, `retry` and `dead` (place is the score). Returns
    /// the epoch.
    static let push =
        common + """
            local pushed = 0
            for i = 2, #ARGV, 3 do
                local kind, place, payload = ARGV[i], ARGV[i + 1], ARGV[i + 2]
                if kind == 'queue' then
                    redis.call('LPUSH', 'queue:' .. place, payload)
                    join_ring(place)
                    pushed = pushed + 1
                else
                    redis.call('ZADD', kind, place, payload)
                    if kind == 'dead' then
                        -- Sidekiq's own bounds: 180 days, 10,000 jobs.
                        redis.call('ZREMRANGEBYSCORE', 'dead', '-inf', tonumber(place) - 180 * 86400)
                        redis.call('ZREMRANGEBYRANK', 'dead', 0, -10001)
                    end
                end
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

    /// Pops jobs, a lane at a time in turn. ARGV: how many; how long an entry may be in flight, in seconds;
    /// then the keys of entries that are now owned. Before that, entries in flight for too long return to
    /// their lanes, and jobs whose time has come move from `schedule` and `retry` into them. Returns the
    /// seconds until the next such job (-1: none) and whether lanes are left; then key and payload of each
    /// job.
    static let claim =
        common + """
            local time = redis.call('TIME')
            local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
            for i = 3, #ARGV do
                redis.call('HDEL', 'multiconnect:inflight', ARGV[i])
                redis.call('ZREM', 'multiconnect:leases', ARGV[i])
            end
            local late = redis.call('ZRANGEBYSCORE', 'multiconnect:leases', '-inf', now, 'LIMIT', 0, 64)
            for _, key in ipairs(late) do
                local payload = redis.call('HGET', 'multiconnect:inflight', key)
                redis.call('HDEL', 'multiconnect:inflight', key)
                redis.call('ZREM', 'multiconnect:leases', key)
                if payload then
                    local lane = lane_of(payload)
                    redis.call('RPUSH', 'queue:' .. lane, payload)
                    join_ring(lane)
                end
            end
            local due = -1
            for _, set in ipairs({'schedule', 'retry'}) do
                local ready = redis.call('ZRANGEBYSCORE', set, '-inf', now, 'LIMIT', 0, 64)
                for _, payload in ipairs(ready) do
                    redis.call('ZREM', set, payload)
                    local lane = lane_of(payload)
                    -- The text is spliced, not encoded anew: that would turn an empty array into an object.
                    local stamped = payload
                    if #payload > 2 and string.sub(payload, -1) == '}' then
                        stamped = string.sub(payload, 1, -2) .. string.format(',"enqueued_at":%.6f}', now)
                    end
                    redis.call('LPUSH', 'queue:' .. lane, stamped)
                    join_ring(lane)
                end
                wake(#ready)
                local head = redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')
                if head[2] then
                    local pause = math.max(tonumber(head[2]) - now, 0)
                    if due < 0 or pause < due then due = pause end
                end
            end
            local taken = {}
            local count = tonumber(ARGV[1])
            while #taken < 2 * count do
                local lane = redis.call('LPOP', 'multiconnect:ring')
                if not lane then break end
                local payload = redis.call('RPOP', 'queue:' .. lane)
                if payload then
                    redis.call('RPUSH', 'multiconnect:ring', lane)
                    local key = entry_key(payload)
                    redis.call('HSET', 'multiconnect:inflight', key, payload)
                    redis.call('ZADD', 'multiconnect:leases', now + tonumber(ARGV[2]), key)
                    taken[#taken + 1] = key
                    taken[#taken + 1] = payload
                else
                    redis.call('SREM', 'multiconnect:lanes', lane)
                    redis.call('SREM', 'queues', lane)
                end
            end
            local left = redis.call('LLEN', 'multiconnect:ring')
            if left == 0 then redis.call('DEL', 'multiconnect:wake') end
            table.insert(taken, 1, tostring(due))
            table.insert(taken, 2, tostring(left))
            return taken
            """

    /// Forgets entries in flight. ARGV: their keys.
    static let acknowledge = """
        for i = 1, #ARGV do
            redis.call('HDEL', 'multiconnect:inflight', ARGV[i])
            redis.call('ZREM', 'multiconnect:leases', ARGV[i])
        end
        return #ARGV
        """

    /// Puts entries in flight back at the head of their lanes: their rows could not be owned. ARGV: their
    /// keys.
    static let release =
        common + """
            for i = #ARGV, 1, -1 do
                local payload = redis.call('HGET', 'multiconnect:inflight', ARGV[i])
                redis.call('HDEL', 'multiconnect:inflight', ARGV[i])
                redis.call('ZREM', 'multiconnect:leases', ARGV[i])
                if payload then
                    local lane = lane_of(payload)
                    redis.call('RPUSH', 'queue:' .. lane, payload)
                    join_ring(lane)
                end
            end
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
        end
        return epoch
        """

    /// Which of the lanes hold nothing, neither waiting nor in flight, and brings lanes that some other
    /// client pushed to into the ring. ARGV: the lanes.
    static let inspect =
        common + """
            local busy = {}
            for _, payload in ipairs(redis.call('HVALS', 'multiconnect:inflight')) do
                busy[lane_of(payload)] = true
            end
            local empty = {}
            for i = 1, #ARGV do
                if redis.call('LLEN', 'queue:' .. ARGV[i]) == 0 and not busy[ARGV[i]] then
                    empty[#empty + 1] = ARGV[i]
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
