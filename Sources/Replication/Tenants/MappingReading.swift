package import FoundationEssentials

/// How a mapping's changes are read, as operators see it.
package struct MappingReading: Sendable, Equatable {
    /// `events CHANNEL`, or `polls REASON`. Nil before the first plan of the stream.
    package var feed: String?
    package var polledAt: Date?
    /// The error of the last poll; nil after a success.
    package var pollError: String?
    /// Why all rows are to be read again; nil if they are not.
    package var reloadReason: String?
    /// Records that wait to be read again.
    package var rereads: Int
}
