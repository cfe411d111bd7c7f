package import FoundationEssentials
package import Postgres
internal import TenantSchema

/// Statements that remove one mapping.
package struct MappingRemovalStore: Sendable {
    private let organization: UUID
    private let schema: String

    /// - Parameter schema: the tenant's schema.
    package init(organization: UUID, schema: String) {
        self.organization = organization
        self.schema = schema
    }

    /// Local changes of a table that Salesforce does not have, refused ones among them.
    package func unsentChanges(of table: String, on connection: PostgresConnection) async throws -> Int {
        let log = "\(Identifier.quoted(schema))._trigger_log"
        let exists: Bool = try await connection.query("select to_regclass(\(log)) is not null").scalar()
        guard exists else { return 0 }
        return try await connection.query(
            """
            select (select count(*) from \(raw: log) where table_name = \(table)
                    and state in ('NEW', 'PENDING', 'REQUEUE', 'FAILED'))
                + (select count(*) from \(identifier: schema, "_trigger_log_archive")
                    where table_name = \(table) and state = 'REQUEUE')
            """
        ).scalar()
    }

    /// Rows of a table that Salesforce does not have. 0 if there is no table.
    package func ownRows(of table: String, on connection: PostgresConnection) async throws -> Int {
        let name = "\(Identifier.quoted(schema)).\(Identifier.quoted(table))"
        let exists: Bool = try await connection.query("select to_regclass(\(name)) is not null").scalar()
        guard exists else { return 0 }
        return try await connection.query("select count(*) from \(raw: name) where sfid is null").scalar()
    }

    /// Makes the table an ordinary one or drops it, in the caller's transaction. Throws `.unsentChanges` if
    /// it has local changes that Salesforce does not have.
    func release(_ table: String, isDropped: Bool, on connection: PostgresConnection) async throws {
        try await connection.script(
            "set local lock_timeout = '\(ReplicationLimits.lockTimeout.milliseconds)ms'; "
                + TenantDDL.lock(of: schema))
        let name = "\(Identifier.quoted(schema)).\(Identifier.quoted(table))"
        let exists: Bool = try await connection.query("select to_regclass(\(name)) is not null").scalar()
        guard exists else { return }
        // No user can change the table between the check and the end of the triggers.
        try await connection.script("lock table \(name) in access exclusive mode")
        let unsent = try await unsentChanges(of: table, on: connection)
        guard unsent == 0 else {
            throw ReplicationError(
                .unsentChanges,
                "\(unsent) local changes of \(table) are not in Salesforce: send or discard them first")
        }
        if isDropped { return try await drop(table, name, on: connection) }
        for statement in TenantDDL.release(table, in: schema) { try await connection.script(statement) }
    }

    private func drop(_ table: String, _ name: String, on connection: PostgresConnection) async throws {
        let own = try await ownRows(of: table, on: connection)
        guard own == 0 else {
            throw ReplicationError(
                .unsentChanges, "\(own) rows of \(table) are not in Salesforce: the table cannot be dropped")
        }
        for statement in TenantDDL.release(table, in: schema) { try await connection.script(statement) }
        do {
            try await connection.script("drop table \(name)")
        } catch let error as PostgresError where error.sqlState == .dependentObjects {
            throw ReplicationError(
                .givenUp, "another object uses \(table) (\(error.detail ?? error.message)): drop it first")
        }
    }

    /// Removes the mapping's rows of the cell, in the caller's transaction. The tenant's tables stay.
    func forget(_ mapping: UUID, on connection: PostgresConnection) async throws {
        let statements: [SQL] = [
            "delete from multiconnect_sync.imports where mapping_id = \(mapping)",
            "delete from multiconnect_sync.quarantined_rows where mapping_id = \(mapping)",
            "delete from multiconnect_sync.nulled_cells where mapping_id = \(mapping)",
            "delete from multiconnect_sync.positions where mapping_id = \(mapping)",
            "delete from multiconnect_sync.recent_changes where mapping_id = \(mapping)",
            "delete from multiconnect_sync.running_reads where mapping_id = \(mapping)",
            "delete from multiconnect_sync.rereads where mapping_id = \(mapping)",
            "delete from multiconnect_sync.column_backfills where mapping_id = \(mapping)",
            "delete from multiconnect_sync.repairs where mapping_id = \(mapping)",
            "delete from multiconnect_sync.held_changes where mapping_id = \(mapping)",
            "delete from multiconnect_sync.synced_tables where mapping_id = \(mapping)",
        ]
        _ = try await connection.pipeline(statements)
    }
}
