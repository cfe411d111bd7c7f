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
    /// Retained events of an org. The oldest are forgotten first.
    package var retainedEvents = 300_000
    /// Logged changes of an org. The oldest are forgotten first.
    package var loggedChanges = 300_000
    /// Events in one answer to a connect.
    package var eventsPerAnswer = 2000
    /// Bytes of a CometD request. Documented.
    package var streamRequestBytes = 32_768
    /// Records of a request to `/composite/sobjects`. Documented.
    package var collectionRows = 200
    /// Runs of records of one object in such a request. Documented.
    package var collectionChunks = 10
    /// Requests in a request to `/composite`. Documented.
    package var compositeRequests = 25
    /// Rows of one transaction of a Bulk job. Documented.
    package var ingestChunkRows = 200
    /// Characters of a value, and of the header line, in the data of a Bulk job. Documented.
    package var ingestValueCharacters = 32_000
    /// Bytes of the data of a Bulk job. Documented, as 150 MB in base64.
    package var ingestBytes = 100 << 20
    /// Jobs on a page of a list. Documented.
    package var listedJobs = 1000
    /// Recorded API writes of an org. The oldest are forgotten first.
    package var recordedWrites = 300_000
    /// Recorded bodies of calls to AuthConnection, per org.
    package var recordedCalls = 1000

    package init() {}
}
