import Activity
import FoundationEssentials
package import Organizations
import Postgres
package import Replication

// Rows of a tenant for operators. Each view is recorded before the rows are read.
extension TenantOperator {
    /// The tenant's tables by object.
    package func tables(of organization: Organization) async throws -> [MappingSummary] {
        try await control.withConnection {
            try await MappingPauseStore().summaries(of: organization.id, on: $0)
        }.filter { $0.table != nil && $0.isImported }
    }

    /// A page of rows.
    package func rows(
        of table: String, _ filter: ExplorerFilter, in organization: Organization, by actor: String
    ) async throws -> ExplorerRows {
        let detail = [table, filter.text].filter { !$0.isEmpty }.joined(separator: ": ")
        try await note(detail, organization, by: actor)
        return try await withCell(named: organization.cell, within: TenantAdminLimits.explorerWait) {
            try await ExplorerStore(schema: organization.schemaName, table: table).rows(filter, on: $0)
        }
    }

    /// One row; nil if there is none with this `id`.
    package func record(
        _ id: Int, of table: String, in organization: Organization, by actor: String
    ) async throws -> ExplorerRecord? {
        try await note("\(table): id \(id)", organization, by: actor)
        return try await withCell(named: organization.cell, within: TenantAdminLimits.explorerWait) {
            try await ExplorerStore(schema: organization.schemaName, table: table).record(id, on: $0)
        }
    }

    private func note(_ detail: String, _ organization: Organization, by actor: String) async throws {
        try await control.withConnection {
            try await ActivityStore(on: $0, timeout: TenantAdminLimits.statement).add(
                "rows_viewed", by: actor, organization: organization.id, detail: detail)
        }
    }
}
