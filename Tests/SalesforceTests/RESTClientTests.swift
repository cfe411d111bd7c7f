import Encoding
import Foundation
import OrgSimulator
import Testing

@testable import Salesforce

struct RESTClientTests {
    @Test func `metadata, counts, limits and rights are read`() async throws {
        try await SimulatedOrg.run { org in
            let account = try await org.rest.describe("Account")
            #expect(account.name == "Account" && account.field(named: "SystemModstamp")?.type == .dateTime)
            #expect(try await org.rest.limits()["DailyApiRequests"]?.maximum == 100_000)
            #expect(
                try await org.rest.recordCounts(of: ["Account", "Contact"]) == ["Account": 20, "Contact": 20])
            #expect(try await org.rest.count(.count(of: "Account")) == 20)
            let used = try #require(org.usage.latest)
            #expect(used.allowed == 100_000 && used.used > 0)
        }
    }

    @Test func `the identity has user and org, and rights of all permission sets count`() async throws {
        try await SimulatedOrg.run { org in
            for (username, granted) in zip(
                org.summary.usernames,
                [Set(UserRights.Right.allCases), [.apiEnabled, .viewAllData], [.apiEnabled]])
            {
                let answer = try await SimulatedOrg.consent(org.oauth, org.http, as: username)
                let identity = try await org.oauth.identity(of: answer)
                #expect(identity.organization.text == org.summary.id && identity.username == username)
                let token = AccessToken(value: answer.accessToken, instance: org.origin, version: 1)
                let rest = RESTClient(http: org.http, hosts: org.oauth.hosts, tokens: { _ in token })
                #expect(try await rest.rights(of: identity.user).granted == granted)
            }
        }
    }

    @Test func `all pages of a query are read in order`() async throws {
        try await SimulatedOrg.run({ $0.accounts = 4_500 }) { org in
            var ids = Set<String>()
            var pages = 0
            try await org.rest.forEachPage(of: try SOQL.select(["Id", "Name"], from: "Account")) { page in
                pages += 1
                #expect(page.totalSize == 4_500)
                for row in page.records { ids.insert(row["Id"]?.string ?? "") }
            }
            #expect(pages == 3 && ids.count == 4_500)
        }
    }

    @Test func `the error for something unknown has its code`() async throws {
        try await SimulatedOrg.run { org in
            let unknown = try SOQL.select(["Id"], from: "Nope__c")
            let field = try SOQL.select(["Nope__c"], from: "Account")
            #expect(await org.code { _ = try await org.rest.describe("Nope__c") } == .notFound)
            #expect(await org.code { _ = try await org.rest.describe("../limits") } == .notFound)
            #expect(await org.code { _ = try await org.rest.query(unknown) } == .invalidType)
            #expect(await org.code { _ = try await org.rest.query(field) } == .invalidField)
        }
    }

    @Test func `an expired session is refreshed once, and a revoked grant ends the call`() async throws {
        try await SimulatedOrg.run { org in
            try await org.fault(#"{"kind":"expire_access_tokens"}"#)
            _ = try await org.rest.describe("Account")
            try await org.fault(#"{"kind":"revoke_refresh_tokens"}"#)
            #expect(await org.code { _ = try await org.rest.describe("Account") } == .invalidGrant)
        }
    }

    @Test func `transient errors are retried, and others are thrown`() async throws {
        try await SimulatedOrg.run { org in
            try await org.fault(#"{"kind":"fail","path":"/describe","status":503,"count":2}"#)
            _ = try await org.rest.describe("Account")
            try await org.fault(#"{"kind":"drop","path":"/describe","bytes":100}"#)
            _ = try await org.rest.describe("Account")
            try await org.fault(#"{"kind":"fail","path":"/describe","status":500,"count":9}"#)
            #expect(await org.code { _ = try await org.rest.describe("Account") } == .serverUnavailable)
            try await org.fault(#"{"kind":"clear"}"#)
            try await org.fault(#"{"kind":"request_limit"}"#)
            #expect(await org.code { _ = try await org.rest.describe("Account") } == .requestLimit)
        }
    }

    @Test func `the package's Apex class is called, and a missing class is not found`() async throws {
        let body = JSONValue.object(["connectionId": .string("x")])
        try await SimulatedOrg.run { org in
            _ = try await org.rest.apexREST("AuthConnection", namespace: nil, body: body)
            #expect(
                await org.code {
                    _ = try await org.rest.apexREST("AuthConnection", namespace: "ns", body: body)
                }
                    == .notFound)
        }
        try await SimulatedOrg.run({ $0.orgsWithoutPackage = [1] }) { org in
            #expect(
                await org.code {
                    _ = try await org.rest.apexREST("AuthConnection", namespace: nil, body: body)
                }
                    == .notFound)
        }
    }

    @Test func `without a server a call is unreachable`() async throws {
        try await SimulatedOrg.run { org in
            let token = try await SimulatedOrg.consent(org.oauth, org.http, as: org.summary.usernames[0])
            let closed = try HostRule(loginURL: "http://127.0.0.1:1")
            let rest = RESTClient(
                http: org.http, hosts: closed,
                tokens: { _ in AccessToken(value: token.accessToken, instance: closed.login, version: 1) })
            #expect(await org.code { _ = try await rest.describe("Account") } == .unreachable)
            let stranger = RESTClient(
                http: org.http, hosts: closed,
                tokens: { _ in AccessToken(value: token.accessToken, instance: org.origin, version: 1) })
            #expect(await org.code { _ = try await stranger.describe("Account") } == .hostNotAllowed)
        }
    }

    @Test func `an invalid code or token is refused`() async throws {
        try await SimulatedOrg.run { org in
            let answer = try await SimulatedOrg.consent(org.oauth, org.http, as: org.summary.usernames[0])
            let refreshToken = try #require(answer.refreshToken)
            #expect(
                await org.code {
                    _ = try await org.oauth.exchange(code: "x", verifier: refreshToken, at: org.origin)
                } == .invalidGrant)
            try await org.oauth.revoke(refreshToken, at: org.origin)
            try await org.oauth.revoke(refreshToken, at: org.origin)
            #expect(
                await org.code { _ = try await org.oauth.refresh(refreshToken, at: org.origin) }
                    == .invalidGrant)
            #expect(await org.code { _ = try await org.oauth.identity(of: answer) } == .unauthorized)
        }
    }
}
