import Activity
import Encoding
import FoundationEssentials
import HTTPServer
import HTTPWire
import Organizations
import Replication
import Salesforce
import TenantAdmin
import TenantSchema

// Connections.
extension ConnectRoutes {
    func addConnections(to router: inout Router) {
        let path = "/api/v3/connections/:id"
        on(.get, "/api/v3/connections", to: &router) { try await list($0) }
        on(.get, path, to: &router) { call in
            Self.json(document.connection(try await connection(call), isDeep: Self.isDeep(call)))
        }
        on(.patch, path, to: &router) { try await change($0) }
        on(.post, "\(path)/authorize_url", to: &router) { try await authorizeURL($0) }
        on(.get, "\(path)/actions/export", to: &router) { try await export($0) }
        on(.post, "\(path)/actions/import", to: &router) { try await importFile($0) }
        on(.post, "\(path)/actions/pause", to: &router) { try await pause($0) }
        on(.post, "\(path)/actions/resume", to: &router) { try await resume($0) }
        on(.post, "\(path)/actions/restart", to: &router) { try await restart($0) }
        on(.get, "\(path)/errors", to: &router) { try await errors($0) }
        on(.post, "\(path)/validations", reads: true, to: &router) { try await beginValidation($0) }
        on(.get, "\(path)/validations/:run", to: &router) { try await validation($0) }
        on(.get, "\(path)/notifications", to: &router) { try await notifications($0) }
        on(.post, "\(path)/notifications/acknowledge", to: &router) { try await acknowledge($0) }
        on(.get, "\(path)/schemas/:object", to: &router) { try await schema($0) }
        on(.get, "/api/v3/apps/:app", to: &router) { try await app($0) }
    }

    static func isDeep(_ call: Call) -> Bool {
        ["true", "True", "1"].contains(call.request.query["deep"] ?? "")
    }

    private func list(_ call: Call) async throws -> Response {
        // The summary of the mappings' states is in each connection.
        let page = try await page(call, app: call.request.query["app"], withMappings: true)
        let isDeep = Self.isDeep(call)
        return Self.json(
            ConnectionDocument.list(
                page.reports.map { document.connection($0, isDeep: isDeep) }, count: page.count,
                next: page.next, previous: page.previous))
    }

    /// Schema and database are given by the tenant's org and cell. The call succeeds if it changes nothing.
    private func change(_ call: Call) async throws -> Response {
        let report = try await connection(call)
        let organization = report.organization
        let fixed = [
            "schema_name": organization.schemaName,
            "db_key": ConnectionDocument.databaseKey(of: organization.cell),
            "name": organization.name.text,
        ]
        for (name, value) in try Self.body(call.request).object ?? [:] {
            guard let present = fixed[name] else {
                throw Problem(.badRequest, "\(name) cannot be changed.")
            }
            guard value.string == present else {
                throw Problem(
                    .badRequest,
                    "\(name) cannot be changed: it is \(present), as the tenant's org and cell determine.")
            }
        }
        return Self.json(document.connection(report, isDeep: false))
    }

    private func authorizeURL(_ call: Call) async throws -> Response {
        let organization = try await connection(call).organization
        let body = try Self.body(call.request)
        var environment = organization.environment
        switch body["environment"]?.string {
        case nil: break
        case "production": environment = .production
        case "sandbox": environment = .sandbox
        case "custom":
            guard let named = body["domain"]?.string.flatMap({ OrgEnvironment($0) }) else {
                throw Problem(.badRequest, "domain must be a host of Salesforce, as acme.my.salesforce.com.")
            }
            environment = named
        default: throw Problem(.badRequest, "environment must be production, sandbox or custom.")
        }
        let next = body["next"]?.string
        if let next, !returnTargets.accept(next) {
            throw Problem(
                .badRequest, "next must be a page of \(appURL), or of an origin in CONSENT_RETURN_ORIGINS.")
        }
        let link = ConsentLink.url(
            appURL: appURL, organization: organization.organizationID, environment: environment, next: next)
        return Self.json(.object([("redirect", .string(link))]))
    }

