internal import FoundationEssentials
internal import Logging
internal import Postgres
internal import Reactor
internal import TenantSchema

/// The leases of a worker in a cell, over one session.
struct LeaseSession {
    private let loop: LeaseLoop
    private let connection: PostgresConnection
    private let term: LeaseTerm
    private let limits: LeaseLimits
    private var lost: LostHolders
    private var holders: Set<UUID>
    /// This worker's leases with their weights, as last read.
    private var held: [UUID: (lease: TenantLease, weight: Int)] = [:]
    /// Leases to release when their runs have ended.
    private var ending: [UUID: TenantLease] = [:]
    private var freeSince: [UUID: ContinuousClock.Instant] = [:]
    private var renewAt: ContinuousClock.Instant
    private var checkAt: ContinuousClock.Instant
    private var planAt: ContinuousClock.Instant
    private var plannedAt: ContinuousClock.Instant

    init(_ loop: LeaseLoop, _ connection: PostgresConnection, _ term: LeaseTerm) {
        self.loop = loop
        self.connection = connection
        self.term = term
        limits = loop.store.limits
        let now = ContinuousClock.now
        lost = LostHolders(own: loop.holder.id, start: now, limits: limits)
        holders = [loop.holder.id]
        renewAt = now + limits.renewal
        checkAt = now
        planAt = now
        plannedAt = now - limits.planPause
    }

    /// Runs until the worker stops and its leases are released. Throws if the session is lost.
    mutating func run(stopBy limit: ContinuousClock.Instant?) async throws {
        var stopBy = limit
        while true {
            if loop.news.take() { planSoon() }
            if renewAt <= .now { try await renew() }
            if checkAt <= .now { try await check() }
            try await releaseEnded()
            if renewAt <= .now { try await renew() }
            if planAt <= .now { try await plan() }
            if loop.stopping.isSet {
                stopBy = stopBy ?? .now + limits.stop
                if held.isEmpty || (stopBy.map { $0 <= .now } ?? false) { return try await resign() }
            }
            try await wait(until: stopBy)
        }
    }

    private mutating func renew() async throws {
        let sent = ContinuousClock.now
        guard try await loop.store.renew(loop.holder.id, on: connection) else {
            loop.logger.warning("leases lost to another worker", metadata: ["cell": "\(loop.cell)"])
            term.end()
            throw ReplicationError(.leaseLost, "another worker has taken over the tenants of this one")
        }
        term.renewed(at: sent)
        renewAt = sent + limits.renewal
    }

    /// Searches for lost holders and takes their tenants over.
    private mutating func check() async throws {
        let statuses = try await loop.store.holders(on: connection)
        let now = ContinuousClock.now
        let lost = lost.find(among: statuses, now: now)
        var living = Set(statuses.map(\.id))
        checkAt = min(now + limits.check, self.lost.nextLoss ?? now + limits.check)
        checkAt = max(checkAt, now + limits.check / 10)
        if !lost.isEmpty {
            do {
                let removed = try await loop.store.takeOver(lost, on: connection)
                for holder in lost where removed.contains(holder.id) {
                    loop.logger.warning(
                        "worker lost, its tenants are free",
                        metadata: ["worker": "\(holder.worker)", "cell": "\(loop.cell)"])
                }
                living.subtract(removed)
            } catch let error as PostgresError where error.code == .server || error.code == .timedOut {
                // A transaction of the lost worker has not ended yet. The next check tries again.
                loop.logger.debug("could not take over tenants", metadata: ["error": "\(error)"])
            }
        }
        living.insert(loop.holder.id)
        if living != holders { planAt = .now }
        holders = living
    }

    private mutating func releaseEnded() async throws {
        guard !ending.isEmpty else { return }
        let active = loop.runs.active(of: loop.cell)
        let ended = ending.values.filter { !active.contains($0) }
        guard !ended.isEmpty else { return }
        try await loop.store.release(ended, on: connection)
        for lease in ended {
            ending[lease.organizationID] = nil
            held[lease.organizationID] = nil
        }
    }

