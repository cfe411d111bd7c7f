import Foundation
import FoundationNetworking
import Support
import Testing

extension ProcessTests {
    /// The access log.
    @Suite(.tags(.process))
    struct AccessLogTests {
        private func line(_ web: Program, _ text: String) async throws -> Substring {
            var found: Substring?
            try await eventually("a line with \(text) in:\n\(web.output)") {
                found = web.output.split(separator: "\n").first { $0.contains(text) }
                return found != nil
            }
            return try #require(found)
        }

        @Test func `a line has the tenant if it is known, and never a code, state or token`() async throws {
            try await withDatabase { database in
                let deployment = try await Deployment(database: database)
                let web = try await deployment.startWeb()
                let org = try await deployment.orgs()[0]
                _ = try await deployment.install(org)
                _ = try await deployment.consent(org)
                let registration = try await line(web, "path=/organizations ")
                #expect(registration.contains(" method=POST "))
                #expect(registration.contains(" status=202 "))
                #expect(registration.hasSuffix(" tenant=\(org.id)"))
                let begin = try await line(web, "path=/auth/salesforce?environment&org_id ")
                #expect(begin.hasSuffix(" tenant=\(org.id)"))
                let callback = try await line(web, "path=/auth/salesforce/callback?")
                #expect(callback.contains(" status=200 "))
                #expect(callback.contains("code&state") || callback.contains("state&code"))
                #expect(callback.hasSuffix(" tenant=\(org.id)"))
                for secret in ["code=", "state=", "simulator-secret"] {
                    #expect(!web.output.contains(secret), "\(secret)")
                }
                #expect(try await !line(web, "path=/readyz ").contains("tenant="))
                web.kill()
                try await deployment.stop()
            }
        }

        @Test(arguments: [true, false])
        func `forwarding headers are used only with TRUST_PROXY`(isTrusted: Bool) async throws {
            try await withDatabase { database in
                let deployment = try await Deployment(database: database)
                let web = try await deployment.startWeb(["TRUST_PROXY": "\(isTrusted)"])
                var request = URLRequest(
                    url: URL(string: "http://127.0.0.1:\(deployment.webPort)/healthz?secret=x")!)
                request.setValue("7.7.7.7, 192.0.2.9", forHTTPHeaderField: "X-Forwarded-For")
                request.setValue("router-1", forHTTPHeaderField: "X-Request-Id")
                let (_, response) = try await URLSession.shared.data(for: request)
                let id = (response as? HTTPURLResponse)?.value(forHTTPHeaderField: "X-Request-Id")
                #expect((id == "router-1") == isTrusted)
                let line = try await line(web, "path=/healthz?secret ")
                #expect(line.contains("client=192.0.2.9") == isTrusted)
                #expect(line.contains("request_id=\(id ?? "none")"))
                #expect(!line.contains("7.7.7.7"))
                web.kill()
                try await deployment.stop()
            }
        }
    }
}
