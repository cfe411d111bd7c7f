import Encoding
import HTTPServer
import HTTPWire
import Organizations
import TenantAdmin

// Services for external objects.
extension ConnectRoutes {
    func addODataServices(to router: inout Router) {
        let path = "/api/v3/odata/services/:id"
        on(.get, path, to: &router) { call in try await show(try await service(call), call) }
        on(.patch, path, to: &router) { try await change($0) }
    }

    /// The service of the path's `:id`. Throws 404, also for one of a tenant that the token does not open.
    private func service(_ call: Call) async throws -> ODataService {
        let id: Int = try call.request.parameters.value("id")
        guard let service = try await tenants.odataService(id),
            call.token.organizations.map({ $0.contains(service.organization) }) ?? true
        else { throw Problem(.notFound, "There is no such service.") }
        return service
    }

    private func change(_ call: Call) async throws -> Response {
        let service = try await service(call)
        guard let enabled = try Self.body(call.request)["enabled"] else {
            throw Problem(.badRequest, "enabled is missing: nothing else can be changed.")
        }
        guard let isEnabled = enabled.bool ?? enabled.string.flatMap({ Bool($0.lowercased()) }) else {
            throw Problem(.badRequest, "enabled must be true or false.")
        }
        if isEnabled != service.isEnabled {
            try await tenants.setODataService(service, isEnabled: isEnabled, by: call.token.actor)
        }
        return try await show(try await self.service(call), call)
    }

    private func show(_ service: ODataService, _ call: Call) async throws -> Response {
        let tables = try await tenants.odataTables(of: service)
        let resources = service.selections.map { selection -> JSONText in
            let table = tables.first { $0.name == selection.table }
            return .object([
                ("id", .string("\(service.schema).\(selection.table)")),
                ("services", .array([.number(service.id)])), ("exported", true),
                ("schema_name", .string(service.schema)), ("table_name", .string(selection.table)),
                ("is_valid", .bool(table != nil)),
                ("type", table?.isView == true ? "view" : "table"),
            ])
        }
        let connection = try await connectionID(of: service)
        return Self.json(
            .object([
                ("id", .number(service.id)), ("slug", .string(service.slug)), ("connection", connection),
                ("enabled", .bool(service.isEnabled)),
                ("access_url", .string("\(appURL)/odata/v4/\(service.slug)/")),
                ("resources", .array(resources)),
                ("api_hourly_rate_limit", .number(service.hourlyRequests)),
                ("current_hourly_api_usage", .number(service.usedRequests)),
                (
                    "credentials",
                    // Only the hash of a password is stored.
                    .object([
                        ("user", .optional(service.credentials.first?.user)), ("password", nil),
                    ])
                ),
                (
                    "database_statement_timeout",
                    .number(Int(service.statementTime.components.seconds) * 1000)
                ),
            ]))
    }

    private func connectionID(of service: ODataService) async throws -> JSONText {
        let found = try await tenants.connections(
            .init(organizations: [service.organization]), from: 0, limit: 1, withMappings: false)
        return .optional(found.reports.first.map { ConnectionDocument.text($0.organization.connectionID) })
    }
}
