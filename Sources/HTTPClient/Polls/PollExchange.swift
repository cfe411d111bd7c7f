internal import Reactor
internal import TLS

/// The times and the progress of one request, which decide the meaning of an error. Loop-confined.
// SAFETY: loop-confined: only `PollConnection.send` creates and uses it.
final class PollExchange: @unchecked Sendable {
    enum Step {
        case resolve
        case connect
        case handshake
        case exchange
    }

    let server: PollServer
    let deadline: ContinuousClock.Instant
    private let idle: Duration
    private let place: String
    var step = Step.resolve
    /// The bytes to send.
    var unsent: ArraySlice<UInt8>
    /// Whether a byte of the request was written.
    var requestWasSent = false
    var reader: PollResponseReader

    /// - Throws: `.invalidRequest`.
    @inline(never)
    init(_ request: ClientRequest, _ limits: HTTPClientLimits) throws(HTTPClientError) {
        try request.validate()
        let (server, target) = try PollServer.parse(request.url)
        self.server = server
        deadline = request.deadline ?? .now + limits.requestTimeout
        idle = request.idleTimeout ?? limits.idleTimeout
        place = request.place
        unsent = request.encoded(for: server, target: target)[...]
        reader = PollResponseReader(
            method: request.method, maximumBytes: request.maximumBytes ?? limits.bodyBytes,
            headBytes: limits.headBytes)
    }

    /// The deadline of a wait that begins now.
    var limit: ContinuousClock.Instant { min(deadline, .now + idle) }

    /// The client's error for an error of the loop, of TLS or of the response. Others are returned as they
    /// are, for example a cancellation.
    @inline(never)
    func failure(_ error: any Error, now: ContinuousClock.Instant = .now) -> any Error {
        var failure: HTTPClientError
        switch error {
        case let error as HTTPClientError: failure = error
        case let error as ReactorError:
            failure = HTTPClientError(
                code(error, now), requestWasSent: requestWasSent, detail: "\(error)")
        case let error as TLSError:
            failure = HTTPClientError(
                step == .exchange ? .interrupted : .tls, requestWasSent: requestWasSent, detail: "\(error)")
        default: return error
        }
        failure.place = place
        return failure
    }

    private func code(_ error: ReactorError, _ now: ContinuousClock.Instant) -> HTTPClientError.Code {
        if error.code == .timedOut { return step == .exchange || now >= deadline ? .timedOut : .connect }
        return switch step {
        case .resolve: .resolve
        case .connect: error.code == .unresolved ? .resolve : .connect
        case .handshake: .tls
        case .exchange: .interrupted
        }
    }
}
