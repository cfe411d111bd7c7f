import Encoding

/// An answer of the simulator. `ReplyWriter` turns it into a response and does the slow work.
struct Reply: Sendable {
    enum Body: Sendable {
        case bytes([UInt8])
        /// A page of Bulk results with these rows.
        case results(RenderedResult, Range<Int>)
        /// Checksums over all rows of a table. Nil: of all fields.
        case checksums(Table, fields: [String]?)
        /// A connect that waits for events.
        case wait(StreamWait)
        /// All rows of a table, one JSON object per line.
        case rows(Table)
    }

    var status: Int
    var headers: [(name: String, value: String)] = []
    var body: Body
    /// Faults: delay the answer, and break the connection after this many bytes of the body.
    var delayMilliseconds = 0
    var dropAfterBytes: Int?
    /// Faults: end the body after this many bytes, with a matching length.
    var truncatesAfterBytes: Int?
    /// Faults: close the connection without an answer.
    var isLost = false

    init(status: Int, headers: [(name: String, value: String)] = [], body: Body = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Salesforce's usual answer. The content type is recorded.
    static func json(_ document: JSONText, status: Int = 200) -> Reply {
        json(bytes: document.encoded, status: status)
    }

    static func json(bytes: [UInt8], status: Int = 200) -> Reply {
        Reply(
            status: status, headers: [("Content-Type", "application/json;charset=UTF-8")], body: .bytes(bytes)
        )
    }

    static func text(_ text: String, status: Int, type: String = "text/plain;charset=UTF-8") -> Reply {
        Reply(status: status, headers: [("Content-Type", type)], body: .bytes(Array(text.utf8)))
    }

    static func html(_ text: String, status: Int = 200) -> Reply {
        self.text(text, status: status, type: "text/html;charset=UTF-8")
    }

    static func redirect(to address: String) -> Reply {
        Reply(status: 302, headers: [("Location", address)])
    }

    static let noContent = Reply(status: 204)

    /// No answer at all.
    static let lost = Reply(status: 200).losing()

    func losing() -> Reply {
        var reply = self
        reply.isLost = true
        return reply
    }

    func adding(_ name: String, _ value: String) -> Reply {
        var reply = self
        reply.headers.append((name, value))
        return reply
    }
}
