package import Encoding

// The stored form of a plan. A version with a new meaning of a member raises `formatVersion`: plans of other
// versions are refused, and their tables are planned again.
extension TablePlan {
    /// The version of the stored form.
    static let formatVersion = 1

    package var json: JSONValue {
        var members: [String: JSONValue] = [
            "version": .number(String(Self.formatVersion)), "object": .string(objectName),
            "table": .string(table), "access": .string(access.rawValue),
            "columns": .array(columns.map(\.json)), "indexes": .array(indexes.map(\.json)),
            "problems": .array(problems.map(\.json)),
        ]
        if let cursorField { members["cursor"] = .string(cursorField) }
        if let filter { members["filter"] = .string(filter) }
        return .object(members)
    }

    /// Reads the stored form. Throws `.invalidPlan`.
    package init(json: JSONValue) throws(TenantSchemaError) {
        let version = json["version"]?.int
        guard version == Self.formatVersion else {
            throw TenantSchemaError(
                .invalidPlan, "the plan has version \(version ?? 0), not \(Self.formatVersion)")
        }
        objectName = try json.text("object")
        table = try json.text("table")
        guard let access = MappingConfiguration.Access(rawValue: try json.text("access")) else {
            throw TenantSchemaError(.invalidPlan, "access")
        }
        self.access = access
        columns = try json.list("columns") { value throws(TenantSchemaError) in try Column(json: value) }
        indexes = try json.list("indexes") { value throws(TenantSchemaError) in try Index(json: value) }
        problems = try json.list("problems") { value throws(TenantSchemaError) in
            try MappingProblem(json: value)
        }
        cursorField = json["cursor"]?.string
        filter = json["filter"]?.string
    }
}

extension TablePlan.Column {
    fileprivate var json: JSONValue {
        var members: [String: JSONValue] = [
            "name": .string(name), "type": .string(type.sql), "source": .string(source),
        ]
        if !isRead { members["is_read"] = .bool(false) }
        if isCalculated { members["is_calculated"] = .bool(true) }
        if let parent {
            members["parent"] = .object([
                "reference": .string(parent.reference), "field": .string(parent.field),
                "objects": .array(parent.objects.map(JSONValue.string)),
            ])
        }
        return .object(members)
    }

    fileprivate init(json: JSONValue) throws(TenantSchemaError) {
        var parent: TablePlan.Parent?
        if let value = json["parent"] {
            parent = TablePlan.Parent(
                reference: try value.text("reference"),
                objects: (value["objects"]?.array ?? []).compactMap(\.string), field: try value.text("field"))
        }
        self.init(
            name: try json.text("name"), type: ColumnType(sql: try json.text("type")),
            source: try json.text("source"), isRead: json["is_read"]?.bool ?? true,
            isCalculated: json["is_calculated"]?.bool ?? false, parent: parent)
    }
}

extension TablePlan.Index {
    fileprivate var json: JSONValue {
        .object([
            "name": .string(name), "column": .string(column), "is_unique": .bool(isUnique),
            "plain_name": .string(plainName),
        ])
    }

    fileprivate init(json: JSONValue) throws(TenantSchemaError) {
        self.init(
            name: try json.text("name"), column: try json.text("column"),
            isUnique: json["is_unique"]?.bool ?? false, plainName: try json.text("plain_name"))
    }
}

extension MappingProblem {
    fileprivate init(json: JSONValue) throws(TenantSchemaError) {
        guard let kind = Kind(rawValue: try json.text("kind")) else {
            throw TenantSchemaError(.invalidPlan, "kind")
        }
        self.init(kind, name: try json.text("name"), message: try json.text("message"))
    }
}

extension JSONValue {
    fileprivate func text(_ key: String) throws(TenantSchemaError) -> String {
        guard let text = self[key]?.string else { throw TenantSchemaError(.invalidPlan, key) }
        return text
    }

    fileprivate func list<Element>(
        _ key: String, _ element: (JSONValue) throws(TenantSchemaError) -> Element
    ) throws(TenantSchemaError) -> [Element] {
        guard let values = self[key]?.array else { throw TenantSchemaError(.invalidPlan, key) }
        var elements: [Element] = []
        for value in values { elements.append(try element(value)) }
        return elements
    }
}
