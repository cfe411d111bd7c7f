internal import Activity
internal import FoundationEssentials
internal import Organizations
internal import Postgres

/// Shows on mappings why their calls wait.
struct MappingWaits: Sendable {
    let control: PostgresPool

    /// Shows a wait. Operators are notified when it begins.
    func begin(_ wait: CallWait, of mapping: Mapping) async throws {
        try await control.transaction { connection in
            // Two callers must not both add the notification.
            _ = try await OrganizationStore(on: connection).lock(id: mapping.organizationID)
            guard try await MappingWaitStore().set(wait.text, of: mapping.id, on: connection) else { return }
            try await NotificationStore(on: connection).update(
                wait.event, organization: mapping.organizationID, subject: mapping.objectName,
                message: wait.text)
        }
    }

    /// Ends a wait.
    func end(of mapping: Mapping) async throws {
        let isChanged = try await control.withConnection {
            try await MappingWaitStore().set(nil, of: mapping.id, on: $0)
        }
        guard isChanged else { return }
        try await control.withConnection { connection in
            for event in CallWait.events {
                try await NotificationStore(on: connection).resolve(
                    event, organization: mapping.organizationID, subject: mapping.objectName)
            }
        }
    }
}
