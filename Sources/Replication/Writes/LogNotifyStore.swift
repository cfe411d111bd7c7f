package import Postgres
internal import TenantSchema

/// Whether the trigger of a tenant's log announces users' changes with NOTIFY.
package struct LogNotifyStore: Sendable {
    private let tenant: Tenant

    package init(_ tenant: Tenant) {
        self.tenant = tenant
    }

    /// True if it does, or if the schema has no such function: then there is nothing to turn off.
    package func isOn(on connection: PostgresConnection) async throws -> Bool {
        let function = "\(Identifier.quoted(tenant.schema)).\(TenantDDL.notifyName)()"
        return try await connection.query(
            """
            select coalesce((select position('pg_notify' in p.prosrc) > 0 from pg_proc p
              where p.oid = to_regprocedure(\(function))), true)
            """
        ).scalar()
    }

    /// Replaces the function in the caller's fenced transaction.
    package func set(_ isOn: Bool, on connection: PostgresConnection) async throws {
        // The function does not use hstore.
        let ddl = TenantDDL(schema: tenant.schema, hstoreSchema: "public", organizationID: tenant.orgID)
        try await connection.script(ddl.notifyFunction(isOn: isOn))
    }
}
