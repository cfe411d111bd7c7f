internal import FoundationEssentials
internal import Organizations
internal import Postgres
internal import Salesforce
internal import TenantSchema

/// A mapping whose table is compared with its org.
struct RepairSubject: Sendable {
    let services: ReplicationServices
    let tenant: Tenant
    let mapping: Mapping
    let synced: SyncedTable
    let shape: TableShape
    let cell: PostgresPool

    /// Loads the mapping and its tenant. Throws `.notFound`.
    static func load(
        _ mappingID: UUID, _ services: ReplicationServices
    ) async throws -> (Tenant, Mapping) {
        try await services.control.withConnection { connection in
            let mapping = try await MappingStore().mapping(mappingID, on: connection)
            let organization = try await OrganizationStore(on: connection).get(id: mapping.organizationID)
            return (Tenant(organization), mapping)
        }
    }

    /// Nil if the mapping has no table yet, or its object is gone.
    init?(_ tenant: Tenant, _ mapping: Mapping, _ services: ReplicationServices) async throws {
        guard mapping.isImported else { return nil }
        self.services = services
        self.tenant = tenant
        self.mapping = mapping
        cell = try services.cell(of: tenant)
        var synced = try await cell.withCellConnection {
            try await SyncedTableStore().table(of: mapping, on: $0)
        }
        // A version without stored plans has imported the table.
        if synced == nil { synced = try await SyncedTableCatalog(services).plan(mapping, tenant) }
        guard let synced else { return nil }
        self.synced = synced
        shape = try await cell.withCellConnection {
            try await TableShape(of: synced.plan.table, in: tenant.schema, on: $0)
        }
        guard shape.types["sfid"] != nil else { return nil }
    }

    /// The column of SystemModstamp or its substitute. Nil if the object has none.
    var stampColumn: String? {
        guard let field = synced.plan.cursorField else { return nil }
        return synced.selectedColumns.first { $0.source == field }?.name
    }

    /// The columns of formula and roll-up fields.
    var calculatedColumns: [String] {
        synced.selectedColumns.filter(\.isCalculated).map(\.name)
    }

    /// The table with these columns. Nil: all that queries select.
    func compared(_ columns: [String]?, rule: ComparedTable.Rule) -> ComparedTable {
        ComparedTable(synced, columns.map(Set.init), shape, rule: rule)
    }

    /// A read of the columns of `table`.
    func read(
        _ table: ComparedTable, for kind: CallPurpose.Kind, check: @escaping @Sendable () throws -> Void
    ) -> OrgRead {
        OrgRead(
            rest: services.sessions.rest(for: tenant.id, CallPurpose(kind, synced.plan.objectName)),
            objectName: synced.plan.objectName, filter: synced.plan.filter, sources: table.sources,
            settings: services.settings, check: check)
    }

    /// Whether the user who consented has View All Data. Nil if the rights cannot be read.
    func hasViewAll(_ rest: RESTClient) async throws -> Bool? {
        try await ViewAllCheck(control: services.control, organization: tenant.id).hasViewAll(rest)
    }
}
