import Foundation
import Postgres
import Salesforce
import Support
import Testing

@testable import Organizations

@Suite(.tags(.store))
struct OrganizationStoreTests {
    @Test func `both forms of an org id find the same tenant`() async throws {
        try await Tenancy.run { tenancy in
            let organization = try await tenancy.organization("00D090000083B1p")
            #expect(organization.schemaName == "salesforce00d090000083b1peae")
            #expect(organization.status == .registered)
            #expect(organization.connectionState == .needAuthentication)
            let again = try tenancy.request("00D090000083B1pEAE")
            let other = try OrganizationID("00D090000083b1P")
            try await tenancy.pool.withConnection { connection in
                let store = OrganizationStore(on: connection)
                let isNew = try await RegistrationStore(on: connection).insert(again, cell: "default")
                #expect(!isNew)
                #expect(try await store.find(again.organization)?.id == organization.id)
                #expect(try await store.find(other) == nil)
            }
        }
    }

    @Test func `orgs whose ids differ only in case are two tenants`() async throws {
        try await Tenancy.run { tenancy in
            let one = try await tenancy.organization("00D090000083B1p")
            let other = try await tenancy.organization("00D090000083b1P")
            #expect(one.id != other.id && one.schemaName != other.schemaName)
            try await tenancy.pool.withConnection { connection in
                let all = try await OrganizationStore(on: connection).list()
                #expect(Set(all.map(\.id)) == [one.id, other.id])
                #expect(try await OrganizationStore(on: connection).counts() == [.registered: 2])
                #expect(try await OrganizationStore(on: connection).list(status: .live).isEmpty)
            }
        }
    }

    @Test func `a status changes only as allowed`() async throws {
        try await Tenancy.run { tenancy in
            let id = try await tenancy.organization().id
            try await tenancy.pool.withConnection { connection in
                let store = OrganizationStore(on: connection)
                await #expect(throws: OrganizationsError.self) { try await store.setStatus(id, to: .live) }
                try await store.setStatus(id, to: .authorized)
                try await store.setStatus(id, to: .provisioning, detail: "schema")
                #expect(try await store.get(id: id).statusDetail == "schema")
                #expect(try await store.trySetStatus(id, to: .registered) == false)
                await #expect(throws: OrganizationsError.self) {
                    try await store.setStatus(UUID(), to: .live)
                }
                await #expect(throws: OrganizationsError.self) { try await store.get(id: UUID()) }
            }
        }
    }

    @Test func `special characters are stored unchanged`() async throws {
        try await Tenancy.run { tenancy in
            let request = try tenancy.request(
                name: "O'Neil \\ \"q\" <b> 😀", email: "o'neil+x@example.com",
                environment: .myDomain("acme.my.salesforce.com"))
            try await tenancy.pool.withConnection { connection in
                let store = OrganizationStore(on: connection)
                #expect(try await RegistrationStore(on: connection).insert(request, cell: "eu"))
                let found = try #require(try await store.find(request.organization))
                #expect(found.name == request.name && found.adminEmail == request.adminEmail)
                #expect(found.environment == .myDomain("acme.my.salesforce.com") && found.cell == "eu")
            }
        }
    }

    @Test func `a late report never lowers the API use of an hour`() async throws {
        try await Tenancy.run { tenancy in
            let organization = try await tenancy.organization()
            try await tenancy.pool.withConnection { connection in
                let usage = UsageStore(on: connection)
                try await usage.record(LimitInfo(used: 10, allowed: 100), of: organization.id)
                try await usage.record(LimitInfo(used: 7, allowed: 200), of: organization.id)
                #expect(try await usage.latest(of: organization.id) == LimitInfo(used: 10, allowed: 200))
            }
        }
    }

    @Test func `a job's mail is stored once and counted for throttling`() async throws {
        try await Tenancy.run { tenancy in
            let organization = try await tenancy.organization()
            let other = try await tenancy.organization("00D090000083b1P")
            let content = MailContent(
                purpose: .consent, brand: Brand(name: "App"), organization: organization.name,
                link: "https://x.example")
            try await tenancy.pool.withConnection { connection in
                let mails = MailStore(on: connection)
                let email = organization.adminEmail
                func request(_ job: String, _ organization: Organization) -> MailStore.Request {
                    MailStore.Request(
                        job: job, organization: organization.id, purpose: .consent, recipient: email)
                }
                let first = try await mails.write(content, request("a", organization))
                let again = try await mails.write(content, request("a", organization))
                #expect(first.id == again.id && !again.isSent)
                try await mails.markSent(first.id, to: email)
                let sent = try await mails.write(content, request("a", organization))
                #expect(sent.isSent)
                _ = try await mails.write(content, request("b", other))
                let (facts, now) = try await mails.facts(
                    organization: organization.id, recipient: email, source: nil, limits: MailLimits())
                #expect(facts.aboutOrganization.count == 1 && facts.toRecipient.count == 2)
                #expect(MailThrottle.decision(facts, now: now) == .alreadyMailed)
                #expect(try await mails.list(organization: organization.id).map(\.sentTo) == [email.text])
                let stranger = try #require(EmailAddress("bob@example.com"))
                let (others, _) = try await mails.facts(
                    organization: organization.id, recipient: stranger, source: nil, limits: MailLimits())
                #expect(MailThrottle.decision(others, now: now) == .now)
            }
        }
    }
}
