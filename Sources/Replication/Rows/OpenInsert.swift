package import FoundationEssentials

/// An insert or upsert of a table whose outcome is open. Records that it may have created get no new row:
/// their row is in the table already, without `sfid`.
package struct OpenInsert: Sendable, Equatable {
    package var id: UUID
    /// The first moment at which its records can be created, on Salesforce's clock.
    package var from: Date
    /// The last one. Nil for a Bulk job, which may run for hours.
    package var until: Date?

    package init(id: UUID, from: Date, until: Date?) {
        self.id = id
        self.from = from
        self.until = until
    }

    /// - Parameters:
    ///   - sentAt: the cell's clock.
    ///   - settleAt: the cell's clock.
    init(id: UUID, sentAt: Date, settleAt: Date, method: WriteAttempt.Method) {
        self.init(
            id: id, from: sentAt - ReplicationLimits.clockMargin,
            until: method == .bulk ? nil : settleAt + ReplicationLimits.clockMargin)
    }

    /// True if it may have created a record of which this is known.
    func mayHave(_ creation: RecordChange.Creation) -> Bool {
        guard creation.isOwn != false else { return false }
        guard let time = creation.at else { return true }
        return time >= from && until.map { time <= $0 } != false
    }
}
