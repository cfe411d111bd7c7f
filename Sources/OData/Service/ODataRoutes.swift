import Encoding
import FoundationEssentials
package import HTTPServer
import HTTPWire
package import Logging
package import Organizations
import Pages
package import Postgres
import TenantAdmin

/// The services for external objects: `/odata/v4/SLUG/` (OData 4.0) and `/odata/v2/SLUG/` (OData 2.0). One
/// value for each loop, which uses that loop's pools.
package struct ODataRoutes: Sendable {
    let control: PostgresPool
    let cells: [String: PostgresPool]
    let cache: ServiceCache
    let access: ServiceAccess
    private let origin: String
    private let problem: @Sendable (any Error) -> Problem?
    private let security: SecurityHeaders
    private let logger: Logger
    let batchLimits: BatchLimits

    /// - Parameters:
    ///   - cells: by name, of the same loop as `control`.
    ///   - cache: the value that all loops of the process share.
    ///   - problem: the answer to an error of the domain; nil for an unexpected one.
    package init(
        control: PostgresPool, cells: [String: PostgresPool], cache: ServiceCache, app: AppIdentity,
        batchLimits: BatchLimits = BatchLimits(), problem: @escaping @Sendable (any Error) -> Problem?,
        logger: Logger
    ) {
        self.batchLimits = batchLimits
        self.control = control
        self.cells = cells
        self.cache = cache
        self.problem = problem
        self.logger = logger
        access = ServiceAccess(cache: cache)
        origin = app.url.hasSuffix("/") ? String(app.url.dropLast()) : app.url
        security = SecurityHeaders(appURL: app.url)
    }

    /// A request to a service whose credentials were right.
    struct Call: Sendable {
        let request: Request
        let description: ServiceDescription
        let entry: ServiceCache.Entry
        let credential: ODataService.Credential
        /// Whether it is a request of a batch.
        let isPart: Bool
        /// The connection of the transaction that it is in. Nil without one.
        let connection: PostgresConnection?
        let format: EntityDocument.Format
        let path: ResourcePath
        let now: Date

        var version: ODataVersion { description.version }
        var service: ODataService { entry.service }

        /// The path of a resource.
        func path(of resource: String) -> String { ODataRoutes.path(service, version) + resource }

        /// The table of an entity set. The schema's own name is accepted in place of the alias.
        func table(_ set: String) throws(ODataError) -> ODataTable {
            let found = description.tables.first {
                description.entitySet($0) == set || "\(service.schema)$\($0.name)" == set
            }
            guard let found else { throw ODataError(.notFound, "there is no entity set \(set)") }
            return found
        }

        func store(_ table: ODataTable) -> EntityStore {
            EntityStore(schema: service.schema, table: table, time: service.statementTime)
        }

        func query(_ table: ODataTable) throws(ODataError) -> EntityQuery {
            try EntityQuery(request.query, table, version)
        }

        func document(_ query: EntityQuery, _ table: ODataTable, _ columns: [ODataColumn]) -> EntityDocument {
            EntityDocument(
                service: description, table: table, format: format, columns: columns,
                shown: query.selected.count,
                selection: query.isSelection ? query.selected.map(\.name) : nil,
                now: ISO8601.text(instant: Int(now.timeIntervalSince1970) * 1000, zone: "Z"))
        }
    }

    /// Adds these routes to a router.
    package func add(to router: inout Router) {
        for version in [ODataVersion.v4, .v2] {
            router.group("/odata/\(version.rawValue)") { router in
                security.secure(&router)
                faults(version).recover(&router) { Self.answer($0, $1, version) }
                let methods: [HTTPWire.Method] = [.get, .post, .patch, .put, .delete, .other("MERGE")]
                for method in methods {
                    for pattern in ["/:slug", "/:slug/**"] {
                        router.on(
                            method, pattern, maximumBodyBytes: ODataLimits.bodyBytes, gate: gate
                        ) { request in
                            try await respond(to: request, version)
                        }
                    }
                }
            }
        }
    }

    /// Refuses requests without credentials before their body is read.
    private func gate(_ request: Request) throws -> Response? {
        try access.checkAddress(of: request)
        _ = try ServiceAccess.credentials(of: request)
        return nil
    }

    private func respond(to request: Request, _ version: ODataVersion) async throws -> Response {
        let slug = request.parameters["slug"] ?? ""
        let now = Date()
        let entry = try await cache.entry(slug: slug, control: control, cells: cells)
        let credential = try access.credential(of: request, entry?.service, now: now)
        guard let entry else { throw Problem(.notFound) }
        return try await respond(to: request, entry, version, credential, isPart: false, on: nil)
            .compressed(for: request)
    }

    /// The path of a service, with a slash at its end.
    private static func path(_ service: ODataService, _ version: ODataVersion) -> String {
        "/odata/\(version.rawValue)/\(service.slug)/"
    }

    /// Answers a request, alone or of a batch, and counts it.
    ///
    /// - Parameter connection: of the transaction that the request is in; nil without one.
    func respond(
        to request: Request, _ entry: ServiceCache.Entry, _ version: ODataVersion,
        _ credential: ODataService.Credential, isPart: Bool, on connection: PostgresConnection?
    ) async throws -> Response {
        let now = Date()
        if let wait = cache.take(entry, now: now) {
            throw ServiceAccess.tooMany(
                wait, "The service has had \(entry.service.hourlyRequests) requests in this hour.")
        }
        guard entry.service.isEnabled else { throw Problem(.forbidden, "The service is turned off.") }
        let root = Self.path(entry.service, version)
        let call = Call(
            request: request,
            description: ServiceDescription(
                root: origin + root, alias: entry.service.alias, tables: entry.tables, version: version),
            entry: entry, credential: credential, isPart: isPart, connection: connection,
            format: try Self.format(request, version),
            path: try ResourcePath(request.path.dropFirst(root.count), version), now: now)
        var response = try await respond(to: call)
        Self.addVersion(version, to: &response)
        if request.headers[RequestToken.header]?.lowercased() == "fetch" {
            response.headers.add(RequestToken.header, RequestToken(credential).text(at: now))
        }
        return response
    }

    private func respond(to call: Call) async throws -> Response {
        switch Self.method(of: call.request) {
        case .get, .head: return try await read(call)
        case let method:
            try Self.checkToken(call)
            do {
                return try await write(method, call)
            } catch let error as PostgresError where Self.isOutdated(error) {
                throw outdated(call)
            }
        }
    }

    /// POST may carry another method for clients whose proxies do not let it pass.
    private static func method(of request: Request) -> HTTPWire.Method {
        guard request.method == .post, let name = request.headers["x-http-method"] else {
            return request.method
        }
        return ["MERGE", "PATCH", "PUT", "DELETE"].contains(name.uppercased())
            ? Method(name.uppercased()) : request.method
    }

    /// A request that a browser sends on behalf of another site has an `Origin`, and no token.
    private static func checkToken(_ call: Call) throws(Problem) {
        let headers = call.request.headers
        let token = headers[RequestToken.header]
        guard token != nil || headers.contains("origin") else { return }
        guard let token, RequestToken(call.credential).isValid(token, at: call.now) else {
            throw Problem(
                .forbidden, "The CSRF token is missing or not valid any more.",
                headers: [RequestToken.header: "Required"])
        }
    }

    static func isOutdated(_ error: PostgresError) -> Bool {
        error.sqlState == .undefinedColumn || error.sqlState == .undefinedTable
    }

    /// The table has changed since it was read: the next request sees that.
    func outdated(_ call: Call) -> Problem {
        cache.expire(slug: call.service.slug)
        return Problem(
            .serviceUnavailable, "The table has changed. Please try again.", headers: ["Retry-After": "1"])
    }

    /// The cell of a service.
    func withCell<Value>(
        _ call: Call, _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        if let connection = call.connection { return try await body(connection) }
        guard let pool = cells[call.service.cell] else {
            throw Problem(.serviceUnavailable, "This process has no URL of the tenant's database.")
        }
        return try await pool.withConnection(
            deadline: .now + ODataLimits.catalogTime, body)
    }
}

