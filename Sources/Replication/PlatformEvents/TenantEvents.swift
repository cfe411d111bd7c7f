internal import Encoding
internal import FoundationEssentials
internal import Logging
internal import Organizations
internal import Postgres
internal import Reactor
internal import Salesforce

/// Publishes a tenant's platform events while its lease is held. One value per loop.
///
/// A tenant that has never published events costs one waiting task, and a query every ten minutes.
package struct TenantEvents: Sendable {
    private let replication: ReplicationServices

    package init(_ replication: ReplicationServices) {
        self.replication = replication
    }

    /// Runs until the calling task is cancelled. Throws `.leaseLost`, and errors that do not pass.
    package func run(_ run: TenantRun) async throws {
        let id = run.lease.organizationID
        let tenant = Tenant(
            try await replication.control.withConnection {
                try await OrganizationStore(on: $0).get(id: id)
            })
        guard tenant.work == .allowed else { return try await Event().wait() }
        let publisher = EventPublisher(
            tenant: tenant, lease: run.lease, cell: try replication.cell(of: tenant),
            rest: { [sessions = replication.sessions] in
                sessions.rest(for: id, CallPurpose(.write, $0))
            }, logger: replication.logger)
        while try await !publisher.createTables() { try await waitForChange(run.eventNews) }
        try await publisher.reopen()
        var isUsed = try await publisher.isUsed()
        var pruneAt = ContinuousClock.now + ReplicationLimits.eventPruning * Double.random(in: 0.1...1)
        while true {
            let outcome = try await withOwnTask { try await publisher.publish() }
            if outcome != .nothing { isUsed = true }
            if pruneAt <= .now {
                pruneAt = .now + ReplicationLimits.eventPruning
                try await publisher.prune()
            }
            let pause =
                outcome == .waits
                ? ReplicationLimits.activeEventPoll
                : isUsed ? ReplicationLimits.idleEventPoll : ReplicationLimits.unusedEventPoll
            try await run.eventNews.event.wait(until: .now + pause * Double.random(in: 0.8...1.2))
            _ = run.eventNews.take()
        }
    }

    private func waitForChange(_ news: WriterNews) async throws {
        while true {
            try await news.event.wait()
            if news.take().contains(.mappings) { return }
        }
    }
}

/// Sends the events of one tenant's `_platform_events`.
struct EventPublisher: Sendable {
    let tenant: Tenant
    let lease: TenantLease
    let cell: PostgresPool
    let rest: @Sendable (_ event: String) -> RESTClient
    let logger: Logger

    private var store: PlatformEventStore { PlatformEventStore(schema: tenant.schema) }

    /// Creates the tables of a tenant that an earlier version has provisioned. False without a schema.
    func createTables() async throws -> Bool {
        let tables = EventTables(schema: tenant.schema)
        if try await cell.withCellConnection({ try await tables.exist(on: $0) }) { return true }
        return try await fenced { connection in
            guard try await tables.hasSchema(on: connection) else { return false }
            try await tables.create(on: connection)
            return true
        }
    }

    /// Whether the tenant has ever published.
    func isUsed() async throws -> Bool {
        try await cell.withCellConnection { try await store.hasOutgoing(on: $0) }
    }

    /// Opens the events again that an earlier run has sent without noting the answer.
    func reopen() async throws {
        try await fenced { try await store.reopen(on: $0) }
    }

    func prune() async throws {
        try await fenced { try await store.prune(on: $0) }
    }

    /// The outcome of a look at the events.
    enum Outcome: Sendable, Equatable {
        case nothing
        case published
        /// Some wait for another attempt.
        case waits
    }

    /// Publishes all due events.
    func publish() async throws -> Outcome {
        var outcome = Outcome.nothing
        while true {
            let taken = try await fenced {
                try await store.take(limit: SalesforceLimits.collectionRows, epoch: lease.epoch, on: $0)
            }
            guard !taken.isEmpty else { break }
            outcome = .published
            // Events keep their order; those of one kind that follow each other share a request.
            var rest = taken[...]
            while let first = rest.first {
                let group = rest.prefix { $0.event == first.event }
                rest = rest.dropFirst(group.count)
                try await send(Array(group), first.event)
            }
        }
        let waits = try await cell.withCellConnection { try await store.nextAttempt(on: $0) != nil }
        return waits ? .waits : outcome
    }

    private func send(_ events: [PlatformEventStore.Outgoing], _ name: String) async throws {
        var ends: [(id: Int, end: PlatformEventStore.End)] = []
        do {
            let results = try await rest(name).publish(
                name, events.map { JSONText.raw($0.payload) }, deadline: ReplicationLimits.publishDeadline)
            for (event, result) in zip(events, results) {
                ends.append((event.id, PublishRule.end(result, attempts: event.attempts)))
            }
        } catch let error as SalesforceError {
            guard events.count == 1 || error.code != .tooLarge else {
                // A half fits, or a half of the half.
                let middle = events.count / 2
                try await send(Array(events[..<middle]), name)
                return try await send(Array(events[middle...]), name)
            }
            logger.notice(
                "could not publish events", metadata: ["org": "\(tenant.orgID)", "error": "\(error)"])
            ends = events.map { ($0.id, PublishRule.end(error, attempts: $0.attempts)) }
        }
        try await fenced { [ends] in try await store.note(ends, on: $0) }
    }

    private func fenced<Value: Sendable>(
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            try await LeaseStore().hold(lease, on: connection)
            return try await body(connection)
        }
    }
}
