package import FoundationEssentials
package import Postgres

/// A change of one record of one table, from an event or from a read.
package struct RecordChange: Sendable, Equatable {
    /// What the change says about the record.
    package enum Kind: Sendable, Equatable {
        /// The record exists and `cells` has all its columns that the source carries. A missing row is
        /// inserted.
        case upsert
        /// `cells` has changed columns only. If the row is missing, the record is read again.
        case patch
        /// The record is deleted.
        case delete
    }

    /// What a read says about the creation of a record.
    package struct Creation: Sendable, Equatable {
        /// True if the user whose credentials we have created it. Nil if unknown.
        package var isOwn: Bool?
        /// CreatedDate. Nil if unknown.
        package var at: Date?

        package init(isOwn: Bool? = nil, at: Date? = nil) {
            self.isOwn = isOwn
            self.at = at
        }
    }

    package var sfid: String
    package var kind: Kind
    /// The event's commit timestamp, or the SystemModstamp of the row that was read.
    package var stamp: Date
    /// Column to text in Postgres's input format; nil is null. Without `sfid`.
    package var cells: [String: String?]
    /// Columns with a difference of a large text. They are read again if the old value does not match.
    package var textDiffs: [String: String]
    /// The attempt whose request made the change, as the event's origin says. Nil for reads and for changes
    /// by others.
    package var attempt: UUID?
    package var creation = Creation()
    /// True if an event says that the record came back from the recycle bin. `attempt` is then not the one
    /// that created it.
    package var isUndelete = false

    package init(
        sfid: String, kind: Kind, stamp: Date, cells: [String: String?] = [:],
        textDiffs: [String: String] = [:], attempt: UUID? = nil
    ) {
        self.sfid = sfid
        self.kind = kind
        self.stamp = stamp
        self.cells = cells
        self.textDiffs = textDiffs
        self.attempt = attempt
    }
}

/// Where changes come from, which decides how they are ordered against changes that are applied already.
package enum ChangeSource: Sendable, Equatable {
    /// Change events: ordered by commit timestamp. `systemmodstamp` becomes the commit timestamp.
    case events
    /// Rows that a query returned. `startedAt` is the cell's clock before the query was sent.
    case read(startedAt: Date)
}

/// Why a record is read again.
package enum RereadReason: String, Sendable, Hashable {
    case gap
    case missingRow = "missing_row"
    case filter
    /// A read that may be older than an applied change.
    case conflict
    /// Another session held the row's lock for too long.
    case locked
    /// The database refused the row; it is quarantined until then.
    case refused
    case textDiff = "text_diff"
    /// A column by the parent's external id could not be filled from the parent's row.
    case parent
    case relatedRecord = "related_record"
    case repair
    case drift
    /// An event changed a part of a person's name, but events do not carry the name itself.
    case personName = "person_name"
    /// A look-up found the record of a write without an answer.
    case settled
    /// The row has values that Salesforce did not take, and no change of the org replaces them.
    case notTaken = "not_taken"
    /// An insert whose outcome is open may have created the record.
    case ownInsert = "own_insert"

    /// True if each further request of a record doubles its pause.
    var pauseGrows: Bool { self == .refused || self == .ownInsert }
}

/// Checks in the caller's transaction that the caller may still write. Throws `.leaseLost` or `.claimLost`.
package typealias WriteFence = @Sendable (PostgresConnection) async throws -> Void
