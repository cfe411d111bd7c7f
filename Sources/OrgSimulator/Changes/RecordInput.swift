import Encoding

/// Turns a caller's record into values of a row, with the checks of an org.
struct RecordInput {
    let table: Table
    let isCreate: Bool

    /// The values of `record`, whose keys are field names or relationships with an external id.
    func values(_ record: JSONValue, in org: inout Org) throws(APIError) -> [Int: FieldValue] {
        guard let members = record.object else { throw .notJSON }
        var values: [Int: FieldValue] = [:]
        for (name, json) in members where name != "attributes" {
            if name.lowercased() == "id" {
                // Documented.
                throw APIError(
                    400, "INVALID_FIELD", "The Id field should not be specified in the sobject data.")
            }
            if let place = table.schema.place(ofRelationship: name), json.object != nil || json.isNull {
                values[place] = json.isNull ? .null : try parent(name, place, json, in: &org)
                continue
            }
            guard let place = table.schema.place(of: name),
                org.isVisible(table.schema.fields[place], of: table.schema)
            else {
                // Recorded.
                throw APIError(
                    400, "INVALID_FIELD", "No such column '\(name)' on sobject of type \(table.schema.name)")
            }
            values[place] = try value(json, place, in: org)
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
        let value = try FieldInput.value(json, for: field)
        if case .id(let id) = value, let target = field.referenceTo.first.flatMap({ org.table($0) }) {
            guard let row = target.row(id), !target.isDeleted(row) else {
                throw APIError(
                    400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields: [field.name])
            }
        }
        return value
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
        let row =
            external == 0
            ? Self.row(wanted, target) : org.row(target.schema.name.lowercased(), external, wanted)
        guard let row, !target.isDeleted(row) else {
            throw APIError(
                400, "INVALID_FIELD",
                "Foreign key external ID: \(value.string ?? value.serialized) not found for field \(key) in "
                    + "entity \(target.schema.name)")
        }
        return .id(target.id(row))
    }

    private static func row(_ value: FieldValue, _ table: Table) -> Int? {
        if case .id(let id) = value { table.row(id) } else { nil }
    }

    private func checkRequired(_ values: [Int: FieldValue]) throws(APIError) {
        let missing = table.schema.fields.enumerated().filter { place, field in
            guard !field.isNillable, field.isCreateable, !field.isRemoved, field.type != .boolean else {
                return false
            }
            if values[place] == .null { return true }
            return isCreate && values[place] == nil && !field.isDefaultedOnCreate
        }.map(\.element.name)
        guard missing.isEmpty else {
            throw APIError(
                400, "REQUIRED_FIELD_MISSING",
                "Required fields are missing: [\(missing.joined(separator: ", "))]",
                fields: missing)
        }
    }

    /// Refuses a second row with the value of an external id.
    func checkUnique(_ values: [Int: FieldValue], row: Int?, in org: inout Org) throws(APIError) {
        for (place, value) in values where table.schema.fields[place].isExternalID && value != .null {
            guard let other = org.row(table.schema.name.lowercased(), place, value), other != row else {
                continue
            }
            throw APIError(
                400, "DUPLICATE_VALUE",
                "duplicate value found: \(table.schema.fields[place].name) duplicates value on record with "
                    + "id: \(table.id(other).text15)",
                fields: [])
        }
    }
}
