/// The rows of an import that may be quarantined before it is given up: a table without most of its rows must
/// not look synced.
package struct QuarantineLimit: Sendable, Equatable {
    /// This many rows are always allowed.
    package var rows: Int
    /// This percentage of the object's rows is allowed, if that is more.
    package var percent: Int

    package init(
        rows: Int = ReplicationLimits.quarantineRows, percent: Int = ReplicationLimits.quarantinePercent
    ) {
        self.rows = rows
        self.percent = percent
    }

    /// How many of `total` rows are allowed.
    func allowed(of total: Int) -> Int { max(rows, Int(Double(total) * Double(percent) / 100)) }

    /// True if too many rows are quarantined. While the total is unknown, the rows so far are the total.
    func isExceeded(by progress: ImportProgress) -> Bool {
        progress.quarantined > allowed(of: progress.expectedRows ?? (progress.rows + progress.quarantined))
    }

    /// Throws `.tooManyQuarantined`.
    func check(_ progress: ImportProgress, of objectName: String) throws(ReplicationError) {
        guard isExceeded(by: progress) else { return }
        let total = progress.expectedRows ?? (progress.rows + progress.quarantined)
        throw ReplicationError(
            .tooManyQuarantined,
            "\(objectName): \(progress.quarantined) of \(total) rows do not fit their columns, at most "
                + "\(allowed(of: total)) may; multiconnect_sync.quarantined_rows has them with their "
                + "reasons. Fix the cause or raise QUARANTINE_LIMIT_ROWS or "
                + "QUARANTINE_LIMIT_PERCENT, then retry"
        )
    }
}
