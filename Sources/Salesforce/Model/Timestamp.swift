internal import Encoding
package import FoundationEssentials

/// Points in time as Salesforce writes them.
package enum Timestamp {
    /// Reads `2011-07-07T00:37:00.000+0000` (REST) and `2011-07-07T00:37:00.000Z` (Bulk CSV, SOQL), with or
    /// without a fraction and with any offset. Nil for other text.
    package static func date(_ text: String) -> Date? {
        ISO8601.instant(text).map { Date(timeIntervalSince1970: Double($0) / 1000) }
    }

    /// `2011-07-07T00:37:00.000Z`: a datetime literal of SOQL, in UTC with milliseconds.
    package static func text(_ date: Date) -> String {
        ISO8601.text(instant: Int((date.timeIntervalSince1970 * 1000).rounded()), zone: "Z")
    }
}
