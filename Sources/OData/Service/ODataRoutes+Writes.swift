import HTTPServer
import HTTPWire
import Postgres
import TenantAdmin

// Changes of entities.
extension ODataRoutes {
    func write(_ method: HTTPWire.Method, _ call: Call) async throws -> Response {
        switch (method, call.path) {
        case (.post, .set(let name)): return try await create(name, call)
        case (.patch, .entity(let name, let key)), (.other("MERGE"), .entity(let name, let key)):
            return try await update(name, key, isWhole: false, call)
        case (.put, .entity(let name, let key)): return try await update(name, key, isWhole: true, call)
        case (.delete, .entity(let name, let key)): return try await delete(name, key, call)
        case (.post, .batch): return try await batch(call)
        default:
            throw Problem(.methodNotAllowed, headers: ["Allow": Self.allowed(call.path)])
        }
    }

    private static func allowed(_ path: ResourcePath) -> String {
        switch path {
        case .set: "GET, HEAD, POST"
        case .batch: "POST"
        case .entity: "GET, HEAD, PATCH, MERGE, PUT, DELETE"
        default: "GET, HEAD"
        }
    }

    /// The table of an entity set that may be changed.
    private func writableTable(_ name: String, _ call: Call) throws(ODataError) -> ODataTable {
        let table = try call.table(name)
        guard table.isWritable else { throw ODataError(.forbidden, "the entity set \(name) is read-only") }
        return table
    }

    private func input(_ call: Call, _ table: ODataTable) throws -> EntityInput {
        switch call.request.mediaType {
        case "application/json": return try EntityInput(json: call.request.body, table)
        case "application/atom+xml" where call.version == .v2, "application/xml" where call.version == .v2:
            return try EntityInput(atom: call.request.body, table)
        default:
            let types = call.version == .v4 ? "application/json" : "application/json, application/atom+xml"
            throw Problem(
                .unsupportedMediaType, "The body must be \(types).", headers: ["Accept": types])
        }
    }

    private func create(_ name: String, _ call: Call) async throws -> Response {
        let table = try writableTable(name, call)
        let query = try call.query(table)
        let input = try input(call, table)
        let page = try await withCell(call) { try await call.store(table).insert(input, query, on: $0) }
        // A trigger may keep a row from being inserted.
        guard let row = page.rows.first else { return Response(status: .noContent) }
        let document = call.document(query, table, page.columns)
        let url = try document.url(row)
        guard !Self.prefers("minimal", call) else {
            return Response(
                status: .noContent,
                headers: [
                    "Location": url, "OData-EntityId": url, "Preference-Applied": "return=minimal",
                ])
        }
        var response = Self.response(
            EntityDocument.mediaType(call.version, call.format, isFeed: false),
            try document.single(row), .created)
        response.headers.add("Location", url)
        return response
    }

    private func update(
        _ name: String, _ key: [ResourcePath.KeyValue], isWhole: Bool, _ call: Call
    ) async throws -> Response {
        let table = try writableTable(name, call)
        let query = try call.query(table)
        try Self.checkMatch(call)
        let texts = try ResourcePath.texts(key, table)
        let input = try input(call, table)
        let page = try await withCell(call) {
            try await call.store(table).update(texts, input, isWhole: isWhole, query, on: $0)
        }
        guard let row = page.rows.first else { throw ODataError(.notFound, "there is no such entity") }
        guard Self.prefers("representation", call) else { return Response(status: .noContent) }
        var response = Self.response(
            EntityDocument.mediaType(call.version, call.format, isFeed: false),
            try call.document(query, table, page.columns).single(row))
        response.headers.add("Preference-Applied", "return=representation")
        return response
    }

    private func delete(
        _ name: String, _ key: [ResourcePath.KeyValue], _ call: Call
    ) async throws -> Response {
        let table = try writableTable(name, call)
        try Self.checkMatch(call)
        let texts = try ResourcePath.texts(key, table)
        guard try await withCell(call, { try await call.store(table).delete(texts, on: $0) }) else {
            throw ODataError(.notFound, "there is no such entity")
        }
        return Response(status: .noContent)
    }

    /// Version 4.0 has `Prefer: return=minimal` and `return=representation`.
    private static func prefers(_ value: String, _ call: Call) -> Bool {
        call.version == .v4 && call.request.headers.contains("prefer", token: "return=\(value)")
    }

    /// Entities have no ETag, so only `*` can match.
    private static func checkMatch(_ call: Call) throws(ODataError) {
        guard let match = call.request.headers["if-match"], match != "*" else { return }
        throw ODataError(.preconditionFailed, "entities have no ETag")
    }
}
