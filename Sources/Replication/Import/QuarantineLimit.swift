/// How many rows of an import may fit no column before the import is given up: a table that is mostly empty must
/// not pass for a synced one.
package struct QuarantineLimit: Sendable, Equatable {
    /// So many rows are always allowed.
    package var rows: Int
    /// So many percent of the object's rows are allowed, where that is more.
    package var percent: Int

    package init(
        rows: Int = ReplicationLimits.quarantineRows, percent: Int = ReplicationLimits.quarantinePercent
    ) {
        self.rows = rows
        self.percent = percent
    }

    /// How many of `total` rows are allowed.
    func allowed(of total: Int) -> Int { max(rows, Int(Double(total) * Double(percent) / 100)) }

    /// Whether an import has quarantined too many rows. As long as the total is not known, the rows so far are it.
    func isExceeded(by progress: ImportProgress) -> Bool {
        progress.quarantined > allowed(of: progress.expectedRows ?? (progress.rows + progress.quarantined))
    }

    /// Throws `.tooManyQuarantined`.
    func check(_ progress: ImportProgress, of objectName: String) throws(ReplicationError) {
        guard isExceeded(by: progress) else { return }
        let total = progress.expectedRows ?? (progress.rows + progress.quarantined)
        throw ReplicationError(
            .tooManyQuarantined,
            "\(objectName): \(progress.quarantined) of \(total) rows fit no column, at most "
                + "\(allowed(of: total)) may; multiconnect_sync.quarantined_rows has them with their reasons. "
                + "Mend the cause or raise QUARANTINE_LIMIT_ROWS or QUARANTINE_LIMIT_PERCENT, then retry")
    }
}
