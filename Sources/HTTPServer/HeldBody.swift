internal import HTTPWire

/// The bytes of a request's body, counted against the limit of the process.
struct HeldBody {
    let admission: Admission
    private(set) var bytes: [UInt8] = []

    init(_ admission: Admission) {
        self.admission = admission
    }

    /// - Throws: a `Problem` (503) if the bodies of all requests together reach the limit.
    mutating func append(_ more: [UInt8]) throws(Problem) {
        guard !more.isEmpty else { return }
        guard admission.hold(bodyBytes: more.count) else {
            throw Problem(
                .serviceUnavailable, "Too many request bodies are in memory. Try again.",
                headers: ["Retry-After": "1"])
        }
        bytes += more
    }

    /// Releases the bytes. Call it once, after the response.
    func release() {
        if !bytes.isEmpty { admission.release(bodyBytes: bytes.count) }
    }
}
