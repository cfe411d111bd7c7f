internal import HTTPWire

/// How a response is sent: the server's rules of RFC 9112 section 6.
struct ResponsePlan: Equatable {
    let framing: ResponseHead.Framing
    let connection: ResponseHead.Connection
    /// Whether the body is sent. A HEAD response only describes it.
    let sendsBody: Bool
    /// Whether another request may follow.
    let persists: Bool

    /// - Parameters:
    ///   - request: nil if no request could be read.
    ///   - isHead: whether the method is HEAD, even if the rest of the request could not be read.
    ///   - mayPersist: whether the server takes another request.
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
