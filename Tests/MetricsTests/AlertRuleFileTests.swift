import Foundation
import Support
import Testing

/// The file of alert rules for Prometheus.
struct AlertRuleFileTests {
    @Test func `promtool accepts the alert rules`() async throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let path = root.appending(path: "docs/monitoring/alerts.yml").path
        #expect(FileManager.default.fileExists(atPath: path))
        #expect(try await MetricsChecker.complaints(aboutRules: path) == "")
    }
}
