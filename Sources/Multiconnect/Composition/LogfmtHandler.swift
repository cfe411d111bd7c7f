import Encoding
import Logging
import Reactor

/// Writes log lines as logfmt to standard output: `time=... level=info at=worker msg="..." key=value`.
struct LogfmtHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level
    let label: String

    init(label: String, level: Logger.Level) {
        self.label = label
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = "time=\(Self.timestamp()) level=\(event.level) at=\(label)"
        line += " msg=\(Self.quoted("\(event.message)"))"
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            line += " \(key)=\(Self.quoted("\(value)"))"
        }
        if let error = event.error { line += " error=\(Self.quoted("\(error)"))" }
        StandardOutput.write(log: Array((line + "\n").utf8))
    }

    private static func timestamp() -> String {
        var clock = WallClock()
        var text: [UInt8] = []
        clock.append(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// The text itself if it needs no quotes, else a JSON string. So each event is one line, even if a
    /// tenant's text has line breaks.
    static func quoted(_ text: String) -> String {
        let isBare =
            !text.isEmpty
            && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3d && $0 != 0x7f && $0 != 0x5c }
        if isBare { return text }
        return JSONText.quoted(text)
    }
}
