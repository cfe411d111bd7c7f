import FoundationEssentials
import Redis

/// What Redis may hold of a job: an entry in its lane or in one of Sidekiq's sorted sets.
struct IndexEntry: Sendable {
    let id: JobID
    /// The state that the job had when Redis was told.
    let state: JobState
    let lane: LaneName
    let runAt: Date

    /// The sorted set, and the score where it is known from the row.
    fileprivate var place: (set: String, score: String)? {
        switch state {
        case .scheduled: ("schedule", SidekiqPayload.seconds(runAt))
        case .retry: ("retry", SidekiqPayload.seconds(runAt))
        case .dead: ("dead", "")
        case .queued: ("", "")
        case .running, .held, .done, .cancelled: nil
        }
    }
}

extension JobScripts {
    /// Removes the entries of jobs. ARGV: how far a lane is looked through, from the end where the next jobs
    /// are; then set (empty: only the lane), score, lane and jid of each job. Returns how many are gone.
    ///
    /// An entry that is further away stays: whoever pops it finds that its row does not wait any more.
    static let remove =
        common + """
            local wanted, lanes, dead, left = {}, {}, false, 0
            local removed = 0
            -- Whose entry a payload is, if it is one of those that are looked for. The pattern may find a jid
            -- inside of the arguments, so the payload is read before it is believed.
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
                if not found then
                    lanes[lane] = true
                    lanes[shared(lane) or lane] = true
                end
            end
            if dead then
                for _, payload in ipairs(redis.call('ZRANGE', 'dead', 0, -1)) do
                    if owner(payload) then removed = removed + redis.call('ZREM', 'dead', payload) end
                end
            end
            for lane in pairs(lanes) do
                local key = 'queue:' .. lane
                local length = redis.call('LLEN', key)
                local first = math.max(length - tonumber(ARGV[1]), 0)
                local count = 0
                for offset, payload in ipairs(redis.call('LRANGE', key, first, -1)) do
                    if owner(payload) then
                        -- A mark that no payload can be, so that all marked ones go in one step.
                        redis.call('LSET', key, first + offset - 1, '')
                        count = count + 1
                    end
                end
                if count > 0 then removed = removed + redis.call('LREM', key, -count, '') end
                if length == count then redis.call('SREM', 'queues', lane) end
            end
            return removed
            """
}

extension JobIndex {
    /// Removes what Redis holds of jobs that do not wait there any more.
    func remove(_ entries: [IndexEntry]) async throws {
        var arguments = [String(limits.searchedEntries)]
        for entry in entries {
            guard let place = entry.place else { continue }
            arguments += [place.set, place.score, entry.lane.text, entry.id.text]
        }
        guard arguments.count > 1 else { return }
        _ = try await evaluate(Self.removeScript, arguments)
    }

    private static let removeScript = RedisScript(name: "remove", source: JobScripts.remove)
}
