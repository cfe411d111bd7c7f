import FoundationEssentials
package import Organizations
import Postgres
import Reactor
import Replication
import Salesforce
import TenantSchema

extension TenantOperator {
    /// Asks the org and the tenant's database what the sync needs: about five API calls. Facts that cannot be
    /// read are nil. Throws `.silentOrg` or `.noConsent` if the org cannot be asked.
    package func checkup(of organization: Organization) async throws -> Checkup {
        let book = try await mappingBook(of: organization)
        let user = try await control.withConnection {
            try await CredentialStore(on: $0).user(of: organization.id)
        }
        let found = try await withOrg(of: organization) { rest, _ in
            var checkup = Checkup()
            checkup.limits = try await Self.allowed { try await rest.limits() }
            checkup.versions = try await Self.allowed { try await rest.versions() }
            checkup.selected = try await Self.allowed {
                let channels = try await rest.eventChannels()
                return channels.custom.values.reduce(channels.standard) { $0.union($1) }
            }
            if let user { checkup.rights = try await Self.allowed { try await rest.rights(of: user) } }
            return checkup
        }
        var checkup = found
        let isWritten = book.mappings.contains { $0.configuration.access == .readWrite }
        checkup.writes = isWritten ? .planned : .none
        checkup.username = try await detail(organization.id)?.grant?.username
        checkup.obstacles = try? await obstacles(organization)
        let day = Date() - 24 * 60 * 60
        let busiest = try await hours(of: [organization.id], since: day)[organization.id, default: []]
            .map(\.counts.rowsIn).sorted(by: >)
        checkup.rowsInHour = busiest.dropFirst(Self.importHours).first ?? 0
        try await addTables(to: &checkup, organization, book)
        return checkup
    }

    /// Busy hours of a day that do not count, because an import or a reload may have made them.
    private static let importHours = 6

    /// Adds the mappings with the facts of their tables.
    private func addTables(
        to checkup: inout Checkup, _ organization: Organization, _ book: MappingBook
    ) async throws {
        let store = CheckupStore()
        let stored = try await control.withConnection {
            try await store.stored(of: organization.connectionID, on: $0)
        }
        let found = try? await withCell(named: organization.cell, within: TenantAdminLimits.cellWait) {
            (
                try await store.tables(of: organization.schemaName, on: $0),
                try await store.connections(on: $0)
            )
        }
        checkup.connections = found?.1
        checkup.mappings = book.mappings.map { mapping in
            let entry = stored.first { $0.objectName == mapping.objectName }
            var facts = Checkup.MappingFacts(objectName: mapping.objectName)
            facts.fields = mapping.configuration.fields.count
            facts.pollingSeconds = mapping.configuration.pollingSeconds
            facts.upsertField =
                mapping.configuration.access == .readWrite ? mapping.configuration.upsertField : nil
            facts.problems = entry?.problems ?? []
            facts.obstacle = entry?.obstacle
            facts.table = entry?.table.flatMap { found?.0[$0] }
            return facts
        }
    }

    private func obstacles(_ organization: Organization) async throws -> [String] {
        let tenant = Tenant(organization)
        guard let cell = cells[tenant.cell] else {
            throw TenantAdminError(.unknownCell, "this process has no URL of the cell \(tenant.cell)")
        }
        return try await withDeadline(.now + TenantAdminLimits.cellWait, operation: "preflight") {
            try await DatabasePreflight(tenant: tenant, cell: cell).obstacles()
        }
    }

    /// Nil if the org refuses the call for good.
    private static func allowed<Value: Sendable>(
        _ call: () async throws -> Value
    ) async throws -> Value? {
        do {
            return try await call()
        } catch let error as SalesforceError
            where [.forbidden, .invalidType, .notFound, .malformedQuery, .rejected, .invalidField].contains(
                error.code)
        {
            return nil
        }
    }
}
