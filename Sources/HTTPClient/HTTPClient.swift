internal import CCurl
internal import Reactor

/// Sends HTTP requests and mail from one loop. It keeps and reuses connections. Loop-confined.
///
/// HTTP/1.1 only: a paused HTTP/2 stream buffers a whole window of many megabytes. Certificates are verified,
/// redirects are not followed, and proxies of the environment are not used.
package final class HTTPClient: Sendable {
    package let limits: HTTPClientLimits
    let multi: Multi

    /// Belongs to the current loop.
    package init(limits: HTTPClientLimits = HTTPClientLimits()) {
        self.limits = limits
        multi = Multi(limits: limits)
    }

    deinit {
        let multi = multi
        multi.loop.post { multi.shutdown() }
    }

    /// The response with its whole body, for any status.
    ///
    /// Throws `HTTPClientError`, and `CancellationError` if the task is cancelled, which cuts the connection.
    package func send(_ request: ClientRequest) async throws -> ClientResponse {
        var request = request
        request.deadline = request.deadline ?? .now + limits.requestTimeout
        return try await stream(request) { response in
            let maximum = request.maximumBytes ?? limits.bodyBytes
            // The Content-Length of a HEAD response is not the length of its body.
            let body = request.method == "HEAD" ? [] : try await response.collect(maximumBytes: maximum)
            return ClientResponse(status: response.status, headers: response.headers, body: body)
        }
    }

    /// Passes the response to `body` when its head has arrived. If `body` returns or throws before the end of
    /// the response, the connection is cut.
    package func stream<Value>(
        _ request: ClientRequest, _ body: (ResponseStream) async throws -> Value
    ) async throws -> Value {
        precondition(multi.loop.isCurrent, "a client is used on its own loop")
        try Task.checkCancellation()
        try request.validate()
        let transfer = try Transfer(
            upload: request.body, isRepeatable: request.isRepeatable, place: request.place, limits: limits)
        try transfer.setCommon(limits)
        try configure(transfer, request)
        try multi.add(transfer)
        defer { multi.remove(transfer, because: CancellationError()) }
        transfer.watchTime(
            in: multi, deadline: request.deadline ?? .now + limits.streamTimeout,
            idle: request.idleTimeout ?? limits.idleTimeout)
        try await transfer.waitForHead(in: multi)
        return try await body(ResponseStream(transfer, multi))
    }

    private func configure(_ transfer: Transfer, _ request: ClientRequest) throws(HTTPClientError) {
        try transfer.setProtocols(mail: false)
        try transfer.set(CURLOPT_URL, request.url)
        try transfer.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        try transfer.set(CURLOPT_FOLLOWLOCATION, 0)
        if request.addresses == .publicOnly { try transfer.checkAddresses() }
        try transfer.set(
            CURLOPT_BUFFERSIZE, request.acceptsGzip ? limits.compressedReceiveBytes : limits.receiveBytes)
        if request.acceptsGzip { try transfer.set(CURLOPT_ACCEPT_ENCODING, "gzip") }
        try configureMethod(transfer, request)
        // A body does not wait for "100 Continue", and the caller sets its type.
        var lines = ["Expect:"]
        let names = request.headers.map { $0.name.lowercased() }
        if !names.contains("content-type") { lines.append("Content-Type:") }
        if !names.contains("user-agent") { lines.append("User-Agent: multiconnect") }
        lines += request.headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        try transfer.set(CURLOPT_HTTPHEADER, lines: lines)
    }

    private func configureMethod(
        _ transfer: Transfer, _ request: ClientRequest
    ) throws(HTTPClientError) {
        if request.method == "HEAD" {
            try transfer.set(CURLOPT_NOBODY, 1)
        } else if !request.body.isEmpty || ["POST", "PUT", "PATCH"].contains(request.method) {
            try transfer.set(CURLOPT_POST, 1)
            try transfer.set(CURLOPT_POSTFIELDSIZE_LARGE, offset: request.body.count)
            try transfer.set(CURLOPT_CUSTOMREQUEST, request.method)
        } else {
            try transfer.set(CURLOPT_HTTPGET, 1)
            try transfer.set(CURLOPT_CUSTOMREQUEST, request.method)
        }
        // libcurl repeats a request that has no body without calling the rewind callback, which would
        // refuse. It repeats only on reused connections, so this request gets a new one.
        if request.body.isEmpty, !request.isRepeatable { try transfer.set(CURLOPT_FRESH_CONNECT, 1) }
    }
}
