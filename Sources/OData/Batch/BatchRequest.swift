import HTTPWire

/// A request of a batch.
struct BatchRequest: Sendable, Equatable {
    /// Later requests refer to it as `$id`. Nil without one.
    var id: String?
    /// Requests of one group change all or nothing.
    var group: String?
    /// Ids of requests and groups that must have succeeded (JSON).
    var dependencies: [String] = []
    var method: String
    /// As sent: relative to the service, with or without its origin, or beginning with `$id`.
    var url: String
    var headers = Headers()
    var body: [UInt8] = []

    /// Whether a name and a value can be a header field (RFC 9110 section 5).
    static func isField(_ name: String, _ value: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
                    || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            } && value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
    }

    /// Requests that are answered together: those of a group, or a single one.
    typealias Unit = ArraySlice<BatchRequest>

    /// The units of a batch, in order. The requests of a group are neighbours.
    static func units(_ requests: [BatchRequest]) throws(ODataError) -> [Unit] {
        var units: [Unit] = []
        var groups: Set<String> = []
        var start = 0
        while start < requests.count {
            var end = start + 1
            if let group = requests[start].group {
                guard groups.insert(group).inserted else {
                    throw ODataError(.syntax, "the requests of the group \(group) are not neighbours")
                }
                while end < requests.count, requests[end].group == group { end += 1 }
            }
            units.append(requests[start..<end])
            start = end
        }
        return units
    }
}

/// The answer to a request of a batch.
struct BatchAnswer: Sendable {
    var id: String?
    var group: String?
    var status: Status
    var headers: Headers
    var body: [UInt8]

    /// Whether the request did what it should.
    var isSuccess: Bool { status.code < 400 }
}
