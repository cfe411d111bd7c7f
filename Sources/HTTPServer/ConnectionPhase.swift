internal import Synchronization

/// What a connection is busy with, and what follows from it.
enum ConnectionPhase: UInt8, AtomicRepresentable {
    /// Nothing was asked yet.
    case fresh
    /// The client has begun a TLS handshake; a drain lets it finish and ask.
    case greeting
    /// Between requests.
    case idle
    /// A request is being read or answered.
    case busy
    /// A handler runs or streams its answer.
    case handling

    /// Whether the end of the connection cancels its task. Only a handler has work that nobody wants any more.
    var isCancelledWhenClientLeaves: Bool { self == .handling }

    /// Whether it is closed at once when the server drains.
    ///
    /// - Parameter mayBeAsking: whether a part of a request has come that no event has told of yet.
    func endsAtDrain(mayBeAsking: @autoclosure () -> Bool) -> Bool {
        self == .idle && !mayBeAsking()
    }

    /// Whether it is closed when a drain has lasted for `Limits.drainGrace`.
    func endsAfterGrace(mayBeAsking: @autoclosure () -> Bool) -> Bool {
        self == .fresh && !mayBeAsking()
    }

    /// How long a connection that needs more of a request may be quiet; nil when it is not waited for.
    ///
    /// - Parameters:
    ///   - served: requests answered so far.
    ///   - isUnderway: whether a part of a request is there.
    static func quiet(
        served: Int, isUnderway: Bool, isDraining: Bool, mayBeAsking: @autoclosure () -> Bool,
        _ limits: Limits
    ) -> Duration? {
        if served == 0 { return isDraining ? limits.drainGrace : limits.headTimeout }
        if isDraining, !isUnderway, !mayBeAsking() { return nil }
        return limits.idleTimeout
    }
}
