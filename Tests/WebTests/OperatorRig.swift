import Cryptography
import Foundation
import HTTPClient
import HTTPWire
import JobIndex
import Jobs
import Logging
import OrgSimulator
import Postgres
import Reactor
import Redis
import Support
import Testing

@testable import Pages

/// An operator's browser: sends the credentials, keeps the cookie, submits forms.
struct OperatorBrowser: Sendable {
    let rig: WebRig
    let client: RedisClient
    let queue: JobQueue
    var password = "correct horse"

    var credentials: (name: String, value: String) {
        ("Authorization", "Basic " + Data("ann:\(password)".utf8).base64EncodedString())
    }

    func get(_ path: String, _ headers: [(name: String, value: String)] = []) async throws -> ClientResponse {
        try await rig.get(path, [credentials] + headers)
    }

    /// The cookie as `name=value`, and the token in the page's forms.
    func form(on path: String = "/dashboard/jobs/queues") async throws -> (cookie: String, code: String) {
        let page = try await get(path)
        let set = try #require(page.headers.values("set-cookie").first { $0.hasPrefix(FormToken.cookieName) })
        let mark = try #require(page.text.firstRange(of: "name=\"\(FormToken.field)\" value=\""))
        return (String(set.prefix { $0 != ";" }), String(page.text[mark.upperBound...].prefix { $0 != "\"" }))
    }

    /// Submits a form with the cookie and token of a page.
    func post(_ path: String, _ fields: [String: String] = [:]) async throws -> ClientResponse {
        let (cookie, code) = try await form()
        return try await post(
            path, fields.merging([FormToken.field: code]) { $1 },
            [("Cookie", cookie), ("Origin", rig.origin)])
    }

    /// Submits a form whose fields may repeat, with the cookie and token of a page.
    func submit(_ path: String, _ form: Form) async throws -> ClientResponse {
        let (cookie, code) = try await self.form()
        var form = form
        form.fields.append(.init(name: FormToken.field, value: code))
        return try await rig.http.send(
            ClientRequest(
                method: "POST", url: rig.origin + path,
                headers: [
                    credentials, ("Content-Type", "application/x-www-form-urlencoded"), ("Cookie", cookie),
                    ("Origin", rig.origin),
                ],
                body: Array(form.encoded.utf8)))
    }

    /// Submits a form without adding anything.
    func post(_ path: String, _ fields: [String: String], _ headers: [(name: String, value: String)])
        async throws
        -> ClientResponse
    {
        let body = fields.map { name, value in
            let value = value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            return "\(name)=\(value)"
        }.joined(separator: "&")
        return try await rig.http.send(
            ClientRequest(
                method: "POST", url: rig.origin + path,
                headers: [credentials, ("Content-Type", "application/x-www-form-urlencoded")] + headers,
                body: Array(body.utf8)))
    }

    func state(_ id: JobID) async throws -> String? {
        try await rig.pool.query("select state from multiconnect.jobs where id = \(id.text)").scalar()
    }
}

func withOperator(
    _ change: (inout WebRig.Options) -> Void = { _ in },
    _ body: @concurrent @Sendable (OperatorBrowser) async throws -> Void
) async throws {
    var options = WebRig.Options()
    change(&options)
    options.operators = ("ann", Secret(text: "correct horse"))
    try await withWebRig(options) { rig in
        let client = RedisClient(configuration: rig.redis.configuration)
        defer { client.close() }
        try await body(
            OperatorBrowser(
                rig: rig, client: client, queue: JobQueue(pool: rig.pool, redis: client, logger: quietLogger))
        )
    }
}

/// An operator's browser, and a registered org whose admin has consented.
func withOperatorOfOrg(
    _ change: @escaping @Sendable (inout WebRig.Options) -> Void = { _ in },
    _ body: @concurrent @Sendable (OperatorBrowser, Simulator.OrgSummary) async throws -> Void
) async throws {
    try await withSimulatedOrgs(1) { orgs, loginURL in
        try await withOperator({ options in
            options.loginURL = loginURL
            change(&options)
        }) { browser in
            let org = orgs[0]
            try await browser.rig.registerOrg(org)
            let (page, _) = try await AdminBrowser(rig: browser.rig).consent(org, as: org.usernames[0])
            #expect(page.status == 200)
            try await browser.rig.pool.withConnection {
                _ = try await Migrator(
                    directory: TestDatabase.migrations + "/cells", schema: "multiconnect_sync"
                ).migrate(on: $0)
            }
            try await body(browser, org)
        }
    }
}
