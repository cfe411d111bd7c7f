import Foundation
import Support
import Testing

/// Headless Chromium and the Python environment that drives it.
private enum Chromium {
    static let python = Program.repository.appendingPathComponent(".build/browser/bin/python").path

    static var isInstalled: Bool {
        ["/usr/bin/chromium", python].allSatisfy(FileManager.default.isExecutableFile(atPath:))
    }
}

extension ProcessTests {
    /// The dashboard in a real browser. Skipped without `bin/setup --with-browser`.
    @Suite(.tags(.long))
    struct BrowserTests {
        private static let options = Deployment.Options(
            simulator: ["--orgs", "4", "--accounts", "200", "--contacts", "50", "--tweets", "20"],
            environment: ["SIDEKIQ_USERNAME": "ann", "SIDEKIQ_PASSWORD": "correct horse"])

        @Test(.enabled(if: Chromium.isInstalled, "bin/setup --with-browser installs Chromium"))
        func
            `operators repair tenants, retry jobs, share queries and make tokens in a browser, at desktop and phone width`()
            async throws
        {
            try await withDatabase { database in
                let deployment = try await Deployment(Self.options, database: database)
                let web = try await deployment.startWeb()
                let worker = try deployment.startWorker()
                let orgs = try await deployment.orgs()
                for number in 2...4 {
                    try await deployment.fault(
                        #"{"kind":"needs_filter","object":"Tweet__c","org":"\#(number)"}"#)
                }
                for org in orgs {
                    _ = try await deployment.install(org)
                    _ = try await deployment.consent(org)
                }
                for org in orgs { try await deployment.waitUntil(org, is: "live") }
                let reader = try Program.multiconnect(
                    ["organizations", "grant-reader", try #require(orgs.first).id],
                    environment: deployment.environment)
                #expect(reader.exitStatus(within: .seconds(30)) == 0, "\(reader.output)")
                let check = try Program(
                    "check", Chromium.python,
                    [
                        Program.repository.appendingPathComponent("Tests/Interop/dashboard_check.py").path,
                        "http://127.0.0.1:\(deployment.webPort)",
                        "http://127.0.0.1:\(deployment.simulatorPort)", "ann", "correct horse",
                    ])
                #expect(check.exitStatus(within: .seconds(240)) == 0, "\(check.output)")
                for line in [
                    "desktop: the query's rows are shown, as text", "phone: the revoked link is refused",
                    "desktop: the revoked token is refused", "phone: the new token opens the API",
                    "after the logout",
                ] {
                    #expect(check.output.contains("ok      \(line)"), "\(check.output)")
                }
                worker.kill()
                web.kill()
                try await deployment.stop()
            }
        }
    }
}
