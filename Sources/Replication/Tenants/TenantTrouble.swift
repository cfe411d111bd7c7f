internal import Activity
internal import FoundationEssentials
internal import Organizations
internal import Postgres
internal import Salesforce

/// Shows on connections that a tenant's work cannot be done, and notifies operators once.
struct TenantTrouble: Sendable {
    let control: PostgresPool

    func begin(_ trouble: ConnectionTrouble, of organization: UUID, because reason: String) async throws {
        try await control.transaction { connection in
            guard try await ConnectionStore(on: connection).begin(trouble, of: organization) else { return }
            try await NotificationStore(on: connection).addOnce(
                Self.event(trouble), organization: organization, message: reason)
        }
    }

    func end(_ trouble: ConnectionTrouble, of organization: UUID) async throws {
        try await control.transaction { connection in
            guard try await ConnectionStore(on: connection).end(trouble, of: organization) else { return }
            try await NotificationStore(on: connection).resolve(
                [Self.event(trouble)], organization: organization)
        }
    }

    /// The cause is removed, in the caller's transaction, which sets the state of the connection.
    static func forget(
        _ trouble: ConnectionTrouble, of organization: UUID, on connection: PostgresConnection
    ) async throws {
        try await ConnectionStore(on: connection).forgetTrouble(of: organization)
        try await NotificationStore(on: connection).resolve([event(trouble)], organization: organization)
    }

    private static func event(_ trouble: ConnectionTrouble) -> String {
        switch trouble {
        case .cell: "cell_unavailable"
        case .tables: "tables_missing"
        case .work: "tenant_failing"
        }
    }
}

/// The errors of a tenant's work in a row.
struct WorkFailures: Sendable, Equatable {
    private(set) var count = 0

    /// Notes an error. True if the tenant's connection is in trouble: the work fails again and again, for a
    /// reason that no other state shows.
    mutating func note(_ error: any Error) -> Bool {
        guard Self.isUnclear(error) else { return false }
        count += 1
        return count >= ReplicationLimits.troubleFailures
    }

    private static func isUnclear(_ error: any Error) -> Bool {
        switch error {
        case is CancellationError: false
        // The lease, and the lease loop, are about the worker.
        case let error as ReplicationError: ![.leaseLost, .claimLost].contains(error.code)
        // The org, its quota and the grant have their own states.
        case is SalesforceError: false
        case let error as OrganizationsError:
            [.unreadableCredential, .malformedRow, .wrongSecret].contains(error.code)
        // The outage of a database is found by `CellCheck`.
        case let error as PostgresError: !error.isConnectionLoss && error.code != .closed
        default: true
        }
    }
}
