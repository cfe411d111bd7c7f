import Encoding
import FoundationEssentials

extension JSONText {
    /// The id in lower case, or null for nil.
    static func optional(_ id: UUID?) -> JSONText { optional(id?.uuidString.lowercased()) }
    /// The time as `time` writes it, or null for nil.
    static func optional(_ time: Date?) -> JSONText { time.map(JSONText.time) ?? .null }

    /// A time as ISO 8601 in UTC, to the millisecond.
    static func time(_ time: Date) -> JSONText {
        .string(time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
    }
}