// Answers.
extension ODataRoutes {
    static func format(
        _ request: Request, _ version: ODataVersion
    ) throws(ODataError) -> EntityDocument.Format {
        if let name = request.query["$format"] {
            switch name.prefix(while: { $0 != ";" }) {
            case "json", "application/json", "verbosejson": return .json
            case "atom" where version == .v2, "application/atom+xml" where version == .v2,
                "xml" where version == .v2, "application/xml" where version == .v2:
                return .atom
            default: throw ODataError(.unsupported, "this version has no $format \(name)")
            }
        }
        return preferred(request, version)
    }

    /// The format that `Accept` asks for. Version 4.0 has JSON only; the default of 2.0 is Atom.
    private static func preferred(_ request: Request, _ version: ODataVersion) -> EntityDocument.Format {
        guard version == .v2 else { return .json }
        let offers = ["application/atom+xml", "application/xml", "application/json"]
        return Preference.mediaType(of: offers, for: request.headers) == "application/json" ? .json : .atom
    }

    private static func addVersion(_ version: ODataVersion, to response: inout Response) {
        switch version {
        case .v4: response.headers.add("OData-Version", "4.0")
        case .v2: response.headers.add("DataServiceVersion", "2.0")
        }
        response.headers.add("Cache-Control", "no-store")
    }

