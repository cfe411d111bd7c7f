import Foundation
import Subprocess

/// Prometheus' own check of metrics and of alert rules.
package enum MetricsChecker {
    /// The complaints of `promtool` about a page. Empty for a correct page, and where it is not installed.
    package static func complaints(about page: String) async throws -> String {
        guard isInstalled else { return "" }
        let answer = try await Subprocess.run(
            .name("promtool"), arguments: ["check", "metrics"], input: .string(page),
            output: .string(limit: 1 << 20), error: .combinedWithOutput)
        return answer.standardOutput
    }

    /// The complaints of `promtool` about a file of alert rules. Empty for correct rules, and where it is not
    /// installed.
    package static func complaints(aboutRules path: String) async throws -> String {
        guard isInstalled else { return "" }
        let answer = try await Subprocess.run(
            .name("promtool"), arguments: ["check", "rules", path],
            output: .string(limit: 1 << 20), error: .combinedWithOutput)
        return answer.terminationStatus.isSuccess ? "" : answer.standardOutput
    }

    private static var isInstalled: Bool {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let isInstalled = path.split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/promtool")
        }
        if !isInstalled {
            print("skipped: promtool is not installed (`bin/setup --monitoring`), so it checked nothing")
        }
        return isInstalled
    }
}
