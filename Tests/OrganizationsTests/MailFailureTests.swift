import Activity
import Foundation
import HTTPClient
import Jobs
import Logging
import Postgres
import Support
import Testing

@testable import Organizations

struct MailRefusalTests {
    @Test(arguments: [530, 534, 535, 538])
    func `a mail server that wants a login refuses no mail for good`(reply: Int) {
        #expect(!HTTPClientError(.refused, replyCode: reply).isPermanentRefusal)
    }

    @Test(arguments: [(451, false), (499, false), (500, true), (550, true), (554, true), (600, false)])
    func `only replies from 500 to 599 refuse a mail for good`(reply: Int, isPermanent: Bool) {
        #expect(HTTPClientError(.refused, replyCode: reply).isPermanentRefusal == isPermanent)
        #expect(!HTTPClientError(.loginDenied, replyCode: reply).isPermanentRefusal)
    }
}

/// Dead mail jobs whose worker died before it could report them.
@Suite(.tags(.store))
struct MailFailureTests {
    private func report(_ tenancy: Tenancy) -> MailFailureReport {
        MailFailureReport(
            control: tenancy.pool, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func open(_ tenancy: Tenancy) async throws -> [String] {
        try await tenancy.pool.withConnection { try await NotificationStore(on: $0).open().map(\.message) }
    }

    /// Adds a mail job of the tenant that died `age` seconds ago and was not reported.
    private func deadMail(_ tenancy: Tenancy, _ organization: Organization, age: Int = 60) async throws {
        let job = try await tenancy.queue.enqueue(
            NewJob(OrganizationJob.sendConsentMail, organizationID: organization.id))
        _ = try await tenancy.pool.execute(
            """
            update multiconnect.jobs set state = 'dead', error_message = 'the disk is full',
                created_at = now() - make_interval(secs => \(age + 1)::int),
                finished_at = now() - make_interval(secs => \(age)::int)
            where id = \(job.text)
            """)
    }

    @Test func `a dead mail without a notification is reported once`() async throws {
        try await Tenancy.run { tenancy in
            let organization = try await tenancy.organization()
            try await deadMail(tenancy, organization)
            #expect(try await report(tenancy).sweep() == 1)
            #expect(try await open(tenancy).first?.contains("the disk is full") == true)
            let found = try await tenancy.pool.withConnection {
                try await OrganizationStore(on: $0).get(id: organization.id)
            }
            #expect(found.statusDetail == "the admin was not mailed: the disk is full")
            #expect(try await report(tenancy).sweep() == 0)
            // An acknowledged notification counts.
            _ = try await tenancy.pool.withConnection {
                try await NotificationStore(on: $0).acknowledgeAll(by: "ann")
            }
            #expect(try await report(tenancy).sweep() == 0)
        }
    }

    @Test func `a notification that was acknowledged before the mail died does not count`() async throws {
        try await Tenancy.run { tenancy in
            let organization = try await tenancy.organization()
            _ = try await tenancy.pool.execute(
                """
                insert into multiconnect.notifications
                    (organization_id, event_type, message, created_at, acknowledged_at)
                values (\(organization.id), 'mail_failed', 'earlier', now() - interval '1 day',
                    now() - interval '1 hour')
                """)
            try await deadMail(tenancy, organization)
            #expect(try await report(tenancy).sweep() == 1)
        }
    }

    @Test func `a dead mail that was replaced, is not needed or is old is not reported`()
        async throws
    {
        try await Tenancy.run { tenancy in
            let replaced = try await tenancy.organization()
            try await deadMail(tenancy, replaced)
            _ = try await tenancy.queue.enqueue(
                NewJob(OrganizationJob.sendConsentMail, organizationID: replaced.id))
            let consented = try await tenancy.organization("00D5f000005mc66EAA")
            try await deadMail(tenancy, consented)
            _ = try await tenancy.pool.execute(
                "update multiconnect.organizations set status = 'live' where id = \(consented.id)")
            let old = try await tenancy.organization("00D5f000005mc67EAA")
            try await deadMail(tenancy, old, age: 8 * 86_400)
            #expect(try await report(tenancy).sweep() == 0)
            #expect(try await open(tenancy).isEmpty)
        }
    }
}
