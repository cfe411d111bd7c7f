/// The rows of a table and of its org, counted by the same read.
struct RowCounts: Sendable, Equatable {
    /// Rows of the table that have a record id.
    var here: Int
    /// Records that the mapping's filter selects.
    var there: Int
}
