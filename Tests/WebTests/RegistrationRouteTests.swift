import Cryptography
import Encoding
import Foundation
import HTTPClient
import HTTPServer
import Metrics
import Organizations
import Postgres
import Redis
import Support
import Testing

@testable import Web

@Suite(.tags(.store))
struct RegistrationRouteTests {
    @Test func `a registration stores the org, its connection and its first job`() async throws {
        try await withWebRig { rig in
            let response = try await rig.register(WebRig.body)
            #expect(response.status == 202)
            #expect(try response.json()["status"] as? Int == 202)
            #expect(try (response.json()["message"] as? String)?.isEmpty == false)
            let row = try #require(
                try await rig.pool.query(
                    """
                    select o.org_id, o.status, c.id is not null as connected, j.class, j.lane
                    from multiconnect.organizations o
                    left join multiconnect.connections c on c.organization_id = o.id
                    left join multiconnect.jobs j on j.organization_id = o.id
                    """
                ).first)
            #expect(try row["org_id"] == "00D000000000001EAA")
            #expect(try row["status"] == "registered")
            #expect(try row["connected", as: Bool.self])
            #expect(try row["class"] == "SendConsentMail")
            let connection = try await rig.redis.connect()
            defer { connection.close() }
            let lane = try row["lane", as: String.self]
            #expect(try await connection.send(["LLEN", RedisArgument("queue:\(lane)")]).integer == 1)
        }
    }

    @Test func `15 and 18 characters are one org, and a repeated call replaces name and address`()
        async throws
    {
        try await withWebRig { rig in
            #expect(try await rig.register(WebRig.body).status == 202)
            let again = #"{"org_id":"00D000000000001","org_name":"Acme 2","admin_email":"b@acme.example"}"#
            #expect(try await rig.register(again, type: "application/JSON; charset=utf-8").status == 202)
            let names = try await rig.pool.query(
                "select name || ' ' || admin_email from multiconnect.organizations"
            ).column(as: String.self)
            #expect(names == ["Acme 2 b@acme.example"])
        }
    }

    @Test func `a registration does not change an org that has consented`() async throws {
        try await withWebRig { rig in
            _ = try await rig.register(WebRig.body)
            _ = try await rig.pool.execute("update multiconnect.organizations set status = 'live'")
            let response = try await rig.register(WebRig.body.replacing("Acme", with: "Evil"))
            #expect(response.status == 409)
            #expect(try response.json()["status"] as? Int == 409)
            let name = try await rig.pool.query("select name from multiconnect.organizations").scalar(
                as: String.self)
            #expect(name == "Acme")
        }
    }

    @Test func `the answer names every problem of a body`() async throws {
        try await withWebRig { rig in
            let response = try await rig.register(#"{"org_id":"00D000000000001EAB","admin_email":"nobody"}"#)
            #expect(response.status == 400)
            let document = try response.json()
            #expect(document["status"] as? Int == 400)
            let problems = try #require(document["problems"] as? [[String: String]])
            #expect(problems.compactMap { $0["field"] } == ["org_id", "org_name", "admin_email"])
            for body in ["", "no", "[]", "{"] {
                #expect(try await rig.register(body).status == 400)
            }
        }
    }

    /// The body is larger than the limit: an answer other than 413 proves that signature headers are checked
    /// first.
    @Test func `the body of an unsigned call is not read`() async throws {
        let long = String(repeating: " ", count: 100_000)
        var options = WebRig.Options()
        options.callbackSecret = String(repeating: "s", count: 32)
        try await withWebRig(options) { rig in
            let unsigned = try await rig.register(long)
            #expect(unsigned.status == 401)
            let signed = try await rig.register(
                long,
                [(CallbackSignature.timestampHeader, "1"), (CallbackSignature.signatureHeader, "00")])
            #expect(signed.status == 413)
        }
    }

    @Test func `a body that is not JSON is refused`() async throws {
        try await withWebRig { rig in
            for type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", nil] {
                let response = try await rig.register(WebRig.body, type: type)
                #expect(response.status == 415)
                #expect(try response.json()["status"] as? Int == 415)
            }
        }
    }

    @Test func `with CALLBACK_SECRET only calls with a recent signature are accepted`() async throws {
        try await withWebRig(WebRig.Options(callbackSecret: "s3cret")) { rig in
            func signed(_ secret: String, at time: Date) -> [(name: String, value: String)] {
                let timestamp = String(Int(time.timeIntervalSince1970))
                let code = HMAC.sha256(
                    key: Secret(text: secret), message: Array((timestamp + "." + WebRig.body).utf8))
                return [
                    (CallbackSignature.timestampHeader, timestamp),
                    (CallbackSignature.signatureHeader, Hex.encode(code)),
                ]
            }
            let now = Date()
            let stale = signed("s3cret", at: now.addingTimeInterval(-301))
            let tampered = WebRig.body.replacing("Acme", with: "Evil")
            let statuses = [
                try await rig.register(WebRig.body).status,
                try await rig.register(WebRig.body, signed("other", at: now)).status,
                try await rig.register(WebRig.body, stale).status,
                try await rig.register(tampered, signed("s3cret", at: now)).status,
                try await rig.register(WebRig.body, signed("s3cret", at: now)).status,
            ]
            #expect(statuses == [401, 401, 401, 401, 202])
        }
    }

    @Test func `too many calls get 429 with Retry-After`() async throws {
        let rate = TokenBucket.Rate(burst: 2, refill: .seconds(60))
        let limits = RequestLimits(organizations: RateLimiter(rate: rate))
        try await withWebRig(WebRig.Options(limits: limits)) { rig in
            #expect(try await rig.register(WebRig.body).status == 202)
            #expect(try await rig.register(WebRig.body).status == 202)
            let response = try await rig.register(WebRig.body)
            #expect(response.status == 429)
            #expect(try response.json()["status"] as? Int == 429)
            let wait = try #require(response.headers["Retry-After"].flatMap { Int($0) })
            #expect((1...61).contains(wait))
        }
        let addresses = RequestLimits(
            addresses: RateLimiter(rate: .init(burst: 1, refill: .seconds(60))))
        try await withWebRig(WebRig.Options(limits: addresses)) { rig in
            let first = try await rig.register("no")
            let second = try await rig.register(WebRig.body)
            #expect(first.status == 400 && second.status == 429)
        }
    }

    @Test func `a body that is too large, and another method, are refused`() async throws {
        try await withWebRig { rig in
            let large = String(repeating: " ", count: 70_000)
            let refused = try await rig.register(large)
            let wrong = try await rig.get("/organizations")
            #expect(refused.status == 413 && wrong.status == 405)
        }
    }

    @Test func `one client cannot use up the rate limit of an org's own calls`() async throws {
        let limits = RequestLimits(
            organizations: RateLimiter(rate: TokenBucket.Rate(burst: 1, refill: .seconds(60))))
        try await withWebRig(WebRig.Options(limits: limits, isBehindProxy: true)) { rig in
            func register(from address: String) async throws -> Int {
                try await rig.register(WebRig.body, [("X-Forwarded-For", address)]).status
            }
            let statuses = [
                try await register(from: "203.0.113.9"), try await register(from: "203.0.113.9"),
                try await register(from: "198.51.100.7"),
            ]
            #expect(statuses == [202, 429, 202])
        }
    }

    @Test
    func `the answer to broken JSON names the position, and operators are notified`()
        async throws
    {
        let tallies = RequestTallies()
        try await withWebRig(WebRig.Options(tallies: tallies)) { rig in
            let response = try await rig.register(
                #"{"org_id":"00D000000000001EAA","admin_email":"a@acme.example","org_name":"The "Best" Org"}"#
            )
            #expect(response.status == 400)
            let message = try #require(try response.json()["message"] as? String)
            #expect(message.contains("at byte 80") && message.contains("JSON.serialize"), "\(message)")
            _ = try await rig.register(WebRig.body, type: "text/plain")
            _ = try await rig.register(WebRig.body)
            let told = try await rig.pool.query("select message from multiconnect.notifications").column(
                as: String.self)
            #expect(told.count == 2 && told.allSatisfy { $0.contains("00D000000000001EAA") })
            #expect(told.contains { $0.contains(#"Content-Type is "text/plain""#) })
        }
        var page = Exposition()
        page.add(RegistrationMetric.registrations, by: "outcome", from: tallies.take())
        #expect(page.text.contains(#"multiconnect_registrations_total{outcome="invalid"} 2"#))
        #expect(page.text.contains(#"multiconnect_registrations_total{outcome="accepted"} 1"#))
    }
}
