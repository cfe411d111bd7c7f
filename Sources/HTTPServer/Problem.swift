package import HTTPWire

/// A problem of a request (RFC 9457). Handlers throw it, and the server sends it as JSON or as an HTML page.
package struct Problem: Error, Sendable {
    /// The status of the response.
    package var status: Status
    /// A URI of the kind of problem. `about:blank`: the status is the whole description.
    package var type: String
    /// A few words about the kind of problem.
    package var title: String
    /// A sentence about this occurrence. The client sees it.
    package var detail: String?
    /// Additional header fields, for example Retry-After or WWW-Authenticate.
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
