import Activity
import Foundation
import Postgres
import Salesforce
import Support
import Testing

@testable import Organizations

@Suite(.tags(.store))
struct RegistrationTests {
    private func accepted(_ outcome: OrganizationRegistration.Outcome) throws -> (
        Organization, MailThrottle.Decision
    ) {
        guard case .accepted(let organization, let mail) = outcome else {
            throw OrganizationsError(.illegalTransition, "not accepted")
        }
        return (organization, mail)
    }

    @Test func `a registration writes organization, connection and job together`() async throws {
        try await Tenancy.run { tenancy in
            let registration = OrganizationRegistration(pool: tenancy.pool, queue: tenancy.queue, cell: "eu")
            let (organization, mail) = try accepted(try await registration.register(tenancy.request()))
            #expect(mail == .now)
            #expect(organization.cell == "eu" && organization.connectionState == .needAuthentication)
            #expect(
                try await tenancy.jobs() == [
                    #"SendConsentMail ["\#(organization.id.uuidString)", "consent", "ann@example.com"]"#
                ])
        }
    }

    @Test func `a repeat before consent replaces name and address and mails the new admin`() async throws {
        try await Tenancy.run { tenancy in
            let registration = OrganizationRegistration(pool: tenancy.pool, queue: tenancy.queue)
            let (first, _) = try accepted(
                try await registration.register(tenancy.request(email: "stranger@example.net")))
            let (again, mail) = try accepted(
                try await registration.register(
                    tenancy.request("00D090000083B1pEAE", name: "Real", email: "admin@example.com")))
            #expect(
                again.id == first.id && again.name.text == "Real"
                    && again.adminEmail.text == "admin@example.com")
            #expect(mail == .now)
            #expect(try await tenancy.jobs().count == 2)
        }
    }

    @Test func `the same registration twice enqueues one mail`() async throws {
        try await Tenancy.run { tenancy in
            let registration = OrganizationRegistration(pool: tenancy.pool, queue: tenancy.queue)
            _ = try await registration.register(tenancy.request())
            _ = try await registration.register(tenancy.request())
            #expect(try await tenancy.jobs().count == 1)
        }
    }

    @Test func `concurrent registrations of one org create one tenant`() async throws {
        try await Tenancy.run { tenancy in
            let registration = OrganizationRegistration(pool: tenancy.pool, queue: tenancy.queue)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask { _ = try await registration.register(tenancy.request()) }
                }
                try await group.waitForAll()
            }
            let count = try await tenancy.pool.query("select count(*) from multiconnect.organizations")
            #expect(try count.scalar(as: Int.self) == 1)
            #expect(try await tenancy.jobs().count == 1)
        }
    }

    @Test func `concurrent registrations of many orgs each create a complete tenant`() async throws {
        try await Tenancy.run { tenancy in
            let registration = OrganizationRegistration(pool: tenancy.pool, queue: tenancy.queue)
            // A known org, and an admin who was mailed ten times within the hour, whose next mail has to
            // wait.
            let known = try await tenancy.organization()
            try await tenancy.pool.execute(
                """
                insert into multiconnect.mails (purpose, recipient, subject, text_body, html_body)
                select 'consent', 'busy@example.com', '', '', '' from generate_series(1, 10)
                """)
            let outcomes = try await withThrowingTaskGroup(of: OrganizationRegistration.Outcome.self) {
                group in
                for index in 0..<40 {
                    let id = "00D0900000\(10_000 + index)"
                    let email = index == 7 ? "busy@example.com" : "admin\(index)@example.com"
                    group.addTask {
                        try await registration.register(
                            tenancy.request(id, name: "Org \(index)", email: email))
                    }
                }
                group.addTask { try await registration.register(tenancy.request()) }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let registered = try outcomes.map(accepted)
            #expect(Set(registered.map(\.0.id)).count == 41)
            #expect(registered.contains { $0.0.id == known.id && $0.1 == .now })
            for (organization, mail) in registered {
                #expect((mail == .now) == (organization.adminEmail.text != "busy@example.com"))
                #expect(organization.connectionState == .needAuthentication)
            }
            let whole = try await tenancy.pool.query(
                """
                select count(*) from multiconnect.organizations as o
                join multiconnect.connections as c on c.organization_id = o.id
                join multiconnect.activity as a on a.organization_id = o.id
                    and a.detail = 'admin ' || o.admin_email
                join multiconnect.jobs as j on j.organization_id = o.id and j.args ->> 2 = o.admin_email
                where j.state = case when o.admin_email = 'busy@example.com' then 'scheduled' else 'queued' end
                """)
            #expect(try whole.scalar(as: Int.self) == 41)
        }
    }

    @Test func `one org many times within a batch creates one tenant`() async throws {
        try await Tenancy.run { tenancy in
            let registration = OrganizationRegistration(pool: tenancy.pool, queue: tenancy.queue)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<20 {
                    group.addTask {
                        let id = index.isMultiple(of: 2) ? "00D090000083B1p" : "00D0900000000\(10 + index)"
                        _ = try await registration.register(tenancy.request(id))
                    }
                }
                try await group.waitForAll()
            }
            let count = try await tenancy.pool.query("select count(*) from multiconnect.organizations")
            #expect(try count.scalar(as: Int.self) == 11)
            #expect(try await tenancy.jobs().count == 11)
        }
    }

    @Test(arguments: [OrganizationStatus.authorized, .provisioning, .importing, .live, .paused, .failed])
    func `a registration after a consent changes nothing`(status: OrganizationStatus) async throws {
        try await Tenancy.run { tenancy in
            let organization = try await tenancy.organization()
            try await tenancy.pool.execute(
                "update multiconnect.organizations set status = \(status.rawValue)")
            let registration = OrganizationRegistration(pool: tenancy.pool, queue: tenancy.queue)
            let outcome = try await registration.register(
                tenancy.request(name: "Other", email: "stranger@example.net"))
            guard case .alreadyConsented(let found) = outcome else {
                Issue.record("accepted")
                return
            }
            #expect(found.name == organization.name && found.adminEmail == organization.adminEmail)
            #expect(try await tenancy.jobs().isEmpty)
        }
    }

    @Test func `a reinstall starts an uninstalled org again`() async throws {
        try await Tenancy.run { tenancy in
            _ = try await tenancy.organization()
            try await tenancy.pool.execute(
                "update multiconnect.organizations set status = 'uninstalled', status_detail = 'gone'")
            let registration = OrganizationRegistration(pool: tenancy.pool, queue: tenancy.queue)
            let (organization, _) = try accepted(try await registration.register(tenancy.request()))
            #expect(organization.status == .registered && organization.statusDetail == nil)
            #expect(try await tenancy.jobs().count == 1)
        }
    }

    @Test func `an admin who was just mailed is not mailed again`() async throws {
        try await Tenancy.run { tenancy in
            let organization = try await tenancy.organization()
            let content = MailContent(
                purpose: .consent, brand: Brand(name: "App"), organization: organization.name,
                link: "https://x.example")
            try await tenancy.pool.withConnection { connection in
                _ = try await MailStore(on: connection).write(
                    content,
                    MailStore.Request(
                        job: "a", organization: organization.id, purpose: .consent,
                        recipient: organization.adminEmail))
            }
            let registration = OrganizationRegistration(pool: tenancy.pool, queue: tenancy.queue)
            let (_, mail) = try accepted(try await registration.register(tenancy.request()))
            #expect(mail == .alreadyMailed)
            #expect(try await tenancy.jobs().isEmpty)
        }
    }

    @Test(arguments: [OrganizationStatus.unauthorized, .uninstalled])
    func `a registration does not change name, address and environment of a consent`(
        status: OrganizationStatus
    ) async throws {
        try await Tenancy.run { tenancy in
            let before = try await tenancy.organization()
            try await tenancy.pool.execute(
                """
                update multiconnect.organizations
                set status = \(status.rawValue), authorized_at = now(), environment = 'acme.my.salesforce.com'
                """)
            let registration = OrganizationRegistration(pool: tenancy.pool, queue: tenancy.queue)
            let (after, mail) = try accepted(
                try await registration.register(
                    tenancy.request(
                        name: "Evil", email: "evil@example.net",
                        environment: .myDomain("evil.my.salesforce.com")),
                    source: "203.0.113.9"))
            #expect(after.name == before.name && after.adminEmail == before.adminEmail && mail == .now)
            #expect(after.environment == .myDomain("acme.my.salesforce.com"))
            #expect(after.status == (status == .uninstalled ? .registered : .unauthorized))
            let jobs = try await tenancy.jobs()
            #expect(jobs.count == 1 && jobs.allSatisfy { $0.contains("ann@example.com") })
        }
    }

    @Test func `a stranger's registrations do not delay the org's own mail`()
        async throws
    {
        try await Tenancy.run { tenancy in
            let organization = try await tenancy.organization()
            try await tenancy.pool.execute(
                """
                insert into multiconnect.mails
                    (organization_id, purpose, recipient, source, subject, text_body, html_body)
                select \(organization.id), 'consent', 'evil' || n || '@example.net', '203.0.113.9', '', '', ''
                from generate_series(1, 20) as n
                """)
            let registration = OrganizationRegistration(pool: tenancy.pool, queue: tenancy.queue)
            let request = try tenancy.request()
            // The stranger's own mail waits and does not replace the org's.
            let (_, late) = try accepted(try await registration.register(request, source: "203.0.113.9"))
            guard case .at = late else {
                Issue.record("\(late)")
                return
            }
            let (_, mail) = try accepted(try await registration.register(request, source: "198.51.100.7"))
            #expect(mail == .now)
            #expect(try await tenancy.jobs().count == 2)
        }
    }

    @Test func `a masked address is registered and not mailed, and operators are notified once`() async throws
    {
        try await Tenancy.run { tenancy in
            let registration = OrganizationRegistration(pool: tenancy.pool, queue: tenancy.queue)
            for _ in 0..<2 {
                let (_, mail) = try accepted(
                    try await registration.register(tenancy.request(email: "ann=acme.com@example.com")))
                #expect(mail == .unreachable)
            }
            #expect(try await tenancy.jobs().isEmpty)
            let open = try await tenancy.pool.withConnection { try await NotificationStore(on: $0).open() }
            #expect(open.map(\.eventType) == ["registration_unreachable"])
            #expect(
                open.first?.organizationID == "00D090000083B1pEAE" && open.first?.organizationName == "Acme")
        }
    }

    @Test
    func `operators are notified of a refused body, and no stranger can flood or silence that`()
        async throws
    {
        try await Tenancy.run { tenancy in
            let registration = OrganizationRegistration(pool: tenancy.pool, queue: tenancy.queue)
            func refuse(_ text: String, from source: String = "198.51.100.7") async throws {
                let body = Array(text.utf8)
                do {
                    _ = try RegistrationRequest(parsing: body)
                } catch {
                    try await registration.noteRefused(error, body: body, source: source)
                }
            }
            let broken =
                #"{"org_id":"00D090000083B1p","org_name":"The "Best" Org","admin_email":"ann@example.com"}"#
            try await refuse(broken)
            try await refuse(broken)
            func open() async throws -> [String] {
                try await tenancy.pool.withConnection {
                    try await NotificationStore(on: $0).open().map(\.message)
                }
            }
            let messages = try await open()
            #expect(messages.count == 1)
            #expect(messages.first?.contains("of the org 00D090000083B1pEAE") == true)
            #expect(messages.first?.contains("at byte 46") == true, "\(messages)")
            for index in 0..<30 {
                try await refuse(
                    #"{"org_name":"\#(index)\#(String(repeating: "x", count: index))"#, from: "203.0.113.9")
            }
            let flooded = try await open()
            #expect(flooded.count == 1 + 20 + 1)
            #expect(
                flooded.contains { $0.contains("not listed one by one: 10.") && $0.contains("203.0.113.9") })
            try await refuse(#"{"org_id":"00D5f000005mc66EAA"}"#)
            #expect(try await open().contains { $0.contains("of the org 00D5f000005mc66EAA") })
        }
    }
}
