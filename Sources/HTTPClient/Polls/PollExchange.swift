internal import Reactor
internal import TLS

/// The times and the progress of one request, which decide the meaning of an error.
final class PollExchange {
    enum Step {
        case resolve
        case connect
        case handshake
        case exchange
    }

    let deadline: ContinuousClock.Instant
    private let idle: Duration
    var step = Step.resolve
    /// Whether a byte of the request was written.
    var requestWasSent = false

    init(deadline: ContinuousClock.Instant, idle: Duration) {
        self.deadline = deadline
        self.idle = idle
    }

    /// The deadline of a wait that begins now.
    var limit: ContinuousClock.Instant { min(deadline, .now + idle) }

    /// The client's error for an error of the loop, of TLS or of the response. Others are returned as they
    /// are, for example a cancellation.
    func failure(_ error: any Error, place: String, now: ContinuousClock.Instant = .now) -> any Error {
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
