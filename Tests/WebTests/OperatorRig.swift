import Cryptography
import Foundation
import HTTPClient
import JobIndex
import Jobs
import Logging
import Postgres
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
