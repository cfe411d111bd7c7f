package import FoundationEssentials
package import Postgres

/// A notification to operators, open until an operator acknowledges it.
package struct OperatorNotification: Sendable, Equatable {
    package let id: Int64
    package let organization: UUID?
    /// The tenant's org id, if the notification is about a tenant.
    package let organizationID: String?
    package let organizationName: String?
    package let eventType: String
    package let message: String
    package let createdAt: Date
    package let acknowledgedAt: Date?
}

/// Rows of `notifications`. This type is the table's only writer.
package struct NotificationStore {
    private let connection: PostgresConnection

    package init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// - Parameter eventType: lower-case words joined by `_` or `.`, for example `unauthorized`.
    package func add(_ eventType: String, organization: UUID?, message: String) async throws {
        _ = try await connection.execute(
            """
            insert into multiconnect.notifications (organization_id, event_type, message)
            values (\(organization), \(eventType), \(message))
            """)
    }

    /// Adds a notification unless `limit` of this type are open for the tenant, or one with the same message.
    /// For events that repeat while their cause lasts.
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

    /// Keeps one open notification of a type about one subject: updates its message, or adds it. The message
    /// begins with the subject. The caller locks the organization, so that two callers do not both add it.
    package func update(
        _ eventType: String, organization: UUID, subject: String, message: String
    ) async throws {
        let text = "\(subject): \(message)"
        let updated = try await connection.execute(
            """
            update multiconnect.notifications set message = \(text)
            where acknowledged_at is null and event_type = \(eventType) and organization_id = \(organization)
              and starts_with(message, \(subject + ": "))
            """)
        if updated == 0 { try await add(eventType, organization: organization, message: text) }
    }

    /// Adds a notification about a subject unless there is one that still stands: it is open, or an operator
    /// acknowledged it and its cause is not gone. The message begins with the subject.
    package func addStanding(
        _ eventType: String, organization: UUID, subject: String, message: String
    ) async throws {
        _ = try await connection.execute(
            """
            insert into multiconnect.notifications (organization_id, event_type, message)
            select \(organization)::uuid, \(eventType)::text, \("\(subject): \(message)")::text
            where not exists (
                select from multiconnect.notifications as n where n.organization_id = \(organization)::uuid
                  and n.event_type = \(eventType)::text and starts_with(n.message, \(subject + ": "))
                  and n.acknowledged_by is distinct from 'multiconnect')
            """)
    }

    /// The messages of a type that still stand, by subject.
    package func standing(_ eventType: String, organization: UUID) async throws -> [String: String] {
        let rows = try await connection.query(
            """
            select message from multiconnect.notifications
            where organization_id = \(organization) and event_type = \(eventType)
              and acknowledged_by is distinct from 'multiconnect' order by id
            """)
        let parts: [(String, String)] = try rows.map { row in
            let message: String = try row["message"]
            let subject = message.prefix { $0 != ":" }
            return (String(subject), String(message.dropFirst(subject.count + 2)))
        }
        return Dictionary(parts) { $1 }
    }

    /// The cause of the messages of a type about these subjects is gone: they stand no more.
    package func endStanding(
        _ eventType: String, organization: UUID, subjects: [String]
    ) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.notifications
            set acknowledged_at = coalesce(acknowledged_at, now()), acknowledged_by = 'multiconnect'
            where organization_id = \(organization) and event_type = \(eventType)
              and acknowledged_by is distinct from 'multiconnect'
              and split_part(message, ': ', 1) = any (\(subjects)::text[])
            """)
    }

    /// Limits on the open notifications of a type that strangers can cause.
    package struct SourceLimits: Sendable {
        package let perSource: Int
        package let total: Int

        package init(perSource: Int, total: Int) {
            self.perSource = perSource
            self.total = total
        }
    }

    /// Adds a notification about an event that strangers can cause, within the limits. An event beyond them
    /// is counted in one open summary instead, so that no source can hide the events of another.
    ///
    /// - Parameters:
    ///   - source: the cause of the event, for example the caller's address.
    ///   - summary: the message of the summary; `{count}` in it becomes the number of its events.
    package func add(
        _ eventType: String, message: String, source: String, limits: SourceLimits, summary: String
    ) async throws {
        _ = try await connection.execute(
            """
            with present as (
                select count(*) filter (where source = \(source)::text) as of_source, count(*) as total,
                    coalesce(bool_or(message = \(message)::text), false) as same
                from multiconnect.notifications
                where acknowledged_at is null and event_type = \(eventType)::text
                    and organization_id is null and suppressed_count = 0
            ), allowed as (
                select of_source < \(limits.perSource) and total < \(limits.total) as listed
                from present where not same
            ), added as (
                insert into multiconnect.notifications (event_type, message, source)
                select \(eventType)::text, \(message)::text, \(source)::text from allowed where listed
            )
            insert into multiconnect.notifications as n (event_type, message, suppressed_count)
            select \(eventType)::text, replace(\(summary)::text, '{count}', '1'), 1
            from allowed where not listed
            on conflict (event_type) where suppressed_count > 0 and acknowledged_at is null do update
            set suppressed_count = n.suppressed_count + 1,
                message = replace(\(summary)::text, '{count}', (n.suppressed_count + 1)::text)
            """)
    }

    /// The condition that a notification of this type about the tenant was open at a time, or was added
    /// later.
    ///
    /// - Parameters:
    ///   - organization: the column of the tenant's id.
    ///   - time: the column of the time.
    package static func exists(_ eventType: String, organization: String, since time: String) -> SQL {
        """
        exists (
            select from multiconnect.notifications as n
            where n.organization_id = \(raw: organization) and n.event_type = \(eventType)
                and (n.acknowledged_at is null or n.acknowledged_at >= \(raw: time)))
        """
    }

    /// Acknowledges the open notifications of these types, because their cause is gone.
    package func resolve(_ eventTypes: [String], organization: UUID?) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.notifications
            set acknowledged_at = now(), acknowledged_by = 'multiconnect'
            where acknowledged_at is null and event_type = any(\(eventTypes)::text[])
              and organization_id is not distinct from \(organization)::uuid
            """)
    }

    /// Acknowledges the open notifications of a tenant that has ended, or of one subject that has.
    package func resolveAll(
        of organization: UUID, subject: String? = nil, by operatorName: String
    ) async throws {
        let beginning = subject.map { "\($0): " } ?? ""
        _ = try await connection.execute(
            """
            update multiconnect.notifications set acknowledged_at = now(), acknowledged_by = \(operatorName)
            where acknowledged_at is null and organization_id = \(organization)
              and starts_with(message, \(beginning))
            """)
    }

    /// Open notifications, the newest first; of all tenants if `organization` is nil.
    package func open(organization: UUID? = nil, limit: Int = 100) async throws -> [OperatorNotification] {
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
            OperatorNotification(
                id: try row["id"], organization: try row["organization_id"],
                organizationID: try row["org_id"], organizationName: try row["name"],
                eventType: try row["event_type"], message: try row["message"],
                createdAt: try row["created_at"],
                acknowledgedAt: try row["acknowledged_at"])
        }
    }

    /// Acknowledges the open notification of a type about one subject, because its cause is gone.
    package func resolve(_ eventType: String, organization: UUID?, subject: String) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.notifications
            set acknowledged_at = now(), acknowledged_by = 'multiconnect'
            where acknowledged_at is null and event_type = \(eventType)
              and organization_id is not distinct from \(organization)::uuid
              and starts_with(message, \(subject + ": "))
            """)
    }

    /// Whether there is a notification with this id, open or not.
    package func exists(_ id: Int64) async throws -> Bool {
        try await connection.query(
            "select exists (select from multiconnect.notifications where id = \(id))"
        ).scalar()
    }

    /// Acknowledges a notification, and records it with its tenant. Returns whether it was open.
    package func acknowledge(_ id: Int64, by operatorName: String) async throws -> Bool {
        let record = ActivityStore.insertion(
            of: """
                select organization_id, \(ActivityStore.stored(operatorName)),
                    'notification_acknowledged', event_type || ' ' || id from closed
                """)
        return try await connection.query(
            """
            with closed as (
                update multiconnect.notifications
                set acknowledged_at = now(), acknowledged_by = \(operatorName)
                where id = \(id) and acknowledged_at is null returning id, organization_id, event_type
            ), recorded as (\(record))
            select from closed
            """
        ).first != nil
    }

    /// Acknowledges all open notifications, and records that; returns how many.
    package func acknowledgeAll(by operatorName: String) async throws -> Int {
        let record = ActivityStore.insertion(
            of: """
                select null::uuid, \(ActivityStore.stored(operatorName)), 'notifications_acknowledged',
                    count(*) || ' notifications' from closed having count(*) > 0
                """)
        return try await connection.query(
            """
            with closed as (
                update multiconnect.notifications
                set acknowledged_at = now(), acknowledged_by = \(operatorName)
                where acknowledged_at is null returning id
            ), recorded as (\(record))
            select count(*) from closed
            """
        ).scalar()
    }

    /// Removes up to `limit` notifications that were acknowledged longer than `age` ago; returns how many.
    package func prune(olderThan age: Duration, limit: Int) async throws -> Int {
        try await connection.execute(
            """
            delete from multiconnect.notifications where id in (
                select id from multiconnect.notifications where acknowledged_at < now() - \(age)
                limit \(limit) for update skip locked)
            """)
    }
}