    private func export(_ call: Call) async throws -> Response {
        let book = try await tenants.mappingBook(of: try await connection(call).organization)
        var connection = book.file.connection?.object ?? [:]
        connection["app_name"] = .string(document.app)
        connection["exported_at"] = .string(ConnectionDocument.time(Date()))
        connection["name"] = .string(book.organization.name.text)
        var file = book.file
        file.connection = .object(connection)
        return .json(bytes: Array(file.json.serialized.utf8))
    }

    /// Like Heroku Connect, adds and changes mappings and removes none. A worker applies the file.
    private func importFile(_ call: Call) async throws -> Response {
        let organization = try await connection(call).organization
        let file: MappingFile
        do {
            file = try MappingFile(parsing: call.request.body)
        } catch {
            throw Problem(.badRequest, error.message)
        }
        let book = try await tenants.mappingBook(of: organization)
        var settings = book.settings
        if let problem = settings.apply(features: file.features).problems.first {
            throw Problem(.badRequest, problem)
        }
        try Self.checkIdentifiers(of: file, in: book)
        let bases = file.mappings.map { ($0.objectName.lowercased(), book.version(of: $0.objectName)) }
        _ = try await tenants.apply(
            file, basedOn: Dictionary(bases) { first, _ in first }, to: organization, by: call.token.actor)
        return Response(status: .accepted)
    }

    private func pause(_ call: Call) async throws -> Response {
        let organization = try await connection(call).organization
        let (outcome, _) = try await tenants.pause(organization, by: call.token.actor)
        return try Self.answer(outcome)
    }

    private func resume(_ call: Call) async throws -> Response {
        let organization = try await connection(call).organization
        return try Self.answer(try await tenants.resume(organization, by: call.token.actor))
    }

    private static func answer(_ outcome: TenantPause.Outcome) throws -> Response {
        switch outcome {
        case .changed, .unchanged: return Response(status: .accepted)
        case .refused(let reason): throw Problem(.conflict, reason)
        case .unknown: throw Problem(.notFound, "There is no such connection.")
        }
    }

    /// "Recover" on Heroku Connect's dashboard: starts what failed again.
    private func restart(_ call: Call) async throws -> Response {
        let organization = try await connection(call).organization
        _ = try await tenants.retry(organization.id, by: call.token.actor)
        return Response(status: .accepted)
    }

    private func errors(_ call: Call) async throws -> Response {
        let organization = try await connection(call).organization
        return try await errors(of: organization, table: nil)
    }

    /// The write errors of the last day.
    ///
    /// - Parameter table: nil for all tables.
    func errors(of organization: Organization, table: String?) async throws -> Response {
        let found = try await tenants.writeFailures(
            of: organization, table: table, since: Date() - ConnectLimits.errorAge)
        let results = found.map { failure -> JSONText in
            .object([
                ("id", .string(String(failure.id))), ("table_name", .optional(failure.table)),
                ("record_id", .optional(failure.recordID.map(String.init))),
                ("message", .optional(failure.message)),
                ("created_at", ConnectionDocument.time(optional: failure.createdAt)),
            ])
        }
        return Self.json(.object([("count", .number(results.count)), ("results", .array(results))]))
    }

    private func schema(_ call: Call) async throws -> Response {
        let organization = try await connection(call).organization
        let name = call.request.parameters["object"] ?? ""
        guard SOQL.isName(name), let object = try await tenants.describe(name, of: organization) else {
            throw Problem(.notFound, "The org has no object \(name), or the user may not see it.")
        }
        let fields = object.fields.map { field -> JSONText in
            .object([
                ("name", .string(field.name)), ("label", .string(field.label)),
                ("type", .string(field.type.rawValue)), ("length", .number(field.length)),
                ("precision", .number(field.precision)), ("scale", .number(field.scale)),
                (
                    "required",
                    .bool(!field.nillable && field.createable && !field.defaultedOnCreate)
                ),
                ("createable", .bool(field.createable)), ("updateable", .bool(field.updateable)),
                ("calculated", .bool(field.calculated)), ("externalId", .bool(field.externalId)),
                ("unique", .bool(field.unique)), ("idLookup", .bool(field.idLookup)),
                ("referenceTo", .array(field.referenceTo.map(JSONText.string))),
                ("relationshipName", .optional(field.relationshipName)),
            ])
        }
        return Self.json(
            .object([
                ("name", .string(object.name)), ("label", .string(object.label)),
                ("custom", .bool(object.custom)), ("createable", .bool(object.createable)),
                ("updateable", .bool(object.updateable)), ("deletable", .bool(object.deletable)),
                ("fields", .array(fields)),
            ]))
    }

