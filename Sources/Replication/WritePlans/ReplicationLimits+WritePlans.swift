extension ReplicationLimits {
    /// Rows of one Bulk job. Salesforce divides a job into parts of this size and runs them side by side.
    static let bulkWriteRows = 10_000
    /// Digits after the point that Salesforce stores.
    static let decimalPlaces = 24
    /// Significant digits in which a number that comes back equals the one that was sent.
    /// Source: Salesforce Help 000394530.
    static let comparedDigits = 15
    /// Failed inserts that block the changes which depend on them. The oldest are forgotten: then dependent
    /// changes are sent and fail in Salesforce.
    static let failedInserts = 20_000
    /// Entries that a count follows to find the one for which an entry waits in the end.
    static let waitChain = 1_000
    /// Rows that a search for circular references follows, when a row begins to wait for another one.
    static let circleLength = 64
}
