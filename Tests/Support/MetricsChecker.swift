import Foundation

/// Prometheus' own check of a page of metrics, where its `promtool` is installed.
package enum MetricsChecker {
    /// What it has to say; nothing about a page that is right.
    package static func complaints(about page: String) throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let tool = path.split(separator: ":").map { "\($0)/promtool" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
        guard let tool else {
            print("skipped: promtool is not installed (Debian's package prometheus), so it checked no page")
            return ""
        }
        let process = Process()
        process.executableURL = URL(filePath: tool)
        process.arguments = ["check", "metrics"]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(page.utf8))
        try input.fileHandleForWriting.close()
        let told = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: told, as: UTF8.self)
    }
}
