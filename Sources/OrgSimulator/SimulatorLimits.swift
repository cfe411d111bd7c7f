/// Bounds on what a simulator keeps.
package struct SimulatorLimits: Sendable {
    /// Rendered result blocks over all jobs. Enough for a million Accounts of 35 columns, so that a benchmark
    /// meets ready pages; beyond it the oldest are dropped and rendered again when asked for.
    package var renderedBytes = 1 << 30
    /// Rows of a rendered block: some hundred KB, so that a block is rendered in a millisecond or two and
    /// other calls get their turn.
    package var blockRows = 512
    /// Open REST cursors and Bulk jobs of one org; the oldest go first.
    package var cursors = 1000
    package var bulkJobs = 10_000
    /// Records of one REST query page. Documented.
    package var pageRows = 2000
    /// Characters of a query. Documented.
    package var queryCharacters = 100_000
    /// Bytes of a generated string of a response that is cut by a fault, for instance.
    package var recordedCalls = 1000

    package init() {}
}
