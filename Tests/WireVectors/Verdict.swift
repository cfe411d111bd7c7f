package import HTTPWire

/// The verdict on the bytes of a head, as comparable values.
package enum HeadVerdict: Equatable, Sendable, CustomStringConvertible {
    case incomplete
    /// `line` is method, target, version and framing. `fields` are `name=value`, separated by commas.
    case complete(consumed: Int, line: String, fields: String)
    case refused(HTTPWireError.Code)

    package var description: String {
        switch self {
        case .incomplete: "incomplete"
        case .complete(let consumed, let line, let fields): "complete \(consumed) \(line) \(fields)"
        case .refused(let code): "refused \(code)"
        }
    }

    init(_ head: RequestHead, consumed: Int) {
        let framing =
            switch head.framing {
            case .none: "none"
            case .length(let length): "length(\(length))"
            case .chunked: "chunked"
            }
        self = .complete(
            consumed: consumed,
            line: "\(head.method.name) \(head.target) 1.\(head.minorVersion) \(framing)",
            fields: head.headers.map { $0.name + "=" + $0.value }.joined(separator: ","))
    }
}

/// The verdict on the bytes of a chunked body.
package enum BodyVerdict: Equatable, Sendable, CustomStringConvertible {
    case incomplete([UInt8])
    /// `trailers` are `name=value`.
    case complete([UInt8], consumed: Int, trailers: [String])
    case refused(HTTPWireError.Code)

    package var description: String {
        switch self {
        case .incomplete(let body): "incomplete after \(body.count) bytes"
        case .complete(let body, let consumed, let trailers):
            "complete \(consumed) with \(body.count) bytes and \(trailers)"
        case .refused(let code): "refused \(code)"
        }
    }
}
