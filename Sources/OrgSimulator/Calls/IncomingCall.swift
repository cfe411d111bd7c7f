import Encoding
import HTTPWire

/// A request as a value, so that the endpoints can be tested without a socket.
struct IncomingCall: Sendable {
    let method: String
    /// Percent-decoded, without the query and without a slash at the end.
    let path: String
    let query: Form
    /// Names in lower case.
    let headers: [String: String]
    let body: [UInt8]
    /// Milliseconds since 1970-01-01T00:00:00Z.
    var now: Int
    /// The fault of some rows of a write call.
    var rowFault: RowFault?
    /// Records that write calls running at the same time hold. This call cannot lock them.
    var lockedRecords: Set<OrgRecordID> = []

    init(
        _ method: String, _ target: String, headers: [String: String] = [:], body: [UInt8] = [], now: Int = 0
    ) {
        self.method = method
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var path = PercentCoding.decode(parts[0]) ?? String(parts[0])
        // Recorded: clients send `/query/?q=`, and it is the same as `/query?q=`.
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
        query = Form(lenient: parts.count > 1 ? String(parts[1]) : "")
        self.headers = Dictionary(
            headers.map { ($0.lowercased(), $1) }, uniquingKeysWith: { _, last in last })
        self.body = body
        self.now = now
    }

    /// The parts of the path between slashes.
    var segments: [String] { path.split(separator: "/").map(String.init) }

    /// The body as a form.
    var form: Form { Form(lenient: String(decoding: body, as: UTF8.self)) }

    /// The host and port of the `Host` header.
    var host: String { headers["host"] ?? "127.0.0.1" }
}

extension Form {
    /// Empty if `text` is malformed.
    init(lenient text: String) { self = (try? Form(decoding: text)) ?? Form() }
}
