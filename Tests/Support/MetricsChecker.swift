import Foundation
import Subprocess

/// Prometheus' own check of a page of metrics.
package enum MetricsChecker {
    /// The complaints of `promtool`. Empty for a correct page, and where it is not installed.
    package static func complaints(about page: String) async throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let isInstalled = path.split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/promtool")
        }
        guard isInstalled else {
            print("skipped: promtool is not installed (Debian's package prometheus), so it checked no page")
            return ""
        }
        let answer = try await Subprocess.run(
            .name("promtool"), arguments: ["check", "metrics"], input: .string(page),
            output: .string(limit: 1 << 20), error: .combinedWithOutput)
        return answer.standardOutput
    }
}
