import JobAdmin
import Jobs
import Reactor

/// The progress of long work, as one line on a terminal that is drawn again. Files and pipes get nothing,
/// because control characters would be in the way there.
struct ProgressBar: Sendable {
    let label: String
    private let isDrawn: Bool

    init(_ label: String, isDrawn: Bool = StandardError.isTerminal) {
        self.label = label
        self.isDrawn = isDrawn
    }

    /// The cells of the bar.
    private static let cells = 24

    /// For example `verify Account [######......]  50 %  2 of 4`. Without a total the bar is left out.
    static func text(_ label: String, done: Int, total: Int?) -> String {
        guard let total, total > 0 else { return "\(label)  \(JobCount(done))" }
        let part = min(max(done, 0), total)
        let full = part * cells / total
        let bar = String(repeating: "#", count: full) + String(repeating: ".", count: cells - full)
        let percent = "\(part * 100 / total)"
        let padding = String(repeating: " ", count: 3 - percent.count)
        return "\(label) [\(bar)] \(padding)\(percent) %  \(JobCount(part)) of \(JobCount(total))"
    }

    /// Draws the line over the one before.
    func show(done: Int, total: Int?) {
        guard isDrawn else { return }
        StandardError.write("\r\u{1B}[K" + Self.text(JobsText.plain(label), done: done, total: total))
    }

    /// Removes the line, before other output.
    func clear() {
        if isDrawn { StandardError.write("\r\u{1B}[K") }
    }
}
