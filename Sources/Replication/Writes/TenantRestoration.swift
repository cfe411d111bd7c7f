internal import Activity
package import FoundationEssentials
package import Organizations
package import Postgres
internal import Salesforce
internal import TenantSchema

/// Prepares a tenant for work after its cell was restored to an earlier time.
///
/// Changes that the restored log has as unsent may have been sent after that time, and the restored rows do
/// not know the records that these created. So a person decides about each of them, and all rows are read
/// again. The same holds for platform events, which Salesforce cannot be asked for.
package struct TenantRestoration: Sendable {
    /// The numbers of changes and requests that were found.
    package struct Report: Sendable, Equatable {
        /// Changes that are in doubt now.
        package var inDoubt = 0
        /// Requests without a recorded outcome, which are in doubt now.
        package var attempts = 0
        /// Changes that were to be sent again, and are failed now.
        package var requeued = 0
        /// Platform events that may have been published, and are failed now.
        package var events = 0
    }

    /// Statements for the owner of a schema: the first lists the events that were marked, the second
    /// publishes some again.
    package static func eventStatements(schema: String) -> [String] {
        let outbox = "\(Identifier.quoted(schema))._platform_events"
        return [
            "select id, event_name, payload, created_at from \(outbox) "
                + "where state = 'FAILED' and error = \(Identifier.literal(RestorationStore.eventReason));",
            "update \(outbox) set state = 'NEW', attempts = 0, error = null, next_attempt_at = now() "
                + "where id in (...);",
        ]
    }

    private let control: PostgresPool

    package init(control: PostgresPool) {
        self.control = control
    }

    /// Marks the changes and requests in one transaction of the cell. A lease holder loses the tenant:
    /// the next one reads the marks first, and sends afterwards.
    ///
    /// - Parameter time: the time to which the cell was restored.
    package func mark(
        _ organization: Organization, since time: Date, by actor: String, on cell: PostgresConnection
    ) async throws -> Report {
        let mappings = try await control.withConnection {
            try await MappingStore().mappings(of: organization.connectionID, on: $0)
        }
        let store = RestorationStore(organization: organization.id, schema: organization.schemaName)
        let report = try await cell.transaction { connection in
            try await TenantFenceStore(organization: organization.id).close(on: connection)
            let tables = try await SyncedTableStore().tables(
                of: organization.id, mappings, on: connection)
            return try await store.mark(
                since: time, tables: tables.map { ($0.mapping.id, $0.plan.table) }, on: connection)
        }
        try await control.withConnection { connection in
            try await ActivityStore(on: connection).add(
                "organizations.restored", by: actor, organization: organization.id,
                detail: "\(report.inDoubt) changes, \(report.attempts) requests and \(report.events) "
                    + "platform events are in doubt")
            guard report.inDoubt + report.attempts > 0 else { return }
            try await NotificationStore(on: connection).addOnce(
                InDoubtStore.event, organization: organization.id,
                message: InDoubtStore.message(
                    restored: report.inDoubt, requests: report.attempts,
                    orgID: organization.organizationID.text))
        }
        return report
    }
}
