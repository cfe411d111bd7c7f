import JobAdmin
import Jobs
import Reactor

/// The progress of long work, as one line on a terminal that is drawn again. Files and pipes get nothing,
/// because control characters would be in the way there.
struct ProgressBar: Sendable {
    let label: String
    private let isDrawn: Bool
    private let width: Int?

    /// - Parameter width: of the terminal.
    init(
        _ label: String, isDrawn: Bool = StandardError.isTerminal, width: Int? = StandardError.columns
    ) {
        self.label = label
        self.isDrawn = isDrawn
        self.width = width
    }

    /// The cells of the bar where there is room.
    private static let cells = 24
    /// A shorter bar is left out.
    private static let leastCells = 4

    /// For example `verify Account [######......]  50 %  2 of 4`. Without a total the bar is left out.
    ///
    /// - Parameter width: of the terminal. The bar becomes shorter or is left out, and then the text is
    ///   cut: a line that wraps could not be drawn again.
    static func text(_ label: String, done: Int, total: Int?, width: Int? = nil) -> String {
        // The last column stays free: some terminals wrap there.
        let room = width.map { max($0 - 1, 1) }
        guard let total, total > 0 else { return TextTable.cut("\(label)  \(JobCount(done))", to: room) }
        let part = min(max(done, 0), total)
        let percent = "\(part * 100 / total)"
        let padding = String(repeating: " ", count: 3 - percent.count)
        let numbers = "\(padding)\(percent) %  \(JobCount(part)) of \(JobCount(total))"
        let cells = room.map { min(Self.cells, $0 - label.count - numbers.count - 4) } ?? Self.cells
        guard cells >= leastCells else { return TextTable.cut("\(label) \(numbers)", to: room) }
        let full = part * cells / total
        let bar = String(repeating: "#", count: full) + String(repeating: ".", count: cells - full)
        return "\(label) [\(bar)] \(numbers)"
    }

    /// Draws the line over the one before.
    func show(done: Int, total: Int?) {
        guard isDrawn else { return }
        StandardError.write(
            "\r\u{1B}[K" + Self.text(JobsText.plain(label), done: done, total: total, width: width))
    }

    /// Removes the line, before other output.
    func clear() {
        if isDrawn { StandardError.write("\r\u{1B}[K") }
    }
}
