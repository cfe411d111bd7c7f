internal import Synchronization

/// The state of a connection, and the decisions that follow from it.
enum ConnectionPhase: UInt8, AtomicRepresentable {
    /// No request yet.
    case fresh
    /// The client has begun a TLS handshake. A drain lets it finish and send a request.
    case greeting
    /// Between requests.
    case idle
    /// A request is being read or answered.
    case busy
    /// A handler runs or streams its response.
    case handling

    /// Whether the end of the connection cancels its task. Only a handler does work that is no longer needed.
    var isCancelledWhenClientLeaves: Bool { self == .handling }

    /// Whether a drain closes the connection at once.
    ///
    /// - Parameter mayBeAsking: whether bytes of a request may have arrived without an event.
    func endsAtDrain(mayBeAsking: @autoclosure () -> Bool) -> Bool {
        self == .idle && !mayBeAsking()
    }

    /// Whether the connection is closed `Limits.drainGrace` after a drain began.
    func endsAfterGrace(mayBeAsking: @autoclosure () -> Bool) -> Bool {
        self == .fresh && !mayBeAsking()
    }

    /// The phase after a response.
    ///
    /// - Parameter hasMore: whether a part of the next request has been read.
    static func betweenRequests(hasMore: Bool) -> ConnectionPhase { hasMore ? .busy : .idle }

    /// Whether the server takes another request after this one.
    ///
    /// - Parameters:
    ///   - served: requests of this connection, this one included.
    ///   - isBodyRead: false if the start of the next request is unknown.
    static func mayPersist(served: Int, maximum: Int, isBodyRead: Bool, isDraining: Bool) -> Bool {
        served < maximum && isBodyRead && !isDraining
    }

    /// How long a connection may be silent while it waits for a request. Nil: it is closed.
    ///
    /// - Parameters:
    ///   - served: requests answered so far.
    ///   - isUnderway: whether a part of a request has arrived.
    static func quiet(
        served: Int, isUnderway: Bool, isDraining: Bool, mayBeAsking: @autoclosure () -> Bool,
        _ limits: Limits
    ) -> Duration? {
        if served == 0 { return isDraining ? limits.drainGrace : limits.headTimeout }
        if isDraining, !isUnderway, !mayBeAsking() { return nil }
        return limits.idleTimeout
    }
}
