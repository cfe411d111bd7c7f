internal import Activity
internal import FoundationEssentials
internal import Logging
internal import Organizations
internal import Postgres
internal import Reactor
internal import Salesforce
internal import TenantSchema

/// The dependencies of writing users' changes, on one loop.
package struct WriteServices: Sendable {
    package var replication: ReplicationServices
    /// One value for all loops of the process.
    package var tallies: WriteTallies
    package var pace = WritePace()
    /// Of this loop.
    let layouts = WriteLayoutCache()

    package init(_ replication: ReplicationServices, tallies: WriteTallies) {
        self.replication = replication
        self.tallies = tallies
    }
}

/// The intervals of writing. Tests shorten them.
package struct WritePace: Sendable {
    package var activePoll = ReplicationLimits.activeLogPoll
    package var idlePoll = ReplicationLimits.idleLogPoll
    package var linger = ReplicationLimits.writeLinger
    package var archive = ReplicationLimits.archiveInterval
    package var standstill = ReplicationLimits.writeStandstill
    package var backlog = ReplicationLimits.backlogInterval

    package init() {}
}

/// One tenant whose changes are written under one lease.
struct WriteContext: Sendable {
    let services: WriteServices
    let tenant: Tenant
    let lease: TenantLease
    let cell: PostgresPool
    let fence: WriteFence
    let logger: Logger

    init(_ services: WriteServices, _ tenant: Tenant, _ lease: TenantLease) throws {
        self.services = services
        self.tenant = tenant
        self.lease = lease
        cell = try services.replication.cell(of: tenant)
        fence = { try await LeaseStore().hold(lease, on: $0) }
        var logger = services.replication.logger
        logger[metadataKey: "org"] = "\(tenant.orgID)"
        self.logger = logger
    }

    /// Clients of the tenant's org.
    func rest(_ object: String) -> RESTClient {
        services.replication.sessions.rest(for: tenant.id, CallPurpose(.write, object))
    }

    /// Runs `body` in a transaction that checks the lease first and is not captured as a user's.
    func fenced<Value: Sendable>(
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            try await connection.script(
                """
                set local xmlbinary = 'hex';
                set local lock_timeout = '\(ReplicationLimits.mergeLockTimeout.milliseconds)ms'
                """)
            try await fence(connection)
            return try await body(connection)
        }
    }

    /// Adds a notification for operators, once.
    func notify(_ event: String, _ message: String) async {
        do {
            try await services.replication.control.withConnection {
                try await NotificationStore(on: $0).addOnce(event, organization: tenant.id, message: message)
            }
        } catch {
            logger.debug("could not notify", metadata: ["error": "\(error)"])
        }
    }

    func resolve(_ events: [String]) async {
        do {
            try await services.replication.control.withConnection {
                try await NotificationStore(on: $0).resolve(events, organization: tenant.id)
            }
        } catch {
            logger.debug("could not resolve notifications", metadata: ["error": "\(error)"])
        }
    }
}

/// The event types of notifications about writing.
enum WriteNotification {
    /// Salesforce refused changes; they wait for a person.
    static let failed = "writes_failed"
    /// Changes wait, and none was written for a minute.
    static let standstill = "writes_stand_still"
    /// Changes of rows that have no record and no unique identifier.
    static let stranded = "writes_without_record"
    /// Changes of tables that no mapping has.
    static let unmapped = "writes_without_mapping"
    /// Salesforce has new rows, and the database refuses to store their records.
    static let unlinked = "writes_not_stored"
}
