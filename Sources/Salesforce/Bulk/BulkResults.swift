internal import HTTPClient

/// A result page of a Bulk job as it arrives: CSV with a header line.
package struct BulkResults {
    /// The locator of the next page; nil on the last page.
    package let locator: String?
    /// Rows of this page, if Salesforce reports it.
    package let rows: Int?
    private let stream: ResponseStream
    private let call: String

    init(stream: ResponseStream, call: String) {
        self.stream = stream
        self.call = call
        // The last page's locator is the word "null".
        locator = stream.headers["Sforce-Locator"].flatMap { $0 == "null" || $0.isEmpty ? nil : $0 }
        rows = stream.headers["Sforce-NumberOfRecords"].flatMap { Int($0) }
    }

    /// The next bytes, not split at lines; nil at the end. A slow reader slows the sender down.
    package func next() async throws -> [UInt8]? {
        do {
            return try await stream.next()
        } catch let error as HTTPClientError {
            throw CallSender.error(error, call: call)
        }
    }
}