    private mutating func plan() async throws {
        plannedAt = .now
        planAt = plannedAt + limits.planning
        let isStopping = loop.stopping.isSet
        guard let tenants = isStopping ? [:] : loop.directory.tenants(of: loop.cell) else { return }
        let leases = try await loop.store.leases(on: connection)
        read(leases)
        let now = ContinuousClock.now
        let plan = LeasePlan(
            LeasePlan.Facts(
                holder: loop.holder.id, holders: holders, tenants: tenants,
                held: leases.reduce(into: [:]) { $0[$1.organizationID] = $1.holder },
                ending: Set(ending.keys),
                overdue: Set(freeSince.filter { now - $0.value >= limits.freeWait }.keys)),
            limits: limits)
        freeSince = Dictionary(uniqueKeysWithValues: plan.free.map { ($0, freeSince[$0] ?? now) })
        for id in plan.givenUp { ending[id] = held[id]?.lease }
        if !plan.acquired.isEmpty { try await acquire(plan.acquired, tenants) }
        if !plan.isComplete { planAt = .now } else if !plan.givenUp.isEmpty { planAt = .now + limits.check }
        startRuns()
    }

    /// Only the rows show which leases this worker has: another worker may have taken some over.
    private mutating func read(_ leases: [HeldTenant]) {
        held = [:]
        for each in leases where each.holder == loop.holder.id {
            let lease = TenantLease(
                organizationID: each.organizationID, cell: loop.cell, epoch: each.epoch)
            held[each.organizationID] = (lease, each.weight)
        }
        ending = ending.filter { held[$0.key]?.lease == $0.value }
    }

    private mutating func acquire(_ ids: [UUID], _ tenants: [UUID: Int]) async throws {
        let wanted = Dictionary(uniqueKeysWithValues: ids.map { ($0, tenants[$0] ?? 1) })
        let acquired = try await loop.store.acquire(
            wanted, for: loop.holder.id, cell: loop.cell, on: connection)
        for lease in acquired {
            held[lease.organizationID] = (lease, wanted[lease.organizationID] ?? 1)
            freeSince[lease.organizationID] = nil
        }
        loop.logger.info(
            "tenants acquired", metadata: ["tenants": "\(acquired.count)", "cell": "\(loop.cell)"])
    }

    private func startRuns() {
        // A statement may have taken too long. The plan after the next renewal starts the runs.
        guard term.isValid else { return }
        var leases: [TenantLease: Int] = [:]
        for (id, entry) in held where ending[id] == nil { leases[entry.lease] = entry.weight }
        loop.runs.set(leases, of: loop.cell)
    }

    /// After the last release. A lease whose run has not ended is left to expire: then a takeover terminates
    /// the sessions first.
    private func resign() async throws {
        if held.isEmpty {
            try await loop.store.resign(loop.holder.id, on: connection)
        } else {
            loop.logger.warning(
                "runs of tenants did not end in time",
                metadata: ["tenants": "\(held.count)", "cell": "\(loop.cell)"])
        }
    }

    /// Waits for the next step, or for news.
    private mutating func wait(until limit: ContinuousClock.Instant?) async throws {
        let next = min(renewAt, checkAt, planAt, limit ?? planAt)
        let event = loop.news.event
        guard next > .now, !event.isSet else { return }
        let connection = connection
        var received = try await withThrowingTaskGroup(
            of: PostgresNotification?.self, returning: PostgresNotification?.self
        ) { group in
            group.addTask { try await connection.nextNotification(deadline: next) }
            group.addTask {
                try? await event.wait()
                return nil
            }
            let first = try await group.next().flatMap(\.self)
            group.cancelAll()
            if let first { return first }
            do {
                // A notification may have arrived beside the event.
                return try await group.next().flatMap(\.self)
            } catch is CancellationError {
                return nil
            }
        }
        while let notification = received {
            note(notification)
            received = try await connection.nextNotification(deadline: .now)
        }
    }

    /// After a short pause since the last plan: many tenants may change one after the other.
    private mutating func planSoon() {
        planAt = min(planAt, max(.now, plannedAt + limits.planPause))
    }

    private mutating func note(_ notification: PostgresNotification) {
        if notification.channel == TenantListStore.channel, let id = UUID(uuidString: notification.payload) {
            loop.directory.note(id)
            loop.runs.note(id, of: loop.cells)
        } else if notification.channel == SyncedTableStore.channel {
            guard let id = UUID(uuidString: notification.payload) else { return }
            loop.runs.note(id, of: [loop.cell])
        } else if notification.channel == LeaseStore.channel {
            planSoon()
        } else if notification.channel == TenantDDL.writesChannel {
            // A tenant that is not known yet reads its log when its run starts.
            guard let id = loop.directory.tenant(ofSchema: notification.payload) else { return }
            loop.runs.noteLocalChanges(of: id, in: loop.cell)
        }
    }
}
