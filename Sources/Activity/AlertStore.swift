package import FoundationEssentials
package import Postgres

/// A notification that is sent to a webhook, and the events that are not sent yet.
package struct WebhookAlert: Sendable, Equatable {
    package let notification: OperatorNotification
    package let closedBy: String?
    /// Whether the event that it was opened is not sent yet.
    package let isOpeningUnsent: Bool
    /// Whether it is closed and the event of that is not sent yet.
    package let isClosingUnsent: Bool
}

/// Records which notifications were sent to operators. Each is marked in the transaction that stores its
/// mail, so that no notification is in two mails.
package struct AlertStore {
    /// A kind of notification that was mailed before or has notifications to mail.
    package struct Kind: Sendable, Equatable {
        package let name: String
        /// When the oldest notification that is not mailed yet was added.
        package let waitingSince: Date?
        package let lastMail: Date?

        package init(name: String, waitingSince: Date?, lastMail: Date?) {
            self.name = name
            self.waitingSince = waitingSince
            self.lastMail = lastMail
        }
    }

    /// A notification that is listed in a mail.
    package struct Listed: Sendable, Equatable {
        package let notification: OperatorNotification
        /// How many notifications of its kind this mail stands for.
        package let total: Int
    }

    private let connection: PostgresConnection

    package init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// Lets one collection run at a time, until the transaction ends.
    package func lock() async throws {
        _ = try await connection.query("select pg_advisory_xact_lock(\(Self.lockKey)::int, 0)")
    }

    /// "aler" in ASCII: the first key of this store's advisory lock.
    private static let lockKey = 0x616c_6572

    /// The kinds with notifications to mail, and those mailed within `memory`; and the database's time.
    package func kinds(mailedWithin memory: Duration) async throws -> (kinds: [Kind], now: Date) {
        let rows = try await connection.query(
            """
            select event_type, min(created_at) filter (where mailed_at is null) as waiting_since,
                max(mailed_at) as last_mail
            from multiconnect.notifications
            where mailed_at is null or (mailed_at > '-infinity' and mailed_at > now() - \(memory))
            group by event_type order by event_type
            """)
        let now = try await connection.query("select now()").scalar(as: Date.self)
        let kinds = try rows.map { row in
            Kind(
                name: try row["event_type"], waitingSince: try row["waiting_since"],
                lastMail: try row["last_mail"])
        }
        return (kinds, now)
    }

    /// Marks all notifications of these kinds as mailed. Returns the first `limit` of each kind.
    package func takeForMail(_ kinds: [String], listing limit: Int) async throws -> [Listed] {
        let rows = try await connection.query(
            """
            with taken as (
                update multiconnect.notifications set mailed_at = now()
                where mailed_at is null and event_type = any(\(kinds)::text[])
                returning id, organization_id, event_type, message, created_at, acknowledged_at
            ), listed as (
                select *, row_number() over (partition by event_type order by id) as place,
                    count(*) over (partition by event_type) as total
                from taken
            )
            select n.*, o.org_id, o.name from listed as n
            left join multiconnect.organizations as o on o.id = n.organization_id
            where n.place <= \(limit) order by n.event_type, n.id
            """)
        return try rows.map { Listed(notification: try Self.notification($0), total: try $0["total"]) }
    }

    /// Marks all notifications that wait for a mail, because operators have no address.
    package func skipMails() async throws {
        _ = try await connection.execute(
            "update multiconnect.notifications set mailed_at = '-infinity' where mailed_at is null")
    }

    /// Takes new notifications of these kinds for mails to the tenants' admins, grouped by tenant. After
    /// a mail about a kind, the tenant's next notifications of this kind wait for `pause`.
    ///
    /// - Parameters:
    ///   - collection: how long a tenant's first notification waits for others.
    ///   - tenants: the most tenants.
    ///   - limit: the most notifications of one tenant; the others are marked too.
    package func takeForAdmins(
        _ kinds: [String], collection: Duration, pause: Duration, tenants: Int, listing limit: Int
    ) async throws -> [UUID: [OperatorNotification]] {
        let rows = try await connection.query(
            """
            with waiting as (
                select n.id, n.organization_id,
                    min(n.created_at) over (partition by n.organization_id) as first
                from multiconnect.notifications as n
                where n.admin_mailed_at is null and n.organization_id is not null
                    and n.acknowledged_at is null and n.event_type = any (\(kinds)::text[])
                    and not exists (
                        select from multiconnect.notifications as o
                        where o.organization_id = n.organization_id and o.event_type = n.event_type
                            and o.admin_mailed_at > '-infinity' and o.admin_mailed_at > now() - \(pause))
            ), due as (
                select id, dense_rank() over (order by organization_id) as tenant
                from waiting where first < now() - \(collection)
            ), taken as (
                update multiconnect.notifications as n set admin_mailed_at = now()
                from due where n.id = due.id and due.tenant <= \(tenants)
                returning n.id, n.organization_id, n.event_type, n.message, n.created_at, n.acknowledged_at
            ), listed as (
                select *, row_number() over (partition by organization_id order by event_type, id) as place
                from taken
            )
            select n.*, o.org_id, o.name from listed as n
            join multiconnect.organizations as o on o.id = n.organization_id
            where n.place <= \(limit) order by n.organization_id, n.event_type, n.id
            """)
        return Dictionary(grouping: try rows.map(Self.notification)) { $0.organization ?? UUID() }
    }

    /// Marks the notifications that admins are never mailed about: those of other kinds, and closed ones.
    ///
    /// - Parameter kinds: the kinds that admins are mailed about; empty: none.
    package func skipAdmins(without kinds: [String]) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.notifications set admin_mailed_at = '-infinity'
            where admin_mailed_at is null and (event_type <> all (\(kinds)::text[])
                or organization_id is null or acknowledged_at is not null)
            """)
    }

    /// The notifications with unsent events for the webhook, the oldest first.
    package func waitingForWebhook(limit: Int) async throws -> [Int64] {
        try await connection.query(
            """
            select id from multiconnect.notifications
            where webhook_opened_at is null or (webhook_closed_at is null and acknowledged_at is not null)
            order by id limit \(limit)
            """
        ).column()
    }

    /// The notification and its unsent events; nil if it was removed.
    package func webhookAlert(_ id: Int64) async throws -> WebhookAlert? {
        let rows = try await connection.query(
            """
            select n.id, n.organization_id, o.org_id, o.name, n.event_type, n.message, n.created_at,
                n.acknowledged_at, n.acknowledged_by, n.webhook_opened_at is null as opening_unsent,
                n.webhook_closed_at is null and n.acknowledged_at is not null as closing_unsent
            from multiconnect.notifications as n
            left join multiconnect.organizations as o on o.id = n.organization_id
            where n.id = \(id)
            """)
        return try rows.first.map { row in
            WebhookAlert(
                notification: try Self.notification(row), closedBy: try row["acknowledged_by"],
                isOpeningUnsent: try row["opening_unsent"], isClosingUnsent: try row["closing_unsent"])
        }
    }

    /// Marks the event that a notification was opened, or closed, as sent or given up.
    package func markSent(_ id: Int64, isClosing: Bool) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.notifications
            set webhook_opened_at = case when \(isClosing)::boolean then webhook_opened_at else now() end,
                webhook_closed_at = case when \(isClosing)::boolean then now() else webhook_closed_at end
            where id = \(id)
            """)
    }

    /// Marks all notifications that wait for the webhook, because there is none.
    package func skipWebhook() async throws {
        _ = try await connection.execute(
            """
            update multiconnect.notifications
            set webhook_opened_at = '-infinity', webhook_closed_at = '-infinity'
            where webhook_opened_at is null or (webhook_closed_at is null and acknowledged_at is not null)
            """)
    }

    /// Marks one notification that is never sent to the webhook.
    package func skipWebhook(_ id: Int64) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.notifications
            set webhook_opened_at = '-infinity', webhook_closed_at = '-infinity' where id = \(id)
            """)
    }

    private static func notification(_ row: Row) throws -> OperatorNotification {
        OperatorNotification(
            id: try row["id"], organization: try row["organization_id"], organizationID: try row["org_id"],
            organizationName: try row["name"], eventType: try row["event_type"],
            message: try row["message"], createdAt: try row["created_at"],
            acknowledgedAt: try row["acknowledged_at"])
    }
}
