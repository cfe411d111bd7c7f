/// A response whose body is read in pieces. Valid inside the closure that received it. Loop-confined.
package final class ResponseStream: Sendable {
    package let status: Int
    package let headers: ClientHeaders
    private let transfer: Transfer
    private let multi: Multi

    init(_ transfer: Transfer, _ multi: Multi) {
        status = transfer.head.status
        headers = transfer.head.headers
        self.transfer = transfer
        self.multi = multi
    }

    /// The next piece of the body: all received bytes (up to about `HTTPClientLimits.bufferedBytes`). Nil at
    /// the end. Without a reader, no more bytes are received.
    ///
    /// Throws `HTTPClientError` `.interrupted` if the body ends too early, `.timedOut`, and
    /// `CancellationError`.
    package func next() async throws -> [UInt8]? {
        try await transfer.next(in: multi)
    }

    /// The rest of the body. Throws `.tooLarge` beyond `maximumBytes`.
    package func collect(maximumBytes: Int) async throws -> [UInt8] {
        let tooLarge = HTTPClientError(.tooLarge, requestWasSent: true, detail: "response body")
        if let length = transfer.head.contentLength, length > maximumBytes, status != 204, status != 304 {
            throw tooLarge
        }
        var body: [UInt8] = []
        while let chunk = try await next() {
            guard body.count + chunk.count <= maximumBytes else { throw tooLarge }
            if body.isEmpty { body = chunk } else { body += chunk }
        }
        return body
    }
}
