package import Activity
package import FoundationEssentials
import Logging
package import Organizations
package import Postgres

// Connections for programs.
extension TenantOperator {
    /// A page of the connections that match, and the number of all.
    package func connections(
        _ filter: ConnectionReportStore.Filter, from offset: Int, limit: Int, withMappings: Bool
    ) async throws -> (reports: [ConnectionReport], count: Int) {
        try await control.withConnection { connection in
            let store = ConnectionReportStore()
            var page = try await store.page(filter, from: offset, limit: limit, on: connection)
            guard withMappings else { return page }
            let mappings = try await store.mappings(
                of: page.reports.map(\.organization.connectionID), on: connection)
            for index in page.reports.indices {
                page.reports[index].mappings =
                    mappings[page.reports[index].organization.connectionID] ?? []
            }
            return page
        }
    }

    /// One connection with its mappings, and what its cell knows. Nil if none matches.
    package func connection(_ filter: ConnectionReportStore.Filter) async throws -> ConnectionReport? {
        let found = try await connections(filter, from: 0, limit: 1, withMappings: true)
        guard var report = found.reports.first else { return nil }
        let (organization, mappings) = (report.organization, report.mappings)
        do {
            let activity = try await withCell(
                named: organization.cell, within: TenantAdminLimits.cellWait
            ) {
                try await ConnectionReportStore().activity(of: organization, mappings, on: $0)
            }
            for index in mappings.indices { report.mappings[index].activity = activity?[mappings[index].id] }
        } catch {
            logger.warning(
                "could not read cell", metadata: ["cell": "\(organization.cell)", "error": "\(error)"])
        }
        return report
    }

    /// The names of all cells, the control database first.
    package var cellNames: [String] {
        cells.keys.sorted { ($0 == "default" ? "" : $0) < ($1 == "default" ? "" : $1) }
    }

    /// Where the cells are, by name.
    package var databases: [String: PostgresConfiguration] { cells.mapValues(\.configuration) }

    /// The connection of a mapping. Nil if there is no such mapping.
    package func connection(ofMapping id: UUID) async throws -> UUID? {
        try await control.withConnection {
            try await ConnectionReportStore().connection(ofMapping: id, on: $0)
        }
    }

    /// The refused changes of a tenant since a time, the newest first, at most
    /// `TenantAdminLimits.writeFailures`.
    ///
    /// - Parameter table: nil for all.
    package func writeFailures(
        of organization: Organization, table: String?, since time: Date
    ) async throws -> [WriteFailure] {
        try await withCell(named: organization.cell, within: TenantAdminLimits.cellWait) {
            try await ConnectionReportStore().failures(
                of: organization, table: table, since: time, limit: TenantAdminLimits.writeFailures, on: $0)
        }
    }

    /// A tenant's open notifications, the newest first.
    package func notifications(of organization: Organization) async throws -> [OperatorNotification] {
        try await control.withConnection {
            try await NotificationStore(on: $0).open(
                organization: organization.id, limit: TenantAdminLimits.apiNotifications)
        }
    }
}
