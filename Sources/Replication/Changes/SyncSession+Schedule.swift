internal import FoundationEssentials
internal import Jobs
internal import Logging
internal import Organizations
internal import Postgres
internal import Reactor
internal import Salesforce
internal import Synchronization
internal import TenantSchema

// Polls and other work that is due at a time.
extension SyncSession {
    /// Performs work when it is due, one after the other: a tenant needs one timer. Polls have a task of
    /// their own, because a Bulk poll can take hours.
    func runSchedule() async throws {
        while true {
            wake.reset()
            let (work, next) = state.withLock { state in (state.due.take(due: .now), state.due.next()) }
            guard let work else {
                try await wake.wait(until: next ?? .now + .seconds(600))
                continue
            }
            if case .poll(let id) = work {
                state.withLock { if !$0.duePolls.contains(id) { $0.duePolls.append(id) } }
                pollsWake.set()
            } else {
                try await attempt(work)
            }
        }
    }

    /// Polls the mappings that are due, one after the other.
    func runPolls() async throws {
        while true {
            pollsWake.reset()
            let id = state.withLock { $0.duePolls.isEmpty ? nil : $0.duePolls.removeFirst() }
            if let id { try await attempt(.poll(id)) } else { try await pollsWake.wait() }
        }
    }

    private func attempt(_ work: SyncState.Work) async throws {
        try Task.checkCancellation()
        do {
            try await withOwnTask { try await self.perform(work) }
            state.withLock { $0.failures[work] = nil }
        } catch {
            try await noteFailure(of: work, error)
        }
        wake.set()
    }

    /// Reads requested records when they are due.
    func runRereads() async throws {
        var failures = 0
        while true {
            rereadsWake.reset()
            var pause = Duration.seconds(600)
            do {
                pause = min(try await readRequested() ?? pause, pause)
                failures = 0
            } catch {
                guard ChangeFailure(error) != .ends else { throw error }
                failures += 1
                pause = ChangePause.after(.passes, failures: failures)
                logger.debug("could not read requested records", metadata: ["error": "\(error)"])
            }
            try await rereadsWake.wait(until: .now + pause)
        }
    }

    /// Returns the time until the next record is due.
    private func readRequested() async throws -> Duration? {
        let tables = state.withLock { $0.tables }
        let run = RereadRun(
            organization: organization, rest: rest, cell: cell, fence: fence,
            applyDiff: TextDiff.apply, seesAll: { try await self.seesAll() },
            users: { try await self.users() },
            tallies: services.tallies, logger: logger)
        let pause = Mutex<Duration?>(nil)
        try await withOwnTask {
            let result = try await run.run(tables)
            if !result.driftedObjects.isEmpty { self.suspect(result.driftedObjects) }
            pause.withLock { $0 = result.pause }
        }
        return pause.withLock(\.self)
    }

    /// The users whose inserts may be open.
    private func users() async throws -> [SalesforceID] {
        let since = Date() - ReplicationLimits.formerUserAge.timeInterval
        return try await services.replication.control.withConnection {
            try await CredentialStore(on: $0).users(of: organization, since: since)
        }
    }

    /// Whether the user has View All Data.
    private func seesAll() async throws -> Bool {
        if let known = state.withLock({ $0.rights }), known.readAt + ReplicationLimits.rightsAge > .now {
            return known.seesAll
        }
        let check = ViewAllCheck(control: services.replication.control, organization: organization)
        let seesAll = try await check.hasViewAll(rest(CallPurpose(.reread))) ?? false
        state.withLock { $0.rights = (seesAll, .now) }
        return seesAll
    }

    private func perform(_ work: SyncState.Work) async throws {
        switch work {
        case .tables: try await loadTables()
        case .plan: try await plan()
        case .poll(let id): try await poll(id)
        case .reload: try await requestReloads()
        case .schema: try await checkSchema()
        case .report: try await report()
        case .outage: await noteOutage()
        case .prune: try await prune()
        case .upgrade: try await upgrade()
        case .health: try await checkHealth()
        case .caps: try await readCaps()
        }
    }

    private func noteFailure(of work: SyncState.Work, _ error: any Error) async throws {
        let failure = ChangeFailure(error)
        guard failure != .ends else { throw error }
        var asked = ChangePause.asked(error)
        if case .poll(let id) = work, let wait = CallWait(error),
            let mapping = state.withLock({ $0.tables[id]?.mapping })
        {
            asked = await noteWait(wait, of: mapping) ?? asked
        }
        let failures = state.withLock { state in
            let failures = state.failures[work, default: 0] + 1
            state.failures[work] = failures
            state.due.set(work, at: .now + (asked ?? ChangePause.after(failure, failures: failures)))
            return failures
        }
        logger.debug("work failed", metadata: ["work": "\(work)", "error": "\(error)"])
        guard case .poll(let id) = work, let table = state.withLock({ $0.tables[id] }) else { return }
        services.tallies.countPoll("failed")
        if failure == .schema { suspect([table.plan.objectName]) }
        let reason = FaultReason.text(error)
        try? await fenced { try await ChangeStore().pollFailed(id, reason, on: $0) }
        // An error that does not pass is for operators.
        if failure == .table, failures == 3 {
            await notify(ChangeNotification.pollFailed, "\(table.plan.objectName): \(reason)")
        }
    }

