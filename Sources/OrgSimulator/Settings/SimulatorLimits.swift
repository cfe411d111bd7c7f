/// The named maxima of a simulator.
package struct SimulatorLimits: Sendable {
    /// Bytes of rendered blocks of all results. Enough for a million Accounts of 35 columns, so that a
    /// benchmark finds rendered pages. Beyond it the oldest blocks are dropped and rendered again on request.
    package var renderedBytes = 1 << 30
    /// Rows of a rendered block. A block has some hundred KB and is rendered in one or two milliseconds, so
    /// that other calls do not wait long.
    package var blockRows = 512
    /// Open REST cursors. The oldest is dropped first.
    package var cursors = 1000
    /// Open Bulk jobs. The oldest is dropped first.
    package var bulkJobs = 10_000
    /// Records of one REST query page. Documented.
    package var pageRows = 2000
    /// Characters of a query. Documented.
    package var queryCharacters = 100_000
    /// Recorded bodies of calls to AuthConnection, per org.
    package var recordedCalls = 1000

    package init() {}
}
