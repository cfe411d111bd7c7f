import Activity
import FoundationEssentials
package import Organizations
import Postgres
import Replication

// Changes in doubt.
extension TenantOperator {
    /// Decides about a change in doubt. The decision is recorded.
    ///
    /// - Parameter id: the change's id in the tenant's log.
    package func resolveWrite(
        _ id: Int, _ decision: WriteDecision, of organization: Organization, by actor: String
    ) async throws -> WriteResolution {
        let mappings = try await control.withConnection {
            try await MappingStore().mappings(of: organization.connectionID, on: $0)
        }
        let resolution = try await withCell(named: organization.cell, within: TenantAdminLimits.cellAction) {
            try await Self.resolve(id, decision, of: organization, mappings, on: $0)
        }
        guard resolution == .done else { return resolution }
        let text =
            switch decision {
            case .exists(let sfid): "exists \(sfid ?? "")"
            case .sendAgain: "sent again"
            }
        try await control.withConnection {
            try await ActivityStore(on: $0).add(
                "write_resolved", by: actor, organization: organization.id, detail: "\(id) \(text)")
        }
        return .done
    }

    private static func resolve(
        _ id: Int, _ decision: WriteDecision, of organization: Organization, _ mappings: [Mapping],
        on connection: PostgresConnection
    ) async throws -> WriteResolution {
        let store = LocalWriteStore(organization: organization.id, schema: organization.schemaName)
        var filter = LocalWriteFilter()
        filter.ids = [id]
        filter.limit = 1
        guard let write = try await store.list(filter, on: connection).first else { return .unknown }
        guard write.status == .inDoubt else { return .notInDoubt(write.status) }
        guard case .exists(let sfid) = decision else {
            try await connection.transaction { try await store.sendAgain(write, on: $0) }
            return .done
        }
        if write.action == "INSERT", sfid == nil { return .needsRecord }
        let tables = try await SyncedTableStore().tables(of: organization.id, mappings, on: connection)
        let recording = try await connection.transaction {
            try await store.recordAsWritten(write, sfid: sfid, in: tables, on: $0)
        }
        switch recording {
        case .done: return .done
        case .locked: return .locked
        case .notImported: return .notImported(write.table)
        }
    }
}
