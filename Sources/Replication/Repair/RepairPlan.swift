/// What follows from a comparison of a table's ids with those of the org: which records are read again, and
/// whether rows that the org seems to lack may be removed.
///
/// A missing id is not yet a delete: a user who lost View All Data, a cut result or a wrong filter would
/// empty the table. So each guard must hold before such an id counts.
struct RepairPlan: Sendable, Equatable {
    /// The facts of one comparison.
    struct Findings: Sendable, Equatable {
        /// Rows of the table with an id.
        var rowsHere = 0
        /// Rows that the read returned.
        var rowsThere = 0
        /// `numberRecordsProcessed` of the Bulk job, or `totalSize` of the query.
        var processed: Int?
        /// `COUNT()` with the mapping's filter, before and after the read. Nil if the org could not count.
        var counts: ClosedRange<Int>?
        /// Records whose changes were applied during the read.
        var appliedDuringRead = 0
        /// Ids of the org that the table lacks.
        var missingHere = 0
        /// Ids of the table that the read did not return.
        var missingThere = 0
        /// Rows with another SystemModstamp, or another value.
        var different = 0
        /// False without View All Data. Nil if the rights could not be read.
        var hasViewAll: Bool?
        /// An operator has agreed to remove many rows.
        var isConfirmed = false
    }

    /// How records that the org has are corrected.
    enum Corrections: Sendable, Equatable {
        case none
        /// Each is read again by its id.
        case reread
        /// All rows are read again: that costs fewer calls.
        case reload
    }

    /// What happens to rows that the org seems to lack.
    enum Removals: Sendable, Equatable {
        case none
        /// Each id is retrieved. An id that the org does not return is read again by the lease holder, which
        /// removes it.
        case retrieve
        case withheld(Reason)
    }

    /// Why rows stay although the read did not return them.
    enum Reason: Sendable, Equatable {
        case viewAllMissing
        case rightsUnknown
        /// The read returned another number of rows than Salesforce processed.
        case incompleteRead(rows: Int, processed: Int)
        /// `COUNT()` with the same filter gives another number.
        case otherCount(rows: Int, counts: ClosedRange<Int>)
        /// The org could not count. An operator can confirm.
        case notCounted
        /// More rows than may be removed without an operator.
        case tooMany(rows: Int, allowed: Int)
    }

    let corrections: Corrections
    let removals: Removals

    init(_ findings: Findings) {
        let count = findings.missingHere + findings.different
        corrections = count == 0 ? .none : count > RepairLimits.rereads ? .reload : .reread
        removals =
            if findings.missingThere == 0 {
                .none
            } else if let reason = Self.reason(findings) {
                .withheld(reason)
            } else {
                .retrieve
            }
    }

    /// Rows that may be removed from a table without an operator.
    static func allowed(of rows: Int) -> Int {
        max(RepairLimits.removableRows, rows * RepairLimits.removablePercent / 100)
    }

    private static func reason(_ findings: Findings) -> Reason? {
        guard let hasViewAll = findings.hasViewAll else { return .rightsUnknown }
        guard hasViewAll else { return .viewAllMissing }
        if let processed = findings.processed, processed != findings.rowsThere {
            return .incompleteRead(rows: findings.rowsThere, processed: processed)
        }
        if let counts = findings.counts {
            let slack = findings.appliedDuringRead
            let possible = (counts.lowerBound - slack)...(counts.upperBound + slack)
            guard possible.contains(findings.rowsThere) else {
                return .otherCount(rows: findings.rowsThere, counts: counts)
            }
        } else if !findings.isConfirmed {
            return .notCounted
        }
        let allowed = allowed(of: findings.rowsHere)
        guard findings.isConfirmed || findings.missingThere <= allowed else {
            return .tooMany(rows: findings.missingThere, allowed: allowed)
        }
        return nil
    }
}

extension RepairPlan.Reason: CustomStringConvertible {
    /// For operators.
    var description: String {
        switch self {
        case .viewAllMissing:
            "the user who consented has lost the right View All Data, so records may only be hidden; give "
                + "the right back"
        case .rightsUnknown: "the rights of the user who consented could not be read"
        case .incompleteRead(let rows, let processed):
            "the read returned \(rows) rows, but Salesforce processed \(processed)"
        case .otherCount(let rows, let counts):
            "the read returned \(rows) rows, but COUNT() gives \(Self.text(counts))"
        case .notCounted: "the org could not count its records"
        case .tooMany(let rows, let allowed):
            "\(rows) rows would be removed, at most \(allowed) may be without an operator"
        }
    }

    /// True if `--confirm` removes the rows in spite of the reason.
    var isConfirmable: Bool {
        switch self {
        case .notCounted, .tooMany: true
        case .viewAllMissing, .rightsUnknown, .incompleteRead, .otherCount: false
        }
    }

    private static func text(_ counts: ClosedRange<Int>) -> String {
        counts.lowerBound == counts.upperBound
            ? "\(counts.lowerBound)" : "\(counts.lowerBound) to \(counts.upperBound)"
    }
}
