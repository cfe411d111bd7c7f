import Encoding
import FoundationEssentials
package import HTTPServer
import HTTPWire
package import Logging
package import Organizations
import Pages
import Postgres
package import TenantAdmin

/// Heroku Connect's API v3 and its discovery, so that its clients only change a URL and a token. One value
/// for each loop, which uses that loop's services.
///
/// A tenant is a connection of the app `APP_NAME`; the name of its schema is the connection's
/// `resource_name`. Errors are `{"message": ...}`.
package struct ConnectRoutes: Sendable {
    let tenants: TenantOperator
    let access: TokenAccess
    let document: ConnectionDocument
    let appURL: String
    let returnTargets: ReturnTargets
    private let faults: FaultAnswers
    private let security: SecurityHeaders

    /// - Parameters:
    ///   - counts: the value that all loops of the process share.
    ///   - problem: the answer to an error of the domain; nil for an unexpected one.
    package init(
        tenants: TenantOperator, counts: TokenAccess.Counts, app: AppIdentity,
        problem: @escaping @Sendable (any Error) -> Problem?, logger: Logger
    ) {
        self.tenants = tenants
        access = TokenAccess(tenants: tenants, counts: counts)
        appURL = app.url.hasSuffix("/") ? String(app.url.dropLast()) : app.url
        returnTargets = app.returnTargets
        document = ConnectionDocument(app: app.name, url: appURL, databases: tenants.databases)
        faults = FaultAnswers({ error in ConnectFault.problem(for: error) ?? problem(error) }, logger)
        security = SecurityHeaders(appURL: app.url)
    }

    /// Adds these routes to a router.
    package func add(to router: inout Router) {
        router.group("") { router in
            security.secure(&router)
            faults.recover(&router) { problem, _ in
                Self.json(.object([("message", .string(FaultAnswers.text(of: problem)))]), problem.status)
            }
            let description = PackageResources.openapi_json
            router.on(.get, "/api/v3/openapi.json") { request in
                await Response.json(bytes: description).compressed(for: request)
            }
            addDiscovery(to: &router)
            addConnections(to: &router)
            addMappings(to: &router)
            addODataServices(to: &router)
            addVersions(to: &router)
            for method in [HTTPWire.Method.get, .post, .put, .patch, .delete] {
                router.on(method, "/api/v3/**") { _ in
                    throw Problem(.notFound, "There is no such resource.")
                }
            }
        }
    }

    /// A request with its valid token.
    struct Call: Sendable {
        let request: Request
        let token: APIToken

        /// The connections that the token opens.
        var filter: ConnectionReportStore.Filter { .init(organizations: token.organizations) }
    }

    /// Adds a route. Throws 401 without a valid token, and 403 if the token may not write.
    func on(
        _ method: HTTPWire.Method, _ pattern: String, reads: Bool = false, to router: inout Router,
        _ respond: @escaping @Sendable (Call) async throws -> Response
    ) {
        let isWrite = method != .get && !reads
        router.on(method, pattern, maximumBodyBytes: ConnectLimits.bodyBytes) { [access] request in
            let token = try await access.token(of: request)
            guard !isWrite || token.scope == .write else {
                throw Problem(.forbidden, "The token \(token.name) may only read.")
            }
            var response = try await respond(Call(request: request, token: token))
            response.headers.add("Cache-Control", "no-store")
            // The token is in no cookie, and no answer contains it or a password.
            return await response.compressed(for: request)
        }
    }

    static func json(_ text: JSONText, _ status: Status = .ok) -> Response {
        .json(bytes: text.encoded, status: status)
    }

    /// The body as a JSON object; an empty body is an empty object.
    static func body(_ request: Request) throws -> JSONValue {
        guard !request.body.isEmpty else { return .object([:]) }
        do {
            let value = try JSONValue(parsing: request.body)
            guard value.object != nil else {
                throw Problem(.badRequest, "The body is not a JSON object.")
            }
            return value
        } catch let error as JSONSyntaxError {
            throw Problem(.badRequest, "The body is not JSON: \(error.reason) at byte \(error.byte).")
        }
    }

    /// The connection of the path's `:id`. Throws 404, also for one that the token does not open.
    func connection(_ call: Call) async throws -> ConnectionReport {
        let id = try call.request.parameters.value("id") { UUID(uuidString: $0) }
        return try await connection(id, call)
    }

    func connection(_ id: UUID, _ call: Call) async throws -> ConnectionReport {
        var filter = call.filter
        filter.connection = id
        guard let found = try await tenants.connection(filter) else {
            throw Problem(.notFound, "There is no such connection.")
        }
        return found
    }
}

