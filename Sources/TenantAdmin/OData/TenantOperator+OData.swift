package import FoundationEssentials
package import Organizations
import Postgres

// Services for external objects.
extension TenantOperator {
    /// Adds a service without tables. Nil if the tenant has one of this audience.
    package func addODataService(
        _ audience: String, _ settings: ODataService.Settings, to organization: Organization,
        by actor: String
    ) async throws -> (service: ODataService, credential: ODataService.NewCredential)? {
        try await control.withConnection {
            try await ODataServiceStore().add(
                audience, settings, to: organization.id, by: actor, on: $0)
        }
    }

    /// The services of tenants, by schema and audience.
    ///
    /// - Parameter organizations: nil for all tenants.
    package func odataServices(of organizations: [UUID]?) async throws -> [ODataService] {
        try await control.withConnection {
            try await ODataServiceStore().list(of: organizations, on: $0)
        }
    }

    /// The service with this id. Nil if there is none.
    package func odataService(_ id: Int) async throws -> ODataService? {
        try await control.withConnection { try await ODataServiceStore().find(id: id, on: $0) }
    }

    /// Serves a table, or changes how it is served. Throws an `ODataTableStore.Obstacle` if it cannot be
    /// served.
    package func serve(
        _ selection: ODataService.Selection, by service: ODataService, actor: String
    ) async throws {
        try await withCell(named: service.cell, within: TenantAdminLimits.cellAction) {
            try await ODataTableStore(of: service).check(selection, on: $0)
        }
        try await control.withConnection {
            try await ODataServiceStore().set(selection, of: service, by: actor, on: $0)
        }
    }

    /// Ends serving a table. False if it was not served.
    package func withdraw(
        table: String, of service: ODataService, by actor: String
    ) async throws -> Bool {
        try await control.withConnection {
            try await ODataServiceStore().remove(table: table, of: service, by: actor, on: $0)
        }
    }

    /// The tables of a service that exist, as clients see them.
    package func odataTables(of service: ODataService) async throws -> [ODataTable] {
        try await withCell(named: service.cell, within: TenantAdminLimits.cellWait) {
            try await ODataTableStore(of: service).tables(service.selections, on: $0)
        }
    }

    package func setODataService(
        _ service: ODataService, isEnabled: Bool, by actor: String
    ) async throws {
        try await control.withConnection {
            try await ODataServiceStore().set(isEnabled: isEnabled, of: service, by: actor, on: $0)
        }
    }

    /// New credentials. The former ones end after `ODataService.overlap`.
    package func rotate(
        _ service: ODataService, by actor: String
    ) async throws -> ODataService.NewCredential {
        try await control.withConnection {
            try await ODataServiceStore().rotate(service, by: actor, on: $0)
        }
    }

    package func removeODataService(_ service: ODataService, by actor: String) async throws {
        try await control.withConnection {
            try await ODataServiceStore().remove(service, by: actor, on: $0)
        }
    }
}
