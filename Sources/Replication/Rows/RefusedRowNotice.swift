internal import Activity
internal import Organizations
internal import Postgres

/// Shows operators how many records of a mapping the database refuses.
struct RefusedRowNotice: Sendable {
    let control: PostgresPool
    let mapping: Mapping

    /// Stores the number. The first record is notified; the notification ends with the last one.
    func note(_ count: Int) async throws {
        try await control.transaction { connection in
            // Organizations are locked before mappings everywhere, so that transactions cannot deadlock.
            _ = try await OrganizationStore(on: connection).lock(id: mapping.organizationID)
            let isFirst = try await MappingStore().noteQuarantined(count, of: mapping.id, on: connection)
            let notifications = NotificationStore(on: connection)
            if count == 0 {
                try await notifications.resolve(
                    Self.event, organization: mapping.organizationID, subject: mapping.objectName)
            } else if isFirst {
                try await notifications.update(
                    Self.event, organization: mapping.organizationID, subject: mapping.objectName,
                    message: "the database refuses rows, which are not synced, \(count) so far: "
                        + "multiconnect_sync.quarantined_rows has the reasons")
            }
        }
    }

    private static let event = "rows_quarantined"
}
