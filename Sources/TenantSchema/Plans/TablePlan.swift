package import Salesforce

/// The table of one mapping: its columns and indexes, and the fields that fill them.
///
/// Planned from the org's describe and the mapping's settings, without a database. A field that the org lacks
/// becomes an entry in `problems`; the rest of the plan stays as it is.
package struct TablePlan: Sendable, Equatable {
    /// A mapped field, or a parent's external id.
    package struct Column: Sendable, Equatable {
        /// The column's name.
        package var name: String
        package var type: ColumnType
        /// The field in SOQL: `Name`, or `Account.External_Id__c` for a parent's external id.
        package var source: String
        /// True if imports and polls read it. A parent's external id is only written, as in Heroku Connect
        /// (`poll_external_ids` is off by default).
        package var isRead: Bool
    }

    /// A btree index of one column.
    package struct Index: Sendable, Equatable {
        package var name: String
        package var column: String
        package var isUnique: Bool
        /// The name that the index has if it is not unique because values repeat.
        package var plainName: String
    }

    /// The object's API name in this org.
    package var objectName: String
    package var table: String
    package var access: MappingConfiguration.Access
    /// Mapped fields by name, without the system columns `sfid`, `id`, `_hc_lastop` and `_hc_err`.
    package var columns: [Column]
    package var indexes: [Index]
    package var problems: [MappingProblem]
    /// The field that polls filter by: SystemModstamp, or its substitute in objects without it. Nil if there
    /// is none.
    package var cursorField: String?

    /// The columns that each table has besides its fields.
    package static let systemColumns: Set<String> = ["sfid", "id", "_hc_lastop", "_hc_err"]
    /// Always mapped if the object has them.
    static let mandatoryFields = ["IsDeleted", "SystemModstamp"]

    /// Plans the table of `describe`.
    ///
    /// - Parameter parents: describes of the objects that `parents(of:_:_:)` names, by API name. They have
    ///   the type of a parent's external id.
    package init(
        _ describe: ObjectDescribe, _ configuration: MappingConfiguration, resolver: NameResolver,
        parents: [String: ObjectDescribe] = [:]
    ) {
        var planner = TablePlanner(
            describe: describe, configuration: configuration, resolver: resolver, parents: parents)
        planner.plan()
        objectName = describe.name
        table = Identifier.fitting(describe.name.lowercased())
        access = configuration.access
        columns = planner.columns.sorted { $0.name < $1.name }
        indexes = planner.indexes.sorted { $0.name < $1.name }
        problems = planner.problems
        if bytesInRow > TenantSchemaLimits.rowBytes {
            problems.append(
                MappingProblem(
                    .wideRow, name: describe.name,
                    message:
                        "a row of \(columns.count) fields takes up to \(bytesInRow) bytes, and Postgres has "
                        + "room for \(TenantSchemaLimits.rowBytes): rows with most fields filled are "
                        + "quarantined; map fewer fields"
                ))
        }
        cursorField = ["SystemModstamp", "LastModifiedDate", "CreatedDate"].first {
            describe.field(named: $0) != nil
        }
    }

    /// The objects whose describes `init` needs, because the mapping names their external ids.
    package static func parents(
        of describe: ObjectDescribe, _ configuration: MappingConfiguration, _ resolver: NameResolver
    ) -> Set<String> {
        let planner = TablePlanner(
            describe: describe, configuration: configuration, resolver: resolver, parents: [:])
        return Set(
            configuration.fields.filter { planner.field($0) == nil }
                .flatMap { planner.relationships(in: $0).flatMap(\.reference.referenceTo) })
    }

    /// Most bytes that a row takes in its page: a header, a bit for each column, and the columns with
    /// padding.
    var bytesInRow: Int {
        // sfid, id, _hc_lastop and _hc_err.
        let system = 24 + 4 + 24 + 24
        return 32 + (columns.count + Self.systemColumns.count) / 8 + system
            + columns.reduce(0) { $0 + ($1.type.bytesInRow + 3) / 4 * 4 }
    }

    /// The columns that an import reads, `Id` (column `sfid`) first.
    package var read: [(source: String, column: String, type: ColumnType)] {
        [("Id", "sfid", .varchar(18))]
            + columns.filter(\.isRead).map { ($0.source, $0.name, $0.type) }
    }
}
