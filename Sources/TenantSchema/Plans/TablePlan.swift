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
        /// True if change events carry it. False for a parent's external id: queries select it through the
        /// relationship, and events leave it as it is.
        package var isRead: Bool
        /// True for formula and roll-up fields. Events do not carry them, and their changes do not change
        /// SystemModstamp.
        package var isCalculated = false
        /// The lookup to the parent, for a parent's external id.
        package var parent: Parent?

        /// True if queries select it. SOQL cannot select fields of a lookup with several kinds of parents.
        package var isSelected: Bool { parent.map { $0.objects.count == 1 } ?? true }
    }

    /// The lookup of a column that holds a parent's external id.
    package struct Parent: Sendable, Equatable {
        /// The lookup field, for example `AccountId`.
        package var reference: String
        /// The parent's objects by API name: one, or several for a polymorphic lookup.
        package var objects: [String]
        /// The parent's External ID field.
        package var field: String

        package init(reference: String, objects: [String], field: String) {
            self.reference = reference
            self.objects = objects
            self.field = field
        }
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
    /// The mapping's row filter: a SOQL condition. Nil for all rows.
    package var filter: String?

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
        filter = configuration.filter
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

    /// Removes the other columns with their indexes.
    package mutating func keep(_ isKept: (Column) -> Bool) {
        let removed = Set(columns.filter { !isKept($0) }.map(\.name))
        columns.removeAll { removed.contains($0.name) }
        indexes.removeAll { removed.contains($0.column) }
    }

    /// Most bytes that a row takes in its page: a header, a bit for each column, and the columns with
    /// padding.
    var bytesInRow: Int {
        // sfid, id, _hc_lastop and _hc_err.
        let system = 24 + 4 + 24 + 24
        return 32 + (columns.count + Self.systemColumns.count) / 8 + system
            + columns.reduce(0) { $0 + ($1.type.bytesInRow + 3) / 4 * 4 }
    }

    /// The columns that imports, reloads, polls and other queries read, `Id` (column `sfid`) first. External
    /// ids of parents are among them.
    package var read: [(source: String, column: String, type: ColumnType)] {
        [("Id", "sfid", .varchar(18))]
            + columns.filter(\.isSelected).map { ($0.source, $0.name, $0.type) }
    }
}
