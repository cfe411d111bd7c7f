internal import Salesforce

/// Collects columns, indexes and problems while a table is planned.
struct TablePlanner {
    let describe: ObjectDescribe
    let configuration: MappingConfiguration
    let resolver: NameResolver
    let parents: [String: ObjectDescribe]
    private(set) var columns: [TablePlan.Column] = []
    private(set) var indexes: [TablePlan.Index] = []
    private(set) var problems: [MappingProblem] = []
    /// Columns by the file's field names in lower case.
    private var columnOf: [String: String] = ["id": "sfid"]

    init(
        describe: ObjectDescribe, configuration: MappingConfiguration, resolver: NameResolver,
        parents: [String: ObjectDescribe]
    ) {
        self.describe = describe
        self.configuration = configuration
        self.resolver = resolver
        self.parents = parents
    }

    private var table: String { describe.name.lowercased() }

    mutating func plan() {
        if !describe.queryable {
            add(.notQueryable, describe.name, "\(describe.name) cannot be queried")
        }
        var names = configuration.fields
        for name in TablePlan.mandatoryFields where describe.field(named: name) != nil { names.append(name) }
        if let identifier = configuration.upsertField { names.append(identifier) }
        for name in names where columnOf[name.lowercased()] == nil { planField(name) }
        planIndexes()
    }

    /// The field of this name, tried without and with the namespace.
    func field(_ name: String) -> FieldDescribe? {
        for candidate in resolver.candidates(name) {
            if let field = describe.field(named: candidate) { return field }
        }
        return nil
    }

    private mutating func planField(_ name: String) {
        guard let field = field(name) else { return planExternalID(name) }
        guard let type = ColumnType(field, isExact: configuration.isExact(name)) else {
            return refuse(field, name)
        }
        addColumn(
            TablePlan.Column(
                name: Identifier.fitting(field.name.lowercased()), type: type, source: field.name,
                isRead: true, isCalculated: field.calculated), for: name)
    }

    /// A compound field is named with its parts, which can be mapped instead.
    private mutating func refuse(_ field: FieldDescribe, _ name: String) {
        let parts = describe.fields.filter { $0.compoundFieldName == field.name && $0.name != field.name }
            .map(\.name).sorted()
        let advice = parts.isEmpty ? "" : "; map its parts instead: \(parts.joined(separator: ", "))"
        add(
            .unsupportedType, name,
            "\(name) is of type \(field.type.rawValue), which has no column type\(advice)")
    }

    private mutating func planExternalID(_ name: String) {
        for relationship in relationships(in: name) {
            for parent in relationship.reference.referenceTo {
                guard let describe = parents[parent] else { continue }
                for candidate in resolver.candidates(relationship.externalID) {
                    guard let field = describe.field(named: candidate), field.externalId || field.idLookup,
                        let type = ColumnType(field, isExact: configuration.isExact(name))
                    else { continue }
                    let path = [relationship.name, field.name]
                    return addColumn(
                        TablePlan.Column(
                            name: Identifier.fitting(path.joined(separator: "__").lowercased()), type: type,
                            source: path.joined(separator: "."), isRead: false,
                            parent: TablePlan.Parent(
                                reference: relationship.reference.name,
                                objects: relationship.reference.referenceTo, field: field.name)), for: name)
                }
            }
        }
        // Not every object has the mandatory fields, but mapping files list them for all.
        guard !TablePlan.mandatoryFields.contains(name) else { return }
        add(.unknownField, name, "\(describe.name) has no field \(name), or the user may not see it")
    }

    /// Splits `name` into a relationship and a field of the parent, in all possible ways: `Account__Ext__c`,
    /// `Account__r__Ext__c` and `Account.Ext__c`, and for a custom lookup `Parent__r__Ext__c`,
    /// `Parent__Ext__c` and `Parent__r.Ext__c`.
    func relationships(in name: String) -> [(name: String, externalID: String, reference: FieldDescribe)] {
        describe.fields.compactMap { field in
            guard let relationship = field.relationshipName else { return nil }
            for prefix in prefixes(of: relationship) where name.utf8.count > prefix.utf8.count {
                guard name.lowercased().hasPrefix(prefix) else { continue }
                return (relationship, String(name.dropFirst(prefix.count)), field)
            }
            return nil
        }
    }

    /// The beginnings of a name that name the relationship, the longest first: `account__r__` before
    /// `account__`.
    private func prefixes(of relationship: String) -> [String] {
        let names = Set([relationship, withoutNamespace(relationship)]).map { $0.lowercased() }
        let stems = names.map { $0.hasSuffix("__r") ? String($0.dropLast(3)) : $0 }
        let prefixes = Set((names + stems + stems.map { $0 + "__r" }).flatMap { [$0 + "__", $0 + "."] })
        return prefixes.sorted { ($1.utf8.count, $0) < ($0.utf8.count, $1) }
    }

    private func withoutNamespace(_ name: String) -> String {
        guard let namespace = resolver.namespace, name.hasPrefix(namespace + "__") else { return name }
        return String(name.dropFirst(namespace.count + 2))
    }

    private mutating func addColumn(_ column: TablePlan.Column, for name: String) {
        guard !TablePlan.systemColumns.contains(column.name),
            !columns.contains(where: { $0.name == column.name })
        else {
            return add(.columnTaken, name, "the column \(column.name) of \(name) already exists")
        }
        columns.append(column)
        columnOf[name.lowercased()] = column.name
        columnOf[column.source.lowercased()] = column.name
    }

    private mutating func planIndexes() {
        addIndex("sfid", isUnique: true)
        if let column = columnOf["systemmodstamp"] { addIndex(column, isUnique: false) }
        planIdentifier()
        for (name, isUnique) in configuration.indexes.sorted(by: { $0.key < $1.key }) {
            guard let column = columnOf[name.lowercased()] else {
                // Already reported if the field itself is a problem.
                if !problems.contains(where: { $0.name == name }),
                    !TablePlan.mandatoryFields.contains(name)
                {
                    add(.unknownIndex, name, "the index on \(name) has no column")
                }
                continue
            }
            addIndex(column, isUnique: isUnique)
        }
    }

    /// The unique identifier gets a unique index, unless Salesforce does not keep its values unique.
    private mutating func planIdentifier() {
        guard let name = configuration.upsertField, let column = columnOf[name.lowercased()] else { return }
        if let field = field(name), !field.externalId, !field.idLookup {
            return add(
                .unsuitableIdentifier, name, "\(name) is the unique identifier, but not an External ID field")
        }
        addIndex(column, isUnique: true)
    }

    private mutating func addIndex(_ column: String, isUnique: Bool) {
        guard !indexes.contains(where: { $0.column == column }) else { return }
        if let planned = columns.first(where: { $0.name == column }), planned.type.isLong {
            return add(
                .unsuitableIndex, planned.source,
                "the index on \(planned.source) is left out: its values can be longer than an index entry")
        }
        let prefix = isUnique ? "hcu_idx" : "hc_idx"
        indexes.append(
            TablePlan.Index(
                name: Identifier.fitting("\(prefix)_\(table)_\(column)"), column: column, isUnique: isUnique,
                plainName: Identifier.fitting("hc_idx_\(table)_\(column)")))
    }

    private mutating func add(_ kind: MappingProblem.Kind, _ name: String, _ message: String) {
        guard problems.count < TenantSchemaLimits.problems else { return }
        problems.append(MappingProblem(kind, name: name, message: message))
    }
}
