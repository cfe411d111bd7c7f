internal import FoundationEssentials
internal import Salesforce
internal import TenantSchema

/// The queries of a poll and the mark that it leaves.
struct PollRule: Sendable {
    let table: SyncedTable

    /// The field that says when a record changed. Nil for objects that can only be read as a whole.
    var cursor: String? { table.plan.cursorField }
    /// `Id` first. The cursor is read also if it is not mapped: merging needs the time of the change.
    var sources: [String] {
        let mapped = table.selectedColumns.map(\.source)
        return ["Id"] + mapped + (cursor.map { mapped.contains($0) ? [] : [$0] } ?? [])
    }

    /// True if the object has a recycle bin, so that `queryAll` returns deleted records. Without the field a
    /// deleted record would look like a live one.
    var isAll: Bool { table.selectedColumns.contains { $0.source == "IsDeleted" } }

    /// The column that holds the cursor.
    var cursorColumn: String? {
        cursor.flatMap { field in table.plan.columns.first { $0.source == field }?.name }
    }

    /// Records that changed since `mark`, and late ones. Ties cannot be skipped: the bound is inclusive.
    func changed(
        since mark: Date, late: Duration, _ form: Form = .pages
    ) throws(SalesforceError) -> SOQL {
        guard let cursor else {
            throw SalesforceError(.malformedQuery, message: "no time of change to poll by")
        }
        let overlap = PlantedFault.noOverlap.isPlanted ? 0 : late.timeInterval
        var conditions: [SOQL.Condition] = [
            .compare(cursor, .greaterOrEqual, .moment(mark - overlap))
        ]
        if let filter = table.plan.filter, form != .unfilteredIDs { conditions.append(.raw(filter)) }
        let object = table.plan.objectName
        switch form {
        case .pages:
            return try SOQL.select(sources, from: object).where(.all(conditions)).orderBy([cursor, "Id"])
        // Without ORDER BY, so that Salesforce can split the query.
        case .bulk: return try SOQL.select(sources, from: object).where(.all(conditions))
        case .count: return try SOQL.count(of: object).where(.all(conditions))
        case .unfilteredIDs:
            return try SOQL.select(["Id", cursor], from: object).where(.all(conditions)).orderBy([
                cursor, "Id",
            ])
        }
    }

    /// What a query is for.
    enum Form: Sendable {
        case pages
        case bulk
        case count
        /// Changed records whether they match the mapping's filter or not.
        case unfilteredIDs
    }

    /// These records, if they match the filter.
    func records(_ ids: [String]) throws(SalesforceError) -> SOQL {
        var conditions: [SOQL.Condition] = [.isIn("Id", ids.map { .string($0) })]
        if let filter = table.plan.filter { conditions.append(.raw(filter)) }
        return try SOQL.select(sources, from: table.plan.objectName).where(.all(conditions))
    }

    /// The mark after the last page of a poll: the time at which the query was sent, on Salesforce's clock.
    ///
    /// - Parameters:
    ///   - answeredAt: the `Date` header of the first answer, in whole seconds.
    ///   - took: how long that answer took.
    ///   - newest: the newest change that was read.
    static func mark(previous: Date, answeredAt: Date?, took: Duration, newest: Date?) -> Date {
        let sent = answeredAt.map { $0 - took.timeInterval - 1 }
        return max(previous, sent ?? newest ?? previous)
    }
}

/// When a mapping is polled next.
struct PollPace: Sendable, Equatable {
    /// Seconds between polls of a mapping without events.
    var interval: Duration
    var isFed: Bool
    /// Failures in a row.
    var failures = 0
    /// The factor by which polls slow down because the org's allowance is short. At least 1.
    var slowdown = 1.0

    /// The pause after a poll.
    ///
    /// - Parameters:
    ///   - factor: the factor beside events.
    ///   - minimum: the shortest interval.
    func pause(factor: Int = ReplicationLimits.pollFactorBesideEvents, minimum: Duration) -> Duration {
        var pause = max(interval, minimum)
        if isFed {
            pause = max(pause, min(pause * factor, ReplicationLimits.longestPollInterval))
        }
        return pause * max(1, slowdown)
    }
}
