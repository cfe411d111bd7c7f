import Encoding
import FoundationEssentials
import HTTPServer
import HTTPWire
import Pages
package import TenantAdmin

/// The results of shared queries for the holders of links: `/shared/TOKEN` is a page, `/shared/TOKEN.csv` and
/// `/shared/TOKEN.json` are files. A CSV of a cut result must be asked for with `partial=true`. A program may
/// send the token as `Authorization: Bearer` to `/shared`, `/shared.csv` and `/shared.json` instead.
package struct SharedQueryRoutes: Sendable {
    private let book: SharedQueryBook
    private let limits: Limits

    private static let path = "/shared/"
    private static let partialField = "partial"
    /// A header of files with a part of the rows.
    private static let cutHeader = "X-Result-Cut"

    /// Counts requests by link and unknown links by address, for all loops of a process.
    package struct Limits: Sendable {
        fileprivate let requests = RateLimiter(rate: .init(burst: 60, refill: .seconds(1)))
        fileprivate let failures = RateLimiter(rate: .init(burst: 20, refill: .seconds(5)))

        package init() {}
    }

    private enum Format: String {
        case page
        case csv
        case json
    }

    package init(book: SharedQueryBook, limits: Limits) {
        self.book = book
        self.limits = limits
    }

    /// The path for the access log, without the token.
    static func logged(_ path: String) -> String {
        path.hasPrefix(Self.path) ? Self.path + "<redacted>" : path
    }

    func add(to router: inout Router, _ layout: AdminLayout) {
        router.on(.get, Self.path + ":token") { request in
            let parts = (request.parameters["token"] ?? "").split(
                separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
            guard let format = parts.count == 1 ? .page : Format(rawValue: String(parts[1])) else {
                throw Problem(.notFound)
            }
            return try await respond(to: request, String(parts[0]), format, layout)
        }
        for format in [Format.page, .csv, .json] {
            let name = format == .page ? "/shared" : "/shared.\(format.rawValue)"
            router.on(.get, name) { request in
                let parts = (request.headers["authorization"] ?? "").split(separator: " ", maxSplits: 1)
                guard parts.count == 2, parts[0].lowercased() == "bearer" else {
                    throw Problem(
                        .unauthorized, "Send the link's token as Authorization: Bearer TOKEN.",
                        headers: ["WWW-Authenticate": "Bearer realm=\"multiconnect\""])
                }
                return try await respond(to: request, String(parts[1]), format, layout)
            }
        }
    }

    private func respond(
        to request: Request, _ token: String, _ format: Format, _ layout: AdminLayout
    ) async throws -> Response {
        let address = RateLimiter.addressKey(request.clientAddress)
        if let wait = limits.failures.wait(for: address) { throw Self.tooMany(wait) }
        guard let hash = SharedQuery.Link.hash(of: token) else { throw unknown(address) }
        if let wait = limits.requests.take(Hex.encode(hash)) { throw Self.tooMany(wait) }
        switch try await book.view(linkHash: hash, from: request.clientAddress) {
        case .unknown: throw unknown(address)
        case .off:
            throw Problem(.serviceUnavailable, "Shared queries of this tenant are off at the moment.")
        case .running:
            throw Problem(
                .serviceUnavailable, "The query runs at this moment. Please try again.",
                headers: ["Retry-After": "5"])
        // The reason may have values of rows, and is for operators.
        case .failed: throw Problem(.badGateway, "The query failed. Its owner can see why.")
        case .result(let query, let result):
            if format == .csv, result.isCut, request.query[Self.partialField] != "true" {
                throw Problem(.conflict, Self.refusal(of: result))
            }
            var response = try answer(query, result, format, token, layout)
            response.headers.add("Cache-Control", "no-store")
            response.headers.add("X-Robots-Tag", "noindex, nofollow")
            return response
        }
    }

    /// Programs that read CSV would take the rows for all of them.
    private static func refusal(of result: SharedQueryResult) -> String {
        """
        The query has more rows than the \(result.rows.count) of its result, so this file would lack rows. \
        Its owner can raise the rows of the query. With ?\(partialField)=true the address gives these rows.
        """
    }

    private func unknown(_ address: String) -> Problem {
        _ = limits.failures.take(address)
        return Problem(.notFound, "There is no such shared query, or the link has ended.")
    }

    private static func tooMany(_ wait: Duration) -> Problem {
        Problem(
            .tooManyRequests, "Too many requests. Please try again later.",
            headers: ["Retry-After": String(max(1, wait.components.seconds + 1))])
    }

    private func answer(
        _ query: SharedQuery, _ result: SharedQueryResult, _ format: Format, _ token: String,
        _ layout: AdminLayout
    ) throws -> Response {
        switch format {
        case .page: return layout.page(query.settings.name, Self.content(result, token), isWide: true)
        case .csv:
            var response = Response(
                headers: [
                    "Content-Type": "text/csv; charset=utf-8",
                    "Content-Disposition": "attachment; filename=\"query.csv\"",
                ], body: .bytes(SharedQueryText.csv(result)))
            if result.isCut { response.headers.add(Self.cutHeader, "true") }
            response.headers.add(
                "Last-Modified", InternetDate.http(secondsSince1970: Int(result.at.timeIntervalSince1970)))
            return response
        case .json: return .json(bytes: SharedQueryText.json(query, result))
        }
    }

    private static func content(_ result: SharedQueryResult, _ token: String) -> HTML {
        let cut: HTML =
            result.isCut
            ? "<p><b>The query has more rows than the \(String(result.rows.count)) here.</b></p>" : ""
        let partial: HTML = result.isCut ? "?\(partialField)=true" : ""
        let title = result.isCut ? "CSV of these rows" : "CSV"
        return """
            <p>\(String(result.rows.count)) rows of \(SharedQueryText.time(result.at)) (UTC).
            <a href="\(path)\(token).csv\(partial)">\(title)</a>
            <a href="\(path)\(token).json">JSON</a></p>\(cut)
            \(SharedQueryTable.content(result))
            """
    }
}

/// A result as a table.
enum SharedQueryTable {
    /// Rows on a page. The files have all.
    private static let shownRows = 1_000

    static func content(_ result: SharedQueryResult) -> HTML {
        let head = result.columns.map { name -> HTML in "<th>\(name)</th>" }
        let rows = result.rows.prefix(shownRows).map { row -> HTML in
            let cells = row.map { value -> HTML in value.map { "<td>\($0)</td>" } ?? "<td><i>null</i></td>" }
            return "<tr>\(cells)</tr>"
        }
        let rest: HTML =
            result.rows.count > shownRows ? "<p>The first \(String(shownRows)) rows.</p>" : ""
        return """
            \(rest)<div class="scroll"><table><thead><tr>\(head)</tr></thead>
            <tbody>\(rows)</tbody></table></div>
            """
    }
}

/// A result as text.
enum SharedQueryText {
    static func csv(_ result: SharedQueryResult) -> [UInt8] {
        var bytes: [UInt8] = []
        CSVWriter.append(result.columns, to: &bytes)
        for row in result.rows { CSVWriter.append(row.map { $0 ?? "" }, to: &bytes) }
        return bytes
    }

    static func json(_ query: SharedQuery, _ result: SharedQueryResult) -> [UInt8] {
        JSONText.object([
            ("name", .string(query.settings.name)), ("version", .number(result.version)),
            ("ran_at", .string(time(result.at))), ("is_cut", .bool(result.isCut)),
            ("columns", .array(result.columns.map(JSONText.string))),
            ("rows", .array(result.rows.map { .array($0.map(JSONText.optional)) })),
        ]).encoded
    }

    static func time(_ date: Date) -> String {
        ISO8601.text(instant: Int(date.timeIntervalSince1970) * 1000, zone: "Z")
    }
}
