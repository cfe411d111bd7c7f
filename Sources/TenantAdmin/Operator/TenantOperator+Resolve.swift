import Activity
import FoundationEssentials
package import Organizations
import Postgres
import Replication
import Salesforce
import TenantSchema

// Changes in doubt.
extension TenantOperator {
    /// Decides about a change in doubt. The decision is recorded.
    ///
    /// - Parameters:
    ///   - id: the change's id in the tenant's log.
    ///   - isChecked: true to ask the org for the record of an insert first. Throws `.silentOrg` or
    ///     `.noConsent` if it cannot be asked.
    package func resolveWrite(
        _ id: Int, _ decision: WriteDecision, of organization: Organization, isChecked: Bool = true,
        by actor: String
    ) async throws -> WriteResolution {
        let mappings = try await control.withConnection {
            try await MappingStore().mappings(of: organization.connectionID, on: $0)
        }
        if isChecked, case .exists(let record?) = decision,
            let object = try await objectInDoubt(id, of: organization, mappings)
        {
            let found = try await withOrg(of: organization) { rest, _ in
                // Also if its users have deleted it since.
                try await rest.records([record], fields: ["Id"], of: object, isAll: true)
            }
            guard !found.isEmpty else { return .noRecord(object) }
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

    /// The API name of the object of an insert in doubt. Nil for another change, and without a table.
    private func objectInDoubt(
        _ id: Int, of organization: Organization, _ mappings: [Mapping]
    ) async throws -> String? {
        try await withCell(named: organization.cell, within: TenantAdminLimits.cellAction) { connection in
            let store = LocalWriteStore(organization: organization.id, schema: organization.schemaName)
            guard let write = try await Self.write(id, in: store, on: connection),
                write.status == .inDoubt, write.action == "INSERT"
            else { return nil }
            let tables = try await SyncedTableStore().tables(of: organization.id, mappings, on: connection)
            return tables.first { $0.plan.table == write.table }?.plan.objectName
        }
    }

    private static func write(
        _ id: Int, in store: LocalWriteStore, on connection: PostgresConnection
    ) async throws -> LocalWrite? {
        var filter = LocalWriteFilter()
        filter.ids = [id]
        filter.limit = 1
        return try await store.list(filter, on: connection).first
    }

    private static func resolve(
        _ id: Int, _ decision: WriteDecision, of organization: Organization, _ mappings: [Mapping],
        on connection: PostgresConnection
    ) async throws -> WriteResolution {
        let store = LocalWriteStore(organization: organization.id, schema: organization.schemaName)
        guard let write = try await write(id, in: store, on: connection) else { return .unknown }
        guard write.status == .inDoubt else { return .notInDoubt(write.status) }
        guard case .exists(let sfid) = decision else {
            try await connection.transaction { try await store.sendAgain(write, on: $0) }
            return .done
        }
        let tables = try await SyncedTableStore().tables(of: organization.id, mappings, on: connection)
        let recording = try await connection.transaction {
            try await store.recordAsWritten(write, sfid: sfid, in: tables, on: $0)
        }
        switch recording {
        case .done: return .done
        case .locked: return .locked
        case .notImported: return .notImported(write.table)
        case .needsRecord: return .needsRecord
        case .hasRecord(let own): return .hasRecord(own)
        case .belongs(let row): return .recordBelongs(row: row)
        }
    }
}
