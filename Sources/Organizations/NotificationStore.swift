package import FoundationEssentials
package import Postgres

/// Something an operator should know, until somebody acknowledges it.
package struct Notification: Sendable, Equatable {
    package let id: Int64
    package let organization: UUID?
    /// Of the tenant, if there is one.
    package let organizationID: String?
    package let organizationName: String?
    package let eventType: String
    package let message: String
    package let createdAt: Date
    package let acknowledgedAt: Date?
}

/// Notifications in the control database.
package struct NotificationStore {
    private let connection: PostgresConnection

    package init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// - Parameter eventType: lower-case words joined by `_` or `.`, as `unauthorized`.
    package func add(_ eventType: String, organization: UUID?, message: String) async throws {
        _ = try await connection.execute(
            """
            insert into multiconnect.notifications (organization_id, event_type, message)
            values (\(organization), \(eventType), \(message))
            """)
    }

    /// Adds what is not open yet: at most `limit` of one kind, tenant by tenant, and no text twice. For what
    /// strangers can cause, or what repeats while its cause lasts.
    package func addOnce(
        _ eventType: String, organization: UUID?, message: String, atMost limit: Int = 1
    ) async throws {
        _ = try await connection.execute(
            """
            insert into multiconnect.notifications (organization_id, event_type, message)
            select \(organization)::uuid, \(eventType)::text, \(message)::text
            from (
                select count(*) as count, coalesce(bool_or(message = \(message)::text), false) as same
                from multiconnect.notifications
                where acknowledged_at is null and event_type = \(eventType)::text
                  and organization_id is not distinct from \(organization)::uuid
            ) as present
            where present.count < \(limit) and not present.same
            """)
    }

    /// Acknowledges what is open of these kinds: its cause is gone.
    package func resolve(_ eventTypes: [String], organization: UUID?) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.notifications
            set acknowledged_at = now(), acknowledged_by = 'multiconnect'
            where acknowledged_at is null and event_type = any(\(eventTypes)::text[])
              and organization_id is not distinct from \(organization)::uuid
            """)
    }

    /// Those that nobody has acknowledged, the newest first; of all tenants if none is named.
    package func open(organization: UUID? = nil, limit: Int = 100) async throws -> [Notification] {
        let rows = try await connection.query(
            """
            select n.id, n.organization_id, o.org_id, o.name, n.event_type, n.message, n.created_at,
                   n.acknowledged_at
            from multiconnect.notifications as n
            left join multiconnect.organizations as o on o.id = n.organization_id
            where n.acknowledged_at is null
              and (\(organization)::uuid is null or n.organization_id = \(organization)::uuid)
            order by n.id desc limit \(limit)
            """)
        return try rows.map { row in
            Notification(
                id: try row["id"], organization: try row["organization_id"],
                organizationID: try row["org_id"], organizationName: try row["name"],
                eventType: try row["event_type"], message: try row["message"],
                createdAt: try row["created_at"],
                acknowledgedAt: try row["acknowledged_at"])
        }
    }

    /// Returns whether it was open.
    package func acknowledge(_ id: Int64, by operatorName: String) async throws -> Bool {
        let affected = try await connection.execute(
            """
            update multiconnect.notifications set acknowledged_at = now(), acknowledged_by = \(operatorName)
            where id = \(id) and acknowledged_at is null
            """)
        return affected == 1
    }

    /// Acknowledges all that are open now; how many.
    package func acknowledgeAll(by operatorName: String) async throws -> Int {
        try await connection.execute(
            """
            update multiconnect.notifications set acknowledged_at = now(), acknowledged_by = \(operatorName)
            where acknowledged_at is null
            """)
    }
}
