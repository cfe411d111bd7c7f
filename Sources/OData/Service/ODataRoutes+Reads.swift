import Encoding
import HTTPServer
import HTTPWire
import Postgres
import TenantAdmin

// Reads.
extension ODataRoutes {
    func read(_ call: Call) async throws -> Response {
        do {
            switch call.path {
            case .service: return description(call)
            case .metadata:
                return Self.response("application/xml;charset=utf-8", Array(call.description.metadata.utf8))
            case .batch: throw Problem(.methodNotAllowed, headers: ["Allow": "POST"])
            case .set(let name): return try await list(name, call)
            case .count(let name): return try await count(name, call)
            case .entity(let name, let key): return try await entity(name, key, call)
            }
        } catch let error as PostgresError where Self.isOutdated(error) {
            throw outdated(call)
        }
    }

    static func response(_ type: String, _ bytes: [UInt8], _ status: Status = .ok) -> Response {
        Response(status: status, headers: ["Content-Type": type], body: .bytes(bytes))
    }

    private func description(_ call: Call) -> Response {
        if call.format == .atom {
            // The type of AtomPub; browsers and older clients ask for XML.
            return Self.response("application/atomsvc+xml;charset=utf-8", Array(call.description.xml.utf8))
        }
        return Self.response("application/json", call.description.json)
    }

    private func count(_ name: String, _ call: Call) async throws -> Response {
        let table = try call.table(name)
        let store = call.store(table)
        let condition = try store.condition(try call.query(table))
        let count = try await withCell(call) { try await store.count(where: condition, on: $0) }
        return .text(String(count))
    }

    private func entity(
        _ name: String, _ key: [ResourcePath.KeyValue], _ call: Call
    ) async throws -> Response {
        let table = try call.table(name)
        let query = try call.query(table)
        let texts = try ResourcePath.texts(key, table)
        let page = try await withCell(call) { try await call.store(table).row(texts, query, on: $0) }
        guard let row = page.rows.first else { throw ODataError(.notFound, "there is no such entity") }
        return Self.response(
            EntityDocument.mediaType(call.version, call.format, isFeed: false),
            try call.document(query, table, page.columns).single(row))
    }

    private func list(_ name: String, _ call: Call) async throws -> Response {
        let table = try call.table(name)
        let query = try call.query(table)
        let store = call.store(table)
        let condition = try store.condition(query)
        return try await withCell(call) { connection in
            let count =
                query.counts ? try await store.count(where: condition, on: connection) : nil
            let document = call.document(query, table, store.columns(of: query))
            var bytes = document.head(count: count)
            let end = try await rows(
                PageReading(
                    query: query, condition: condition, store: store, document: document,
                    rows: min(query.top ?? .max, Self.pageSize(call))),
                on: connection, to: &bytes)
            bytes += document.tail(next: end.map { Self.nextLink($0, call, name) })
            return Self.response(
                EntityDocument.mediaType(call.version, call.format, isFeed: true), bytes)
        }
    }

    /// Entities of a page: the client may ask for fewer than the service allows (OData 4.0).
    private static func pageSize(_ call: Call) -> Int {
        let preferences = call.request.headers.values("prefer").joined(separator: ",")
        guard
            let match = preferences.firstMatch(of: /(?:odata\.)?maxpagesize\s*=\s*([0-9]{1,6})/),
            let size = Int(match.1), size > 0
        else { return ODataLimits.pageRows }
        return min(size, ODataLimits.pageRows)
    }

    private static func nextLink(_ end: PageEnd, _ call: Call, _ name: String) -> String {
        var pairs = call.request.query.fields.filter {
            !["$skip", "$top", "$skiptoken"].contains($0.name)
        }.map { ($0.name, $0.value) }
        if let top = end.top { pairs.append(("$top", String(top))) }
        pairs.append(("$skiptoken", end.token.text))
        let query = pairs.map { "\($0.0)=\(PercentCoding.encode($0.1))" }.joined(separator: "&")
        return "\(call.description.root)\(name)?\(query)"
    }
}

/// The end of a page that has a successor.
private struct PageEnd {
    let token: PageToken
    /// Entities that the client still wants; nil: all.
    let top: Int?
}

/// A page to read.
private struct PageReading {
    let query: EntityQuery
    let condition: SQL
    let store: EntityStore
    let document: EntityDocument
    /// Entities, at most.
    let rows: Int

    /// Rows of the first statement: the size of a row is not known yet.
    var firstRows: Int {
        let isLarge = document.columns.contains { column in
            column.kind == .bytes
                || column.kind.isText && (column.length ?? .max) > ODataLimits.largeText
        }
        return isLarge ? ODataLimits.firstLargeRows : ODataLimits.firstRows
    }

    func token(_ row: Row) throws -> PageToken {
        PageToken(
            values: try query.order.map { order in
                guard let index = document.columns.firstIndex(of: order.column) else { return nil }
                return try row[index, as: String?.self]
            })
    }
}

extension ODataRoutes {
    /// Appends the rows of a page, with several statements if rows are large. Returns the page's end if there
    /// are more rows.
    private func rows(
        _ reading: PageReading, on connection: PostgresConnection, to bytes: inout [UInt8]
    ) async throws -> PageEnd? {
        var token = reading.query.token
        var skip = reading.query.skip
        var written = 0
        var step = reading.firstRows
        let start = bytes.count
        while written < reading.rows {
            let limit = min(step, reading.rows - written)
            // One more says whether there are more.
            let page = try await reading.store.page(
                reading.query, where: reading.condition, after: token, skip: skip, limit: limit + 1,
                on: connection)
            skip = 0
            for row in page.rows.prefix(limit) {
                let size = bytes.count
                try reading.document.append(row, isFirst: written == 0, to: &bytes)
                guard bytes.count - start <= ODataLimits.answerBytes || written == 0 else {
                    bytes.removeLast(bytes.count - size)
                    return token.map { Self.end($0, written, reading) }
                }
                written += 1
                token = try reading.token(row)
            }
            guard page.rows.count > limit else { return nil }
            let average = max(1, (bytes.count - start) / max(1, written))
            step = max(1, min(reading.rows, (ODataLimits.answerBytes - (bytes.count - start)) / average))
        }
        guard reading.query.top.map({ written < $0 }) ?? true else { return nil }
        return token.map { Self.end($0, written, reading) }
    }

    private static func end(_ token: PageToken, _ written: Int, _ reading: PageReading) -> PageEnd {
        PageEnd(token: token, top: reading.query.top.map { $0 - written })
    }
}