    /// Asks for a check of these objects soon.
    func suspect(_ objects: Set<String>) {
        state.withLock { state in
            state.suspects.formUnion(objects)
            let earliest = state.lastSchemaCheck.map { $0 + ReplicationLimits.urgentCheckInterval }
            state.due.advance(.schema, to: max(.now, earliest ?? .now))
        }
        wake.set()
    }

    private func poll(_ id: UUID) async throws {
        guard let table = state.withLock({ $0.tables[id] }), !table.isCursorless else { return }
        // The stream's first connection comes first, so that no change falls between the two.
        if waitsForStream(id) { return }
        let poller = Poller(
            services: services.replication, rest: rest, cell: cell, fence: fence, pace: services.pace)
        let result = try await poll(table, by: poller)
        services.tallies.countPoll("done")
        services.tallies.count(result.counts, of: organization)
        await endWait(of: table.mapping)
        let slowdown = Double(services.replication.sessions.pollingFactor(of: organization))
        let isSilent = state.withLock { state in
            state.lastPolls[id] = .now
            let wasSilent = state.health[id]?.isSilent == true
            if state.plan.isFed(id), state.isConnected {
                let lastEvent = state.lastCommits[table.plan.objectName]?.timeIntervalSince1970
                let connectedAt = state.stream.connectedAt?.timeIntervalSince1970
                state.health[id]?.notePoll(
                    newest: result.newest?.timeIntervalSince1970, lastEvent: lastEvent,
                    connectedSince: connectedAt, now: Date().timeIntervalSince1970)
            }
            let pause = state.pause(after: table, services.pace, slowdown: slowdown)
            // An earlier poll that was requested while this one ran is kept.
            state.due.advance(.poll(id), to: .now + pause * Double.random(in: 0.95...1))
            if result.counts.refused > 0 || result.counts.lacksColumns {
                state.due.advance(.health, to: .now)
            }
            if result.counts.written + result.counts.deleted > 0 {
                state.due.advance(.prune, to: .now + ReplicationLimits.pruneInterval)
            }
            return !wasSilent && state.health[id]?.isSilent == true
        }
        if result.counts.reread > 0 || table.plan.filter != nil { rereadsWake.set() }
        guard isSilent else { return }
        services.tallies.countStream("silent")
        await notify(
            ChangeNotification.streamSilent,
            "\(table.plan.objectName): polls find changes that did not come as events; "
                + "check whether the object is selected for Change Data Capture")
    }

    private func poll(_ table: SyncedTable, by poller: Poller) async throws -> Poller.Result {
        let (id, start) = (table.mapping.id, ContinuousClock.now)
        let connected = state.withLock { $0.uncovered[id] }
        do {
            return try await poller.poll(table) { state.withLock { $0.cover(id, since: start) } }
        } catch {
            // Its end may not be stored.
            state.withLock { $0.uncovered[id] = $0.uncovered[id] ?? connected }
            throw error
        }
    }

    /// True if the first poll of a mapping was put off until the stream is connected, or `startWait` has
    /// passed.
    private func waitsForStream(_ id: UUID) -> Bool {
        state.withLock { state in
            guard state.catchUps.contains(id), state.plan.isFed(id), state.stream.phase == .connecting,
                state.lastPolls[id] == nil
            else { return false }
            state.lastPolls[id] = .now
            state.due.set(.poll(id), at: .now + services.pace.startWait)
            return true
        }
    }

    /// Asks the org for its channels, and plans the stream again.
    private func plan() async throws {
        let (tables, refused) = state.withLock { ($0.tables.values, $0.facts?.refusedTopics) }
        guard !tables.isEmpty else { return }
        let notified = Set(tables.filter(\.mapping.configuration.notify).map(\.plan.objectName))
        let facts = try await services.facts(organization, notified, refused ?? [:])
        let (isReplanned, moved) = state.withLock { state in
            state.facts = facts
            state.refusedChannels = []
            state.stream.deliveredMaximum = facts.delivered?.maximum
            state.stream.deliveredUsed = facts.delivered.map { $0.maximum - $0.remaining }
            let before = state.plan
            let isReplanned = state.replan()
            state.rebuild(services.layouts)
            // A mapping that lost its events is polled at once.
            for id in state.tables.keys where before.isFed(id) && !state.plan.isFed(id) {
                state.due.set(.poll(id), at: .now)
            }
            if before != state.plan { state.due.advance(.report, to: .now) }
            let pause =
                state.plan.isAllowanceShort(facts)
                ? min(services.pace.planInterval, ReplicationLimits.shortAllowanceInterval)
                : services.pace.planInterval
            state.due.set(.plan, at: .now + pause * Double.random(in: 0.9...1.1))
            let moved = state.plan.moved.subtracting(before.moved)
            return (isReplanned, moved.compactMap { state.tables[$0]?.plan.objectName }.sorted())
        }
        if isReplanned { channelsChanged.set() }
        if !notified.isEmpty || refused?.isEmpty == false {
            await note(refusedTopics: facts.refusedTopics, before: refused)
        }
        guard !moved.isEmpty else { return }
        await notify(
            ChangeNotification.deliveredEvents,
            "the org's delivered events are nearly used up; polled until more are free: "
                + moved.joined(separator: ", ")
        )
    }

