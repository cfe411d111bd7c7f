/// One write of a transaction.
struct RowWrite: Sendable {
    enum Kind: String, Sendable {
        case create, update, delete, undelete
        /// Removes the row from the recycle bin. Causes no event. Documented.
        case hardDelete
    }

    /// In lower case.
    let object: String
    var kind: Kind
    /// Nil for a create.
    var row: Int?
    /// Values by field index.
    var values: [Int: FieldValue] = [:]
    /// The values that the caller wrote, if the org's rules added to them or changed them.
    var callerValues: [Int: FieldValue]?
    /// False: no change event, as for rows that Salesforce changes by itself in merges and cascades.
    var isAnnounced = true
}

/// The circumstances of a transaction.
struct Commit: Sendable {
    let user: OrgRecordID
    /// As in `changeOrigin`: `com/salesforce/api/rest/66.0;client=x`. Empty for changes in the UI.
    var origin = ""
    /// The commit time in milliseconds since 1970.
    let now: Int
    /// The time in SystemModstamp and LastModifiedDate. Earlier than `now` for a slow transaction.
    var stamp: Int
    /// Events are delivered this many milliseconds after the commit.
    var eventDelay = 0

    init(user: OrgRecordID, origin: String = "", now: Int, stamp: Int? = nil, eventDelay: Int = 0) {
        self.user = user
        self.origin = origin
        self.now = now
        self.stamp = stamp ?? now
        self.eventDelay = eventDelay
    }
}

/// A committed change of a row, for tests that measure latency.
struct LoggedChange: Sendable {
    /// Counted from 1 in each org.
    let serial: Int
    let object: String
    let id: OrgRecordID
    let kind: RowWrite.Kind
    /// Milliseconds since 1970.
    let committed: Int
}

/// Writes that become visible later, although their stamps are earlier: a slow transaction.
struct PendingCommit: Sendable {
    let visibleAt: Int
    let writes: [RowWrite]
    let commit: Commit
}
