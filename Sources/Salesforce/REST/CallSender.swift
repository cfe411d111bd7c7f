internal import HTTPClient

/// Sends a request once, and converts failures to `SalesforceError`.
///
/// The host rule checks each address, so that tokens are sent only to Salesforce.
struct CallSender: Sendable {
    let http: HTTPClient
    let hosts: HostRule

    /// Returns the answer of any status. The deadline includes the body.
    func send(_ call: APICall, to origin: Origin, deadline: ContinuousClock.Instant) async throws
        -> ClientResponse
    {
        let request = try checked(call, to: origin, deadline: deadline)
        do {
            return try await http.send(request)
        } catch let error as HTTPClientError {
            throw Self.error(error, call: call.name)
        }
    }

    /// Runs `body` with the answer while it arrives, and rethrows its errors.
    func stream<Result>(
        _ call: APICall, to origin: Origin, deadline: ContinuousClock.Instant,
        _ body: (ResponseStream) async throws -> Result
    ) async throws -> Result {
        let request = try checked(call, to: origin, deadline: deadline)
        do {
            return try await http.stream(request, body)
        } catch let error as HTTPClientError {
            throw Self.error(error, call: call.name)
        }
    }

    private func checked(
        _ call: APICall, to origin: Origin, deadline: ContinuousClock.Instant
    ) throws(SalesforceError) -> ClientRequest {
        do throws(SalesforceError) {
            return try hosts.request(call, to: origin, deadline: deadline)
        } catch {
            var error = error
            error.isUnsent = true
            throw error
        }
    }

    /// The error for a failure below HTTP.
    static func error(_ error: HTTPClientError, call: String) -> SalesforceError {
        let code: SalesforceError.Code =
            switch error.code {
            case .resolve, .connect, .addressRefused, .tls: .unreachable
            case .timedOut: .timedOut
            case .tooLarge: .tooLarge
            case .interrupted, .other: error.requestWasSent ? .interrupted : .unreachable
            case .invalidRequest, .loginDenied, .refused: .rejected
            }
        var failure = SalesforceError(code, message: error.description, call: call)
        failure.isUnsent = !error.requestWasSent
        return failure
    }
}

extension HostRule {
    /// The request of a call. Throws `.hostNotAllowed` for an address that tokens must not be sent to.
    func request(
        _ call: APICall, to origin: Origin, deadline: ContinuousClock.Instant
    ) throws(SalesforceError) -> ClientRequest {
        guard allows(origin) else {
            throw SalesforceError(.hostNotAllowed, message: "\(origin) may not be called", call: call.name)
        }
        var headers = call.headers
        if let since = call.modifiedSince { headers.append(("If-Modified-Since", since)) }
        var request = ClientRequest(
            method: call.method, url: try call.url(at: origin), headers: headers, body: call.body,
            deadline: deadline, idleTimeout: call.idleTimeout, maximumBytes: call.maximumBytes,
            acceptsGzip: call.acceptsGzip)
        // DELETE and PUT too: a deletion that was carried out would fail the second time.
        if call.repetition == .harmful { request.isRepeatable = false }
        return request
    }
}