    /// - Parameter before: those of the former plan; nil for the first plan of a session.
    private func note(refusedTopics refused: [String: String], before: [String: String]?) async {
        guard refused != before else { return }
        guard !refused.isEmpty else { return await resolve([ChangeNotification.topicRefused]) }
        await notify(
            ChangeNotification.topicRefused,
            "the org refuses a PushTopic for accelerated polling; polled at the mapping's interval: "
                + refused.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }.joined(separator: ", ")
        )
    }

    /// Enqueues the reload jobs of mappings that ask for one.
    private func requestReloads() async throws {
        let tables = state.withLock { $0.tables }
        for table in tables.values where table.isCursorless { try await requestFullRead(table) }
        let (positions, due) = try await cell.withCellConnection { connection in
            (
                try await ChangeStore().positions(of: organization, on: connection),
                try await ChangeStore().dueReloads(of: organization, on: connection)
            )
        }
        for id in due where tables[id] != nil {
            let jobs = try await services.queue.enqueue([
                ReloadJob.job(for: id, organizationID: organization)
            ])
            let isNew = jobs.contains(where: \.isNew)
            try await fenced { try await ChangeStore().reloadEnqueued(id, isNew: isNew, on: $0) }
        }
        let isOpen = positions.contains { tables[$0.key] != nil && $0.value.reloadReason != nil }
        guard isOpen || tables.values.contains(where: \.isCursorless) else { return }
        // A request that arrives while the job runs stays open, and its job can be enqueued once this one
        // has ended.
        let pause = isOpen ? ReplicationLimits.reloadCheck : ReplicationLimits.reloadRetry
        state.withLock { $0.due.advance(.reload, to: .now + pause) }
    }

    /// Objects without a time of change are read as a whole from time to time.
    private func requestFullRead(_ table: SyncedTable) async throws {
        let id = table.mapping.id
        try await fenced { connection in
            try await ChangeStore().requestPeriodicReload(
                id, every: ReplicationLimits.reloadWithoutCursor, on: connection)
        }
    }

    private func checkSchema() async throws {
        let (tables, suspects) = state.withLock { state in
            let suspects = state.suspects
            state.suspects = []
            state.lastSchemaCheck = .now
            return (Array(state.tables.values) + state.stopped, suspects)
        }
        let mappings = Set(tables.filter { suspects.contains($0.plan.objectName) }.map(\.mapping.id))
        let result = try await SchemaWatch(services.replication, queue: services.queue).check(
            tenant, tables, mappings.isEmpty ? .scheduled : .urgent(mappings), fence: fence)
        state.withLock { state in
            if !result.isChecked, !suspects.isEmpty {
                // Another check has just run, perhaps on the former lease holder.
                state.suspects.formUnion(suspects)
                state.due.advance(.schema, to: .now + ReplicationLimits.urgentCheckInterval)
            }
            state.due.advance(.schema, to: .now + services.pace.schemaInterval)
            if !result.changed.isEmpty || !result.gone.isEmpty { state.due.advance(.tables, to: .now) }
        }
    }

    /// Stores the stream's state.
    private func report() async throws {
        let (stream, isRecovered, present) = state.withLock { state in
            let isRecovered = state.isConnected && state.stream.lastError != nil
            if isRecovered { state.stream.lastError = nil }
            let present = state.presentChannels
            state.presentChannels = []
            return (state.stream, isRecovered, present)
        }
        try await fenced { try await ChangeStore().save(stream, of: organization, on: $0) }
        if isRecovered { await resolve([ChangeNotification.streamRefused, ChangeNotification.streamLost]) }
        await endMissing(present.sorted())
    }

    /// The stream has not been connected for some minutes: polls at the mappings' own intervals find its
    /// changes.
    private func noteOutage() async {
        let isLost = state.withLock { state in
            guard state.stream.phase == .connecting else { return false }
            if state.stream.lastError == nil { state.stream.lastError = "not connected" }
            for id in state.tables.keys where state.plan.isFed(id) { state.due.advance(.poll(id), to: .now) }
            state.due.advance(.report, to: .now)
            return true
        }
        guard isLost else { return }
        services.tallies.countStream("lost")
        let error = state.withLock { $0.stream.lastError } ?? ""
        await notify(
            ChangeNotification.streamLost,
            "the event stream is not connected; changes are polled until it is: \(error)")
    }

    private func prune() async throws {
        let hasEntries = try await cell.withCellConnection { connection in
            try await RecentChangeStore().prune(of: organization, on: connection)
            return try await RecentChangeStore().hasEntries(of: organization, on: connection)
        }
        // The last changes before a quiet time are too young for the first pruning after them.
        guard hasEntries else { return }
        state.withLock { $0.due.advance(.prune, to: .now + ReplicationLimits.pruneInterval) }
    }
}
