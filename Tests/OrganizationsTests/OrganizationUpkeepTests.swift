import Activity
import Foundation
import Jobs
import Postgres
import Salesforce
import Support
import Testing

@testable import Organizations

/// Old history is removed, and what is still needed stays.
@Suite(.tags(.store))
struct OrganizationUpkeepTests {
    private static let day = Duration.seconds(86_400)

    private func upkeep(
        _ tenancy: Tenancy, history: Duration? = day * 365, registrations: Duration? = day * 90
    ) -> OrganizationUpkeep {
        OrganizationUpkeep(
            pool: tenancy.pool, retention: .init(history: history, registrations: registrations))
    }

    /// Makes a tenant `days` days older.
    private func age(_ tenancy: Tenancy, _ id: String, days: Int) async throws {
        _ = try await tenancy.pool.execute(
            """
            update multiconnect.organizations
            set created_at = now() - make_interval(days => \(days)::int),
                updated_at = now() - make_interval(days => \(days)::int)
            where org_id = \(id)
            """)
    }

    private func orgs(_ tenancy: Tenancy) async throws -> [String] {
        try await tenancy.pool.query("select org_id from multiconnect.organizations order by 1")
            .column(as: String.self)
    }

    @Test func `a registration without consent is removed after its time and recorded`() async throws {
        try await Tenancy.run { tenancy in
            let old = try await tenancy.organization("00D090000083B1pEAE")
            let young = try await tenancy.organization("00D5f000005mc66EAA")
            try await age(tenancy, old.organizationID.text, days: 91)
            try await age(tenancy, young.organizationID.text, days: 89)
            try await tenancy.pool.withConnection { connection in
                try await ActivityStore(on: connection).add("registered", by: "org", organization: old.id)
                try await NotificationStore(on: connection).add("x", organization: old.id, message: "m")
            }
            #expect(try await upkeep(tenancy, registrations: nil).expire {} == 0)
            #expect(try await upkeep(tenancy).expire {} == 1)
            #expect(try await orgs(tenancy) == [young.organizationID.text])
            let activity = try await tenancy.pool.withConnection { try await ActivityStore(on: $0).list() }
            #expect(activity.map(\.action) == ["registration_expired"])
            #expect(activity.first?.detail == old.organizationID.text)
            // The org may register again.
            _ = try await tenancy.organization("00D090000083B1pEAE")
        }
    }

    @Test func `a tenant with a consent, an open job or an open consent is not removed`() async throws {
        try await Tenancy.run { tenancy in
            let ids = [
                "00D090000083B1pEAE", "00D5f000005mc66EAA", "00D5f000005mc67EAA", "00D5f000005mc68EAA",
            ]
            var organizations: [Organization] = []
            for id in ids {
                organizations.append(try await tenancy.organization(id))
                try await age(tenancy, id, days: 500)
            }
            // Live; registered again after a consent; with an open job; with an open consent.
            _ = try await tenancy.pool.execute(
                """
                update multiconnect.organizations set status = 'live', authorized_at = now()
                where id = \(organizations[0].id)
                """)
            _ = try await tenancy.pool.execute(
                "update multiconnect.organizations set authorized_at = now() where id = \(organizations[1].id)"
            )
            let job = try await tenancy.queue.enqueue(NewJob("SendMail", organizationID: organizations[2].id))
            try await tenancy.pool.withConnection { connection in
                try await ConsentStore(on: connection).insert(
                    stateHash: [UInt8](repeating: 1, count: 32),
                    browserHash: [UInt8](repeating: 2, count: 32),
                    .init(
                        organization: organizations[3].id, verifier: [1],
                        loginURL: "https://login.salesforce.com", returnTarget: nil))
            }
            #expect(try await upkeep(tenancy).expire {} == 0)
            _ = try await tenancy.pool.execute(
                "update multiconnect.jobs set state = 'dead', finished_at = now() where id = \(job.text)")
            _ = try await tenancy.pool.execute(
                "update multiconnect.consents set expires_at = now() - interval '1 hour'")
            #expect(try await upkeep(tenancy).expire {} == 2)
            #expect(try await orgs(tenancy) == ids.prefix(2).sorted())
        }
    }

    @Test func `many old registrations are removed in batches`() async throws {
        try await Tenancy.run { tenancy in
            _ = try await tenancy.pool.execute(
                """
                with new as (
                    insert into multiconnect.organizations (org_id, name, admin_email, schema_name, created_at, updated_at)
                    select id, 'n', 'a@b.example', 'salesforce' || lower(id), now() - interval '1 year',
                        now() - interval '1 year'
                    from (select '00D' || lpad(n::text, 15, '0') as id from generate_series(1, 350) as n) as ids
                    returning id
                )
                insert into multiconnect.connections (organization_id) select id from new
                """)
            #expect(try await upkeep(tenancy).expire {} == 350)
            #expect(try await orgs(tenancy).isEmpty)
        }
    }

    @Test func `old history is removed, the last quota and open notifications stay`() async throws {
        try await Tenancy.run { tenancy in
            let organization = try await tenancy.organization()
            for days in [1, 364, 366, 1000] {
                _ = try await tenancy.pool.execute(
                    """
                    insert into multiconnect.activity (organization_id, actor, action, created_at)
                    values (\(organization.id), 'org', 'x', now() - make_interval(days => \(days)::int))
                    """)
                _ = try await tenancy.pool.execute(
                    """
                    insert into multiconnect.notifications (organization_id, event_type, message, acknowledged_at)
                    values (null, 'x', 'open', null),
                        (null, 'x', 'seen', now() - make_interval(days => \(days)::int))
                    """)
                _ = try await tenancy.pool.execute(
                    """
                    insert into multiconnect.mails
                        (purpose, recipient, subject, text_body, html_body, created_at)
                    values ('consent', 'a@b.example', 's', 't', 'h', now() - make_interval(days => \(days)::int))
                    """)
            }
            for days in [400, 500, 600] {
                _ = try await tenancy.pool.execute(
                    """
                    insert into multiconnect.api_usage (organization_id, hour, used, allowed)
                    values (\(organization.id), date_trunc('hour', now()) - make_interval(days => \(days)::int),
                        \(days)::int, 1000)
                    """)
            }
            #expect(try await upkeep(tenancy, history: nil).prune {} == 0)
            #expect(try await upkeep(tenancy).prune {} == 2 + 2 + 2 + 2)
            let count = { (table: String) in
                try await tenancy.pool.query(SQL(raw: "select count(*) from multiconnect.\(table)"))
                    .scalar(as: Int.self)
            }
            #expect(try await count("activity") == 2)
            #expect(try await count("notifications") == 6)
            #expect(try await count("mails") == 2)
            let usage = try await tenancy.pool.withConnection {
                try await UsageStore(on: $0).latest(of: organization.id)
            }
            #expect(usage?.used == 400)
        }
    }
}
