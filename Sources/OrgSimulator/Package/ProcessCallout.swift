internal import Cryptography
internal import Encoding

/// A call of an org's Apex to an external process: `POST /processes/NAME`, signed like the package's
/// registration.
struct ProcessCallout: Sendable {
    /// Counted from 1.
    let org: Int
    /// The process's URL at the application.
    let url: String
    /// `CALLBACK_SECRET`; nil: the call is not signed.
    let secret: Secret?
    let body: [UInt8]

    /// Nil without a URL, an object, a record and a field.
    ///
    /// - Parameters:
    ///   - request: members `url`, `secret`, `object`, `record_id`, `field`, and perhaps `key` and `input`.
    ///   - id: the org's id of 18 characters.
    init?(_ request: JSONValue, org: Int, id: String) {
        guard let url = request["url"]?.string, let object = request["object"]?.string,
            let record = request["record_id"]?.string, let field = request["field"]?.string
        else { return nil }
        self.org = org
        self.url = url
        secret = request["secret"]?.string.map { Secret(text: $0) }
        var members: [(String, JSONText)] = [
            ("org_id", .string(id)), ("object", .string(object)), ("record_id", .string(record)),
            ("field", .string(field)),
        ]
        if let key = request["key"]?.string { members.append(("key", .string(key))) }
        members.append(("input", .raw((request["input"] ?? .object([:])).serialized)))
        body = JSONText.object(members).encoded
    }

    /// - Parameter seconds: the time since 1970.
    func headers(seconds: Int) -> [(name: String, value: String)] {
        PackageRegistration.calloutHeaders
            + PackageRegistration.headers(of: body, secret: secret, seconds: seconds)
    }
}

/// The callouts of all orgs.
struct CalloutQueue: Sendable {
    var waiting: [ProcessCallout] = []
    /// The answers by org, the oldest first: `status`, and `body` as text.
    private(set) var answers: [Int: [JSONText]] = [:]

    mutating func take() -> ProcessCallout? { waiting.isEmpty ? nil : waiting.removeFirst() }

    /// - Parameter status: nil if there was no answer.
    mutating func note(_ callout: ProcessCallout, status: Int?, body: [UInt8]) {
        answers[callout.org, default: []].append([
            "status": status.map { .number($0) } ?? .null,
            "body": .string(String(decoding: body, as: UTF8.self)),
        ])
    }
}