    private func app(_ call: Call) async throws -> Response {
        let name = call.request.parameters["app"] ?? ""
        guard name == document.app || name == document.appID else {
            throw Problem(.notFound, "There is no app \(name): this one is \(document.app).")
        }
        let keys = tenants.cellNames.map { cell -> JSONText in
            .object([
                ("name", .string(ConnectionDocument.databaseKey(of: cell))),
                ("addon", .object([("plan", "self-hosted")])),
            ])
        }
        return Self.json(.object([("name", .string(document.app)), ("db_keys", .array(keys))]))
    }
}

// Notifications and validations.
extension ConnectRoutes {
    private func notifications(_ call: Call) async throws -> Response {
        let found = try await chosenNotifications(call)
        let query = call.request.query
        let size =
            try Self.number(query["page_size"], "page_size", in: 1...ConnectLimits.pageSize)
            ?? ConnectLimits.pageSize
        let number = try Self.number(query["page"], "page", in: 1...1_000_000) ?? 1
        let page = found.dropFirst((number - 1) * size).prefix(size)
        let results = page.map { notification -> JSONText in
            .object([
                ("id", .string(String(notification.id))),
                ("created_at", .string(ConnectionDocument.time(notification.createdAt))),
                ("event_type", .string(Self.eventType(notification.eventType))),
                ("message", .string(notification.message)),
            ])
        }
        return Self.json(
            ConnectionDocument.list(
                results, count: found.count,
                next: number * size < found.count ? link(toPage: number + 1, call) : nil,
                previous: number > 1 ? link(toPage: number - 1, call) : nil))
    }

    private func acknowledge(_ call: Call) async throws -> Response {
        for notification in try await chosenNotifications(call) {
            _ = try await tenants.acknowledge(notification.id, by: call.token.actor)
        }
        return Response(status: .noContent)
    }

    /// The open notifications within the query's `after`, `before` and `event_type`.
    private func chosenNotifications(_ call: Call) async throws -> [OperatorNotification] {
        let organization = try await connection(call).organization
        let query = call.request.query
        func time(_ name: String) throws -> Date? {
            guard let text = query[name], !text.isEmpty else { return nil }
            guard let date = Timestamp.date(text) else {
                throw Problem(.badRequest, "\(name) must be a time as 2026-01-31T12:00:00Z.")
            }
            return date
        }
        let (after, before) = (try time("after"), try time("before"))
        let type = (query["event_type"] ?? "").replacing("_", with: "-")
        return try await tenants.notifications(of: organization).filter { notification in
            after.map { notification.createdAt > $0 } != false
                && before.map { notification.createdAt < $0 } != false
                && (type.isEmpty || Self.eventType(notification.eventType) == type
                    || notification.eventType.replacing("_", with: "-") == type)
        }
    }

    /// Heroku Connect's names have hyphens, and one differs. Ours is accepted as well.
    private static func eventType(_ type: String) -> String {
        type == "mapping_failed" ? "mapping-error" : type.replacing("_", with: "-")
    }

    /// The checks take a few seconds at most, so the result's URL makes them.
    private func beginValidation(_ call: Call) async throws -> Response {
        let id = try await connection(call).organization.connectionID
        let run = ConnectionDocument.text(UUID())
        let url = "\(appURL)\(document.path(ofConnection: id))/validations/\(run)"
        return Self.json(.object([("result_url", .string(url))]), .accepted)
    }

    private func validation(_ call: Call) async throws -> Response {
        let organization = try await connection(call).organization
        return Self.json(try await tenants.checkup(of: organization).document)
    }
}