    /// The answer to an error of a request of a batch.
    func answer(to error: any Error, _ request: Request, _ version: ODataVersion) -> Response {
        faults(version).response(to: error, request) { Self.answer($0, $1, version) }
    }

    private static func answer(
        _ problem: Problem, _ request: Request, _ version: ODataVersion
    ) -> Response {
        let format = (try? format(request, version)) ?? preferred(request, version)
        let (type, bytes) = ErrorDocument.body(
            code: String(problem.status.code), FaultAnswers.text(of: problem), version, format)
        var response = Response(
            status: problem.status, headers: ["Content-Type": type], body: .bytes(bytes))
        addVersion(version, to: &response)
        return response
    }

    private func faults(_ version: ODataVersion) -> FaultAnswers {
        FaultAnswers({ error in ODataFault.problem(for: error) ?? problem(error) }, logger)
    }
}

/// The answers to errors of this target and of statements.
enum ODataFault {
    static func problem(for error: any Error) -> Problem? {
        switch error {
        case let error as ODataError:
            let text = error.description
            return Problem(status(of: error.code), text.prefix(1).uppercased() + text.dropFirst() + ".")
        case let error as PostgresError: return problem(for: error)
        default: return nil
        }
    }

    private static func status(of code: ODataError.Code) -> Status {
        switch code {
        case .syntax, .unknownProperty, .typeMismatch, .tooLarge: .badRequest
        case .unsupported: .notImplemented
        case .notFound: .notFound
        case .forbidden: .forbidden
        case .preconditionFailed: 412
        case .failedDependency: .failedDependency
        }
    }

    /// The answers name columns and constraints, and never values of other rows.
    private static func problem(for error: PostgresError) -> Problem? {
        if error.code == .timedOut { return slow }
        guard let state = error.sqlState else { return nil }
        switch state {
        case .queryCancelled: return slow
        case .uniqueViolation: return Problem(.conflict, "Another entity has the same value.")
        case .insufficientPrivilege: return Problem(.forbidden, "The database refused this.")
        default: break
        }
        switch state.classCode {
        case "22": return Problem(.badRequest, "A value is too long, out of range, or of another type.")
        case "23":
            let place = error.column ?? error.constraint
            return Problem(
                .badRequest, "A value breaks a rule of the table\(place.map { ": \($0)" } ?? "").")
        // A trigger of the tenant refused the change.
        case "P0": return Problem(.badRequest, "The database refused the change.")
        default: return nil
        }
    }

    private static var slow: Problem {
        Problem(.gatewayTimeout, "The query took too long. A filter on an indexed property is faster.")
    }
}
