internal import HTTPClient

/// One page of a Bulk result while it arrives: CSV with a header line.
package struct BulkResults {
    /// Where the next page is; nil on the last.
    package let locator: String?
    /// Rows of this page, if Salesforce tells.
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

    /// The next bytes as they came, not cut at lines; nil at the end. Asking slowly slows the sender.
    package func next() async throws -> [UInt8]? {
        do {
            return try await stream.next()
        } catch let error as HTTPClientError {
            throw Transport.error(error, call: call)
        }
    }
}
