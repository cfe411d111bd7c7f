import Encoding
import FoundationEssentials
import HTTPServer
import HTTPWire
import Organizations
import Reactor
import Replication
import Salesforce
import TenantAdmin
import TenantSchema

// Mappings.
extension ConnectRoutes {
    func addMappings(to router: inout Router) {
        on(.get, "/api/v3/connections/:id/mappings", to: &router) { call in
            let report = try await connection(call)
            return Self.json(
                ConnectionDocument.list(
                    report.mappings.map { document.mapping($0, of: report.organization.connectionID) },
                    count: report.mappings.count))
        }
        on(.post, "/api/v3/connections/:id/mappings", to: &router) { try await create($0) }
        let path = "/api/v3/mappings/:id"
        on(.get, path, to: &router) { call in
            let found = try await mapping(call)
            return Self.json(document.mapping(found.mapping, of: found.connection))
        }
        on(.put, path, to: &router) { try await configure($0, isPartial: false) }
        on(.patch, path, to: &router) { try await configure($0, isPartial: true) }
        on(.delete, path, to: &router) { try await delete($0) }
        on(.post, "\(path)/actions/reload", to: &router) { try await reload($0) }
        on(.get, "\(path)/errors", to: &router) { call in
            let found = try await mapping(call)
            guard let table = found.mapping.table else {
                return Self.json(.object([("count", 0), ("results", [])]))
            }
            return try await errors(of: found.report.organization, table: table)
        }
        on(.get, "\(path)/validations", to: &router) { call in
            let found = try await mapping(call)
            let checkup = try await tenants.checkup(of: found.report.organization)
            guard let document = checkup.document(ofMapping: found.mapping.objectName) else {
                throw Problem(.notFound, "There is no such mapping.")
            }
            return Self.json(document)
        }
    }

    /// A mapping with its connection.
    private struct Found {
        var report: ConnectionReport
        var mapping: ConnectionReport.MappingReport

        var connection: UUID { report.organization.connectionID }
    }

    /// The mapping of the path's `:id`. Throws 404, also for one that the token does not open.
    private func mapping(_ call: Call) async throws -> Found {
        let id = try call.request.parameters.value("id") { UUID(uuidString: $0) }
        let missing = Problem(.notFound, "There is no such mapping.")
        guard let connection = try await tenants.connection(ofMapping: id) else { throw missing }
        var filter = call.filter
        filter.connection = connection
        guard let report = try await tenants.connection(filter),
            let mapping = report.mappings.first(where: { $0.id == id })
        else { throw missing }
        return Found(report: report, mapping: mapping)
    }

    private func create(_ call: Call) async throws -> Response {
        let report = try await connection(call)
        let body = try Self.body(call.request)
        guard let name = body["object_name"]?.string, SOQL.isName(name) else {
            throw Problem(.badRequest, "object_name must be the API name of an object.")
        }
        guard !report.mappings.contains(where: { $0.objectName.lowercased() == name.lowercased() }) else {
            throw Problem(.conflict, "\(name) has a mapping already.")
        }
        return try await apply(
            try Self.configuration(body["config"] ?? .null), to: name, report, call, status: .created)
    }

    /// - Parameter isPartial: settings that the body does not name stay.
    private func configure(_ call: Call, isPartial: Bool) async throws -> Response {
        let found = try await mapping(call)
        let body = try Self.body(call.request)
        if let name = body["object_name"]?.string,
            name.lowercased() != found.mapping.objectName.lowercased()
        {
            throw Problem(.badRequest, "object_name cannot be changed: it is \(found.mapping.objectName).")
        }
        // Clients send either the whole mapping or its config only.
        var wanted = body["config"]?.object ?? body.object ?? [:]
        wanted["object_name"] = nil
        var config = JSONValue.object(wanted)
        if isPartial, let stored = try? JSONValue(parsing: Array(found.mapping.configuration.utf8)) {
            config = MappingConfiguration.merged(stored, with: config)
        }
        return try await apply(
            try Self.configuration(config), to: found.mapping.objectName, found.report, call, status: .ok)
    }

    private static func configuration(_ value: JSONValue) throws -> MappingConfiguration {
        guard value.object != nil else { throw Problem(.badRequest, "config must be an object.") }
        do {
            return try MappingConfiguration(value, path: "config")
        } catch {
            throw Problem(.badRequest, error.message)
        }
    }

    /// Throws 422 if a mapping's unique identifier is not one of its fields.
    static func checkIdentifiers(of file: MappingFile, in book: MappingBook) throws {
        for entry in file.mappings {
            let old = book.mapping(of: entry.objectName)?.configuration
            guard let problem = entry.configuration.identifierProblem(replacing: old) else { continue }
            throw Problem(.unprocessableContent, "\(entry.objectName): \(problem).")
        }
    }

    /// Has a worker store a mapping, and waits for it a short time. Answers with 202 if that takes longer.
    private func apply(
        _ configuration: MappingConfiguration, to object: String, _ report: ConnectionReport, _ call: Call,
        status: Status
    ) async throws -> Response {
        let organization = report.organization
        let book = try await tenants.mappingBook(of: organization)
        let file = MappingFile(mappings: [.init(objectName: object, configuration: configuration)])
        try Self.checkIdentifiers(of: file, in: book)
        for entry in file.mappings {
            let problems = try await tenants.newProblems(of: entry, in: book)
            guard problems.isEmpty else {
                throw Problem(
                    .unprocessableContent, problems.map(\.message).joined(separator: "; ") + ".")
            }
        }
        let id = try await tenants.apply(
            file, basedOn: [object.lowercased(): book.version(of: object)], to: organization,
            by: call.token.actor)
        let end = ContinuousClock.now + ConnectLimits.importWait
        while ContinuousClock.now < end {
            let record = try await tenants.mappingImport(id, of: organization)
            if let record, record.state.isFinal {
                if let error = record.error { throw Problem(.conflict, error) }
                let report = try await connection(organization.connectionID, call)
                guard
                    let mapping = report.mappings.first(where: {
                        $0.objectName.lowercased() == object.lowercased()
                    })
                else { break }
                return Self.json(document.mapping(mapping, of: organization.connectionID), status)
            }
            try await EventLoop.current.sleep(for: ConnectLimits.importPause)
        }
        return Self.json(
            .object([("message", "The change is stored. A worker applies it as soon as one is free.")]),
            .accepted)
    }

    /// Removes the mapping and its table, as Heroku Connect does. `?keep_table=true` keeps the table.
    private func delete(_ call: Call) async throws -> Response {
        let found = try await mapping(call)
        let organization = found.report.organization
        let book = try await tenants.mappingBook(of: organization)
        try await tenants.removeMapping(
            found.mapping.objectName, basedOn: book.version(of: found.mapping.objectName), of: organization,
            dropsTable: call.request.query["keep_table"] != "true", by: call.token.actor)
        return Response(status: .noContent)
    }

    private func reload(_ call: Call) async throws -> Response {
        let found = try await mapping(call)
        guard
            try await tenants.reload(
                found.mapping.id, of: found.report.organization.id, by: call.token.actor)
        else {
            throw Problem(.conflict, "The mapping is not imported yet, so there is nothing to reload.")
        }
        return Response(status: .accepted)
    }
}
