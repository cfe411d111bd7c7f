internal import HTTPClient

/// The way to the wire: sends one request, once, and turns what fails into `SalesforceError`.
///
/// Checks each address against the host rule, so that no token leaves for anywhere else.
struct Transport: Sendable {
    let http: HTTPClient
    let hosts: HostRule

    /// The answer, whatever its status. The deadline covers the whole body.
    func send(_ call: Call, to origin: Origin, deadline: ContinuousClock.Instant) async throws
        -> ClientResponse
    {
        let request = try request(call, to: origin, deadline: deadline)
        do {
            return try await http.send(request)
        } catch let error as HTTPClientError {
            throw Self.error(error, call: call.name)
        }
    }

    /// Hands over the answer while its body arrives. What `body` throws passes through.
    func stream<Result>(
        _ call: Call, to origin: Origin, deadline: ContinuousClock.Instant,
        _ body: (ResponseStream) async throws -> Result
    ) async throws -> Result {
        let request = try request(call, to: origin, deadline: deadline)
        do {
            return try await http.stream(request, body)
        } catch let error as HTTPClientError {
            throw Self.error(error, call: call.name)
        }
    }

    private func request(
        _ call: Call, to origin: Origin, deadline: ContinuousClock.Instant
    ) throws(SalesforceError) -> ClientRequest {
        guard hosts.allows(origin) else {
            throw SalesforceError(.hostNotAllowed, message: "\(origin)", call: call.name)
        }
        return ClientRequest(
            method: call.method, url: try call.url(at: origin), headers: call.headers, body: call.body,
            deadline: deadline, idleTimeout: SalesforceLimits.idleTimeout, maximumBytes: call.maximumBytes,
            acceptsGzip: call.acceptsGzip)
    }

    /// What a failure below HTTP means for whoever called.
    static func error(_ error: HTTPClientError, call: String) -> SalesforceError {
        let code: SalesforceError.Code =
            switch error.code {
            case .resolve, .connect, .tls: .unreachable
            case .timedOut: .timedOut
            case .tooLarge: .tooLarge
            case .interrupted, .other: error.requestWasSent ? .interrupted : .unreachable
            case .invalidRequest, .loginDenied, .refused: .rejected
            }
        return SalesforceError(code, message: error.description, call: call)
    }
}
