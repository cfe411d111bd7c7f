package import HTTPWire

/// What a client did wrong or cannot have, as RFC 9457 describes it. Handlers throw it; the server answers
/// with it as JSON or as an HTML page.
package struct Problem: Error, Sendable {
    /// The status of the answer.
    package var status: Status
    /// A URI that names the kind of problem; `about:blank` means the status says all.
    package var type: String
    /// A few words about the kind of problem.
    package var title: String
    /// A sentence about this occurrence. The client sees it.
    package var detail: String?
    /// Further fields of the answer, Retry-After or WWW-Authenticate say.
    package var headers: Headers

    package init(
        _ status: Status, _ detail: String? = nil, title: String? = nil, type: String = "about:blank",
        headers: Headers = Headers()
    ) {
        self.status = status
        self.type = type
        self.title = title ?? status.reason
        self.detail = detail
        self.headers = headers
    }

    init(_ error: HTTPWireError) {
        self.init(error.status, error.description)
    }
}

extension Problem: CustomStringConvertible {
    package var description: String {
        "\(status) \(title)" + (detail.map { ": \($0)" } ?? "")
    }
}
