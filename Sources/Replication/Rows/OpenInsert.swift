package import FoundationEssentials

/// An insert or upsert of a table whose outcome is open. Records that it may have created get no new row:
/// their row is in the table already, without `sfid`.
package struct OpenInsert: Sendable, Equatable {
    package var id: UUID
    /// The first moment at which its records can be created, on Salesforce's clock.
    package var from: Date
    /// The last one. Nil for a Bulk job, which may run for hours.
    package var until: Date?
    /// True if a restore of the cell has undone the record of its request: its events have another id.
    package var isRestored: Bool

    package init(id: UUID, from: Date, until: Date?, isRestored: Bool = false) {
        self.id = id
        self.from = from
        self.until = until
        self.isRestored = isRestored
    }

    /// - Parameters:
    ///   - sentAt: the cell's clock.
    ///   - settleAt: the cell's clock.
    ///   - epoch: of the lease under which it was sent.
    init(id: UUID, sentAt: Date, settleAt: Date, method: WriteAttempt.Method, epoch: Int) {
        self.init(
            id: id, from: sentAt - ReplicationLimits.clockMargin,
            until: method == .bulk ? nil : settleAt + ReplicationLimits.clockMargin,
            isRestored: epoch == WriteAttempt.restoredEpoch)
    }

    /// True if it may have created a record of which this is known.
    func mayHave(_ creation: RecordChange.Creation) -> Bool {
        guard creation.isOwn != false else { return false }
        guard let time = creation.at else { return true }
        return time >= from && until.map { time <= $0 } != false
    }
}
