import FoundationEssentials
import Metrics

/// Reads figures about this process from /proc (proc_pid_stat(5)).
enum ProcessFigures {
    /// The unit of times in /proc, on every kernel.
    private static let ticksPerSecond = 100.0

    static func read(into report: inout ProcessReport) {
        report[ProcessMetric.residentMemory] = Double(residentKilobytes() * 1024)
        let descriptors = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        // Reading the folder opens one more descriptor.
        report[ProcessMetric.openDescriptors] = descriptors.map { Double($0.count - 1) }
        let text = (try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8)) ?? ""
        // The program's name is in parentheses and may have any characters. The numbers follow it.
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
            return
        }
        report[ProcessMetric.cpuTime] = (user + system) / ticksPerSecond
    }

    /// The resident memory; 0 if the kernel does not report it.
    @Sendable static func residentKilobytes() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }
}
