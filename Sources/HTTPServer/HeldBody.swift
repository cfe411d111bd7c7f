internal import HTTPWire

/// The bytes of a request's body while it is read and answered, counted against the limit of the process.
struct HeldBody {
    private let admission: Admission
    private(set) var bytes: [UInt8] = []

    init(_ admission: Admission) {
        self.admission = admission
    }

    /// - Throws: a `Problem` (503) when the bodies of all requests together leave no room.
    mutating func append(_ more: [UInt8]) throws(Problem) {
        guard !more.isEmpty else { return }
        guard admission.hold(bodyBytes: more.count) else {
            throw Problem(
                .serviceUnavailable, "Too many requests are being read at the moment.",
                headers: ["Retry-After": "1"])
        }
        bytes += more
    }

    /// Gives the room back. To be called once, when the request has been answered.
    func release() {
        if !bytes.isEmpty { admission.release(bodyBytes: bytes.count) }
    }
}
