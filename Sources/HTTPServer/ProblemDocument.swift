internal import Encoding
internal import FoundationEssentials
internal import HTTPWire

/// The two forms of a problem: `application/problem+json` and an HTML page.
struct ProblemDocument: Encodable {
    private enum CodingKeys: String, CodingKey {
        case type, title, status, detail
        case requestID = "request_id"
    }

    let type: String
    let title: String
    let status: Int
    let detail: String?
    let requestID: String?

    init(_ problem: Problem, requestID: String?) {
        type = problem.type
        title = problem.title
        status = problem.status.code
        detail = problem.detail
        self.requestID = requestID
    }

    /// The response in the form that the Accept fields prefer. The default is JSON.
    static func response(to problem: Problem, request: Request?) -> Response {
        let document = ProblemDocument(problem, requestID: request?.id)
        let offers = ["application/problem+json", "application/json", "text/html"]
        let type = request.flatMap { Preference.mediaType(of: offers, for: $0.headers) }
        var response =
            type == "text/html"
            ? Response.html(document.page, status: problem.status)
            : Response(
                status: problem.status, headers: ["Content-Type": "application/problem+json"],
                body: .bytes((try? Array(Response.encoder().encode(document))) ?? []))
        for (name, value) in problem.headers { response.headers.add(name, value) }
        return response
    }

    private var page: String {
        let detail = detail.map { "<p>\(HTMLText.escaped($0))</p>" } ?? ""
        let identifier = requestID.map { "<p><small>Request \(HTMLText.escaped($0))</small></p>" } ?? ""
        let title = HTMLText.escaped(title)
        return """
            <!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>\(title)</title></head>\
            <body><h1>\(title)</h1>\(detail)\(identifier)</body></html>
            """
    }
}
