import Foundation
import Postgres
import Salesforce
import Support
import Testing

@testable import Organizations

@Suite(.tags(.store))
struct MailAdmissionTests {
    private let content: MailContent

    init() throws {
        content = MailContent(
            purpose: .consent, brand: Brand(name: "App"),
            organization: try #require(OrganizationName("Acme")),
            link: "https://x.example")
    }

    /// Admits jobs of as many orgs; returns how many mails were stored.
    private func admit(
        _ jobs: [String], _ organization: Organization, to recipient: String = "victim@example.com",
        source: String? = nil, limits: MailLimits = MailLimits(), _ tenancy: Tenancy
    ) async throws -> (written: Int, pauses: [Duration]) {
        let recipient = try #require(EmailAddress(recipient))
        var result: (written: Int, pauses: [Duration]) = (0, [])
        for job in jobs {
            let request = MailStore.Request(
                job: job, organization: organization.id, purpose: .consent, recipient: recipient,
                source: source)
            let admission = try await tenancy.pool.transaction { [content] connection in
                try await MailStore(on: connection).admit(content, request, limits: limits)
            }
            switch admission {
            case .written: result.written += 1
            case .wait(let pause): result.pauses.append(pause)
            case .unneeded: break
            }
        }
        return result
    }

    private func age(_ tenancy: Tenancy, by interval: String) async throws {
        try await tenancy.pool.execute(
            "update multiconnect.mails set created_at = created_at - \(interval)::interval")
    }

    @Test func `of a hundred mails to one address ten are sent in each hour`() async throws {
        try await Tenancy.run { tenancy in
            // Each org registers from an address of its own.
            var organizations: [Organization] = []
            for index in 0..<25 {
                organizations.append(try await tenancy.organization("00D0900000\(10_000 + index)"))
            }
            var left = Array(organizations.enumerated())
            for hour in [10, 10, 5] {
                var waiting: [(offset: Int, element: Organization)] = []
                for (index, organization) in left {
                    let (written, pauses) = try await admit(
                        ["job \(index)"], organization, source: "198.51.100.\(index)", tenancy)
                    if written == 0 { waiting.append((index, organization)) }
                    #expect(pauses.allSatisfy { $0 > .seconds(3500) && $0 <= .seconds(3600) })
                }
                #expect(left.count - waiting.count == hour)
                left = waiting
                try await age(tenancy, by: "1 hour")
            }
        }
    }

    @Test func `concurrent jobs do not exceed the limit together`() async throws {
        try await Tenancy.run { tenancy in
            let organization = try await tenancy.organization()
            let written = try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<4 {
                    group.addTask {
                        try await admit(
                            ["job \(index)"], organization, to: "admin\(index)@example.com",
                            limits: MailLimits(total: 2), tenancy
                        ).written
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(written == 2)
        }
    }

    @Test func `a job whose mail is stored already sends it in spite of the limits`() async throws {
        try await Tenancy.run { tenancy in
            let organization = try await tenancy.organization()
            let limits = MailLimits(total: 1)
            #expect(try await admit(["a", "a"], organization, limits: limits, tenancy).written == 2)
            let count = try await tenancy.pool.query("select count(*) from multiconnect.mails").scalar(
                as: Int.self)
            #expect(count == 1)
        }
    }

    @Test func `one source gets only a part of the installation's mails`() async throws {
        try await Tenancy.run { tenancy in
            var written = 0
            for index in 0..<15 {
                let organization = try await tenancy.organization("00D0900000\(10_000 + index)")
                written += try await admit(
                    ["job \(index)"], organization, to: "admin\(index)@example.com", source: "203.0.113.9",
                    limits: MailLimits(total: 48), tenancy
                ).written
            }
            #expect(written == 12)
        }
    }
}
