package import Salesforce

/// The table of one mapping: what its columns and indexes are, and which fields fill them.
///
/// Made from the org's describe and the mapping's settings; knows no database. Whatever the org does not have is a
/// problem in `problems` and leaves the rest as it is.
package struct TablePlan: Sendable, Equatable {
    /// A mapped field, or a parent's external id.
    package struct Column: Sendable, Equatable {
        /// In Postgres.
        package var name: String
        package var type: ColumnType
        /// What SOQL calls it: `Name`, or `Account.External_Id__c` for a parent's external id.
        package var source: String
        /// Whether imports and polls read it. A parent's external id is only written, as in Heroku Connect
        /// (`poll_external_ids` is off by default).
        package var isRead: Bool
    }

    /// A btree index of one column.
    package struct Index: Sendable, Equatable {
        package var name: String
        package var column: String
        package var isUnique: Bool
        /// The name that it has where repeated values keep it from being unique.
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
    /// The field that polls go by: SystemModstamp, or what objects without it have; nil if there is none.
    package var cursorField: String?

    /// The columns that each table has beside its fields.
    static let systemColumns: Set<String> = ["sfid", "id", "_hc_lastop", "_hc_err"]
    /// Mapped whatever the settings say, where the object has them.
    static let mandatoryFields = ["IsDeleted", "SystemModstamp"]

    /// Plans the table of `describe`.
    ///
    /// - Parameter parents: describes of the objects that `parents(of:_:_:)` names, by API name; they tell the type
    ///   of a parent's external id.
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
        if bytesInRow > ReplicationLimits.rowBytes {
            problems.append(
                MappingProblem(
                    .wideRow, name: describe.name,
                    message:
                        "a row of \(columns.count) fields takes up to \(bytesInRow) bytes, Postgres has room for "
                        + "\(ReplicationLimits.rowBytes): rows with most of them filled are quarantined, map fewer"
                ))
        }
        cursorField = ["SystemModstamp", "LastModifiedDate", "CreatedDate"].first {
            describe.field(named: $0) != nil
        }
    }

    /// The objects whose describes `init` needs, because the mapping names external ids of theirs.
    package static func parents(
        of describe: ObjectDescribe, _ configuration: MappingConfiguration, _ resolver: NameResolver
    ) -> Set<String> {
        let planner = TablePlanner(
            describe: describe, configuration: configuration, resolver: resolver, parents: [:])
        return Set(
            configuration.fields.filter { planner.field($0) == nil }
                .flatMap { planner.relationships(in: $0).flatMap(\.reference.referenceTo) })
    }

    /// Bytes that a row takes in its page at most: a header, a bit for each column, and the columns with padding.
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
