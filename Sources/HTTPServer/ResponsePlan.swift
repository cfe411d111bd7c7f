internal import HTTPWire

/// How a response goes out: the rules of RFC 9112 section 6 for the answering side.
struct ResponsePlan: Equatable {
    let framing: ResponseHead.Framing
    let connection: ResponseHead.Connection
    /// Whether the body is sent; a HEAD response only describes it.
    let sendsBody: Bool
    /// Whether another request may follow.
    let persists: Bool

    /// - Parameters:
    ///   - request: nil when no request could be read.
    ///   - isHead: whether HEAD asked, also where the rest of the request could not be read.
    ///   - mayPersist: whether the server wants to go on.
    init(_ response: Response, to request: Request?, isHead: Bool, mayPersist: Bool) {
        let isOld = request?.minorVersion == 0
        var framing: ResponseHead.Framing
        if response.status.forbidsBody {
            framing = .none
        } else {
            switch response.body {
            case .empty: framing = .length(0)
            case .bytes(let bytes): framing = .length(bytes.count)
            case .stream(let length?, _): framing = .length(length)
            case .stream(nil, _): framing = isOld ? .untilClose : .chunked
            }
        }
        sendsBody = !isHead && framing != .none && framing != .length(0)
        persists = mayPersist && (request?.persists ?? false) && (framing != .untilClose || isHead)
        self.framing = framing
        connection = persists ? (isOld ? .keepAlive : .implied) : .close
    }
}
