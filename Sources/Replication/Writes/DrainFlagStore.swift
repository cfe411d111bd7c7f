package import Postgres
internal import TenantSchema

/// The flag of a tenant whose lease holder reads the log without pause: transactions of the application send
/// no notifications meanwhile.
///
/// A transaction may have seen the flag and commit after it was cleared. So after the flag is cleared and
/// committed, read the log, and then again until `hasPassed` is true for the horizon: no such transaction can
/// be running then.
package struct DrainFlagStore: Sendable {
    /// A place in the order of transactions.
    package struct Horizon: Sendable, Equatable {
        fileprivate var transaction: Int
    }

    private let table: String

    package init(schema: String) {
        table = "\(Identifier.quoted(schema))._hcmeta"
    }

    /// Sets the flag in the caller's fenced transaction.
    package func set(on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update \(raw: table) set details = \(TenantDDL.drainFlag)
            where details is distinct from \(TenantDDL.drainFlag)::text
            """)
    }

    /// Clears the flag in the caller's fenced transaction. A new lease holder calls it too: the former one
    /// may have left the flag.
    package func clear(on connection: PostgresConnection) async throws {
        try await connection.execute(
            "update \(raw: table) set details = null where details = \(TenantDDL.drainFlag)")
    }

    /// The horizon of transactions that may have seen the flag. Read it after the commit that cleared it.
    package func horizon(on connection: PostgresConnection) async throws -> Horizon {
        Horizon(
            transaction: try await connection.query(
                "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
            ).scalar())
    }

    /// True if all transactions before the horizon have ended.
    package func hasPassed(_ horizon: Horizon, on connection: PostgresConnection) async throws -> Bool {
        try await connection.query(
            "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint >= \(horizon.transaction)"
        ).scalar()
    }
}