/// The answers to errors of the operators' functions.
enum ConnectFault {
    static func problem(for error: any Error) -> Problem? {
        // For example a text with the character 0, which JSON allows and Postgres does not.
        if let error = error as? PostgresError, error.sqlState?.classCode == "22" {
            return Problem(.badRequest, "A value of the request cannot be stored in the database.")
        }
        guard let error = error as? TenantAdminError else { return nil }
        let status: Status =
            switch error.code {
            case .unknownCell, .silentCell, .slowQuery: .serviceUnavailable
            case .silentOrg: .badGateway
            case .noConsent, .outdatedMapping, .unsentChanges: .conflict
            }
        return Problem(status, error.description)
    }
}

// Discovery.
extension ConnectRoutes {
    private func addDiscovery(to router: inout Router) {
        on(.get, "/connections", to: &router) { try await discover($0) }
        // It grants nothing here: the token's scope does.
        on(.post, "/auth/:app", reads: true, to: &router) { try await authorize($0) }
        on(.post, "/api/v3/users/me/apps/:app/auth", reads: true, to: &router) { try await authorize($0) }
    }

    private func discover(_ call: Call) async throws -> Response {
        let found = try await page(call, app: call.request.query["app"], withMappings: false)
        return Self.json(
            ConnectionDocument.list(
                found.reports.map(document.discovered), count: found.count, next: found.next,
                previous: found.previous, document.places))
    }

    private func authorize(_ call: Call) async throws -> Response {
        let found = try await page(call, app: call.request.parameters["app"], withMappings: false)
        let user: JSONText = .object([
            ("id", .string(ConnectionDocument.text(call.token.id))), ("email", .string(call.token.name)),
        ])
        return Self.json(
            .object(
                [
                    ("user", user), ("connections", .array(found.reports.map(document.discovered))),
                ] + document.places))
    }

    /// A page of connections.
    struct Page: Sendable {
        var reports: [ConnectionReport] = []
        var count = 0
        var next: String?
        var previous: String?
    }

    /// The page that the query's `page` and `page_size` name, of the connections that it chooses.
    ///
    /// - Parameter app: nil or this app; another app has no connections.
    func page(_ call: Call, app: String?, withMappings: Bool) async throws -> Page {
        let query = call.request.query
        let number = try Self.number(query["page"], "page", in: 1...1_000_000) ?? 1
        let size =
            try Self.number(query["page_size"], "page_size", in: 1...ConnectLimits.pageSize)
            ?? ConnectLimits.pageSize
        if let type = query["addon_type"], type != "1" { return Page() }
        guard app == nil || app?.isEmpty == true || app == document.app || app == document.appID else {
            return Page()
        }
        var filter = call.filter
        if let resource = query["resource_name"], !resource.isEmpty { filter.resource = resource }
        let (reports, count) = try await tenants.connections(
            filter, from: (number - 1) * size, limit: size, withMappings: withMappings)
        return Page(
            reports: reports, count: count,
            next: number * size < count ? link(toPage: number + 1, call) : nil,
            previous: number > 1 ? link(toPage: number - 1, call) : nil)
    }

    /// The URL of another page of the same list.
    func link(toPage number: Int, _ call: Call) -> String {
        var pairs = call.request.query.fields.filter { $0.name != "page" }.map { ($0.name, $0.value) }
        pairs.append(("page", String(number)))
        return appURL + call.request.path + "?" + PercentCoding.form(pairs)
    }

    static func number(_ text: String?, _ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text, !text.isEmpty else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw Problem(
                .badRequest, "\(name) must be a number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }
}
