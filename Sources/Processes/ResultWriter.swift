internal import FoundationEssentials
internal import Organizations
internal import Postgres
internal import Replication
internal import TenantSchema

/// Writes the result of a process to a record's row, as an application does: the table's triggers put the
/// change into the log, and the lease holder sends it.
struct ResultWriter: Sendable {
    let control: PostgresPool
    let cells: [String: PostgresPool]

    func write(_ result: String, of run: ProcessRun) async throws {
        let (organization, mappings) = try await control.withConnection { connection in
            let organization = try await OrganizationStore(on: connection).get(id: run.organization)
            return (
                organization,
                try await MappingStore().mappings(
                    of: organization.connectionID, on: connection)
            )
        }
        guard let cell = cells[organization.cell] else {
            throw ProcessesError(.notWritable, "no cell has the name \(organization.cell)")
        }
        try await cell.transaction { connection in
            let tables = try await SyncedTableStore().tables(of: organization.id, mappings, on: connection)
            let table = tables.first { $0.plan.objectName.lowercased() == run.object.lowercased() }
            guard let table, table.mapping.configuration.access == .readWrite else {
                throw ProcessesError(.notWritable, "\(run.object) is not written to the org")
            }
            let column = table.plan.columns.first { $0.source.lowercased() == run.field.lowercased() }
            guard let column, table.pausedColumns[column.name] == nil else {
                throw ProcessesError(.notWritable, "\(run.object) has no synced field \(run.field)")
            }
            let name: SQL = "\(identifier: table.schema, table.plan.table)"
            let written: Int
            do {
                written = try await connection.execute(
                    "update \(name) set \(identifier: column.name) = \(result) where sfid = \(run.record)")
            } catch let error as PostgresError where error.sqlState?.classCode == "22" {
                throw ProcessesError(.refused, "the result does not fit into \(run.field)")
            }
            // The record's event may not have arrived yet.
            guard written == 1 else {
                throw ProcessesError(.notWritable, "\(run.object) \(run.record) is not there yet")
            }
        }
    }
}
