package import FoundationEssentials
package import Postgres
internal import Salesforce

/// Rows of `end_user_access`. This type is the table's only writer.
package struct EndUserAccessStore {
    private let connection: PostgresConnection

    package init(on connection: PostgresConnection) {
        self.connection = connection
    }

    package func access(of organization: UUID) async throws -> EndUserAccess {
        let rows = try await connection.query(
            """
            select object_name, verbs from multiconnect.end_user_access
            where organization_id = \(organization) limit \(OrganizationsLimits.endUserObjects)
            """)
        return EndUserAccess(
            try rows.compactMap { row in
                let verbs: [String] = try row["verbs"]
                return ObjectName(try row["object_name"]).map { object in
                    EndUserAccess.Rule(
                        object: object, verbs: Set(verbs.compactMap(EndUserVerb.init(rawValue:))))
                }
            })
    }

    /// Replaces the rule of an object. Without verbs it is removed, and with a tenant's last rule its
    /// sessions end.
    package func set(_ rule: EndUserAccess.Rule, of organization: UUID) async throws {
        _ = try await connection.execute(
            """
            delete from multiconnect.end_user_access
            where organization_id = \(organization) and lower(object_name) = \(rule.object.key)
            """)
        if rule.verbs.isEmpty {
            try await EndUserSessionStore(on: connection).endAllWithoutAccess(of: organization)
            return
        }
        _ = try await connection.execute(
            """
            insert into multiconnect.end_user_access (organization_id, object_name, verbs)
            values (\(organization), \(rule.object.text), \(rule.verbs.map(\.rawValue).sorted()))
            """)
    }
}
