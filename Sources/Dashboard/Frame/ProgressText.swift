import FoundationEssentials
import JobAdmin
import Pages

/// A job's progress as words, with a bar and an estimate.
enum ProgressText {
    /// - Parameter json: the progress that the handler reported.
    static func content(_ json: String?, since start: Date?, isRunning: Bool, now: Date) -> HTML? {
        guard let json else { return nil }
        guard let progress = JobProgress(json) else { return "<code>\(DashboardText.excerpt(json))</code>" }
        let rest: HTML =
            isRunning
            ? progress.remaining(since: start, now: now).map {
                " · about \(DashboardText.duration($0)) left"
            } ?? "" : ""
        let bar: HTML =
            progress.percent.map {
                "<progress value=\"\(String($0))\" max=\"100\">\(String($0)) %</progress>"
            } ?? ""
        return "<div>\(progress.text)\(rest)\(bar)</div>"
    }
}
