import Encoding

/// Turns a caller's record into values of a row, with the checks of an org.
struct RecordInput {
    let table: Table
    let isCreate: Bool

    /// Values come from CSV: errors and booleans are those of the Bulk API.
    var isText = false

    /// The values of a record whose keys are field names or relationships with an external id.
    func values(_ members: [String: JSONValue], in org: inout Org) throws(APIError) -> [Int: FieldValue] {
        var values: [Int: FieldValue] = [:]
        values.reserveCapacity(members.count + 4)
        for (name, json) in members where name != "attributes" {
            if name.utf8.count == 2, name.lowercased() == "id" {
                // Documented.
                throw APIError(
                    400, "INVALID_FIELD", "The Id field should not be specified in the sobject data.")
            }
            if let place = table.schema.place(of: name),
                org.isVisible(table.schema.fields[place], of: table.schema)
            {
                values[place] = try value(json, place, in: org)
                continue
            }
            guard json.object != nil || json.isNull, let place = table.schema.place(ofRelationship: name)
            else {
                // Recorded.
                throw APIError(
                    400, "INVALID_FIELD", "No such column '\(name)' on sobject of type \(table.schema.name)")
            }
            values[place] = json.isNull ? .null : try parent(name, place, json, in: &org)
        }
        try checkRequired(values)
        return values
    }

    private func value(_ json: JSONValue, _ place: Int, in org: Org) throws(APIError) -> FieldValue {
        let field = table.schema.fields[place]
        guard isCreate ? field.isCreateable : field.isUpdateable else {
            throw APIError(
                400, "INVALID_FIELD_FOR_INSERT_UPDATE",
                "Unable to create/update fields: \(field.name). Please check the security settings of this "
                    + "field and verify that it is read/write for your profile or permission set.",
                fields: [field.name])
        }
        let value = try converted(json, field)
        if case .id(let id) = value, let target = field.referenceTo.first.flatMap({ org.table($0) }) {
            guard let row = target.row(id), !target.isDeleted(row) else {
                throw APIError(
                    400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields: [field.name])
            }
        }
        return value
    }

    private func converted(_ json: JSONValue, _ field: FieldSchema) throws(APIError) -> FieldValue {
        guard isText, let text = json.string else { return try FieldInput.value(json, for: field) }
        if field.type == .boolean, let flag = Self.flag(text) { return .boolean(flag) }
        do throws(APIError) {
            return try FieldInput.value(json, for: field)
        } catch {
            guard error.code == FieldInput.mismatchCode else { throw error }
            // Reported by many.
            throw APIError(
                400, "INVALID_TYPE_ON_FIELD_IN_RECORD",
                "\(field.label): value not of required type: \(text)", fields: [field.name])
        }
    }

    /// Documented: Bulk API, "Valid Date Format in Records" and "Boolean fields".
    private static func flag(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "yes", "y", "true", "on", "1": true
        case "no", "n", "false", "off", "0": false
        default: nil
        }
    }

    /// `"Account": {"External_ID__c": "x"}`. Documented.
    private func parent(
        _ name: String, _ place: Int, _ json: JSONValue, in org: inout Org
    ) throws(APIError) -> FieldValue {
        let field = table.schema.fields[place]
        guard let (key, value) = json.object?.first(where: { $0.key != "attributes" }),
            let target = field.referenceTo.first.flatMap({ org.table($0) }),
            let external = target.schema.place(of: key), target.schema.fields[external].isIDLookup
        else {
            throw APIError(400, "INVALID_FIELD", "\(name) needs one external id of its object")
        }
        let wanted = try FieldInput.value(value, for: target.schema.fields[external])
        let rows =
            external == 0
            ? Self.row(wanted, target).map { [$0] } ?? []
            : org.rows(target.schema.name.lowercased(), external, wanted)
        try Self.checkSingle(rows, target, external)
        guard let row = rows.first, !target.isDeleted(row) else {
            throw APIError(
                400, "INVALID_FIELD",
                "Foreign key external ID: \(value.string ?? value.serialized) not found for field "
                    + "\(target.schema.fields[external].name) in entity \(target.schema.name)")
        }
        return .id(target.id(row))
    }

    /// Documented code: an external id must determine one record.
    static func checkSingle(_ rows: [Int], _ table: Table, _ place: Int) throws(APIError) {
        guard rows.count > 1 else { return }
        let ids = rows.map { table.id($0).text18 }.joined(separator: ", ")
        let name = table.schema.fields[place].name
        throw APIError(
            400, "DUPLICATE_EXTERNAL_ID",
            "\(name): more than one record found for external id field: [\(ids)]", fields: [name])
    }

    private static func row(_ value: FieldValue, _ table: Table) -> Int? {
        if case .id(let id) = value { table.row(id) } else { nil }
    }

    private func checkRequired(_ values: [Int: FieldValue]) throws(APIError) {
        let missing = table.schema.layout.required.filter { place in
            if values[place] == .null { return true }
            return isCreate && values[place] == nil && !table.schema.fields[place].isDefaultedOnCreate
        }.map { table.schema.fields[$0].name }
        guard missing.isEmpty else {
            throw APIError(
                400, "REQUIRED_FIELD_MISSING",
                "Required fields are missing: [\(missing.joined(separator: ", "))]",
                fields: missing)
        }
    }

    /// Refuses a second row with a unique value.
    func checkUnique(_ values: [Int: FieldValue], row: Int?, in org: inout Org) throws(APIError) {
        for place in table.schema.layout.unique {
            guard let value = values[place], value != .null,
                let other = org.rows(table.schema.name.lowercased(), place, value).first(where: { $0 != row })
            else { continue }
            throw Self.duplicate(table.schema.fields[place], table.id(other))
        }
    }

    /// Recorded.
    static func duplicate(_ field: FieldSchema, _ id: OrgRecordID) -> APIError {
        APIError(
            400, "DUPLICATE_VALUE",
            "duplicate value found: \(field.name) duplicates value on record with id: \(id.text18)",
            fields: [])
    }
}
