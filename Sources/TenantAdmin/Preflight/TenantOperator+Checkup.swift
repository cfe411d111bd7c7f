import FoundationEssentials
package import Organizations
import Postgres
import Reactor
import Replication
import Salesforce
import TenantSchema

extension TenantOperator {
    /// Asks the org and the tenant's database what the sync needs: about four API calls. Facts that cannot be
    /// read are nil. Throws `.silentOrg` or `.noConsent` if the org cannot be asked.
    package func checkup(of organization: Organization) async throws -> Checkup {
        let book = try await mappingBook(of: organization)
        let user = try await control.withConnection {
            try await CredentialStore(on: $0).user(of: organization.id)
        }
        let found = try await withOrg(of: organization) { rest, _ in
            var checkup = Checkup()
            checkup.limits = try await Self.allowed { try await rest.limits() }
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
        checkup.objects = book.mappings.map(\.objectName)
        checkup.username = try await detail(organization.id)?.grant?.username
        checkup.obstacles = try? await obstacles(organization)
        return checkup
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
