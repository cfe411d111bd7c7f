import Encoding

/// Changes of fields and objects by an administrator.
extension Org {
    /// Applies a change of the schema.
    /// - Returns: false if the request names no field or object of the org.
    mutating func changeSchema(_ request: OrgChangeRequest, now: Int) -> Bool {
        let name = request.object.lowercased()
        switch request.kind {
        case .removeObject, .restoreObject:
            hide(name, field: nil, isHidden: request.kind == .removeObject, now: now)
            return tables[name] != nil
        case .addField: return addField(request, name, now: now)
        default: break
        }
        guard let place = tables[name]?.schema.place(of: request.field) else { return false }
        switch request.kind {
        case .removeField: tables[name]?.remove(field: place)
        case .lengthenField: tables[name]?.alter(field: place) { $0.length = request.length }
        case .formula:
            // The values change, and no stamp does.
            tables[name]?.alter(field: place) { $0.formula?.factor = request.factor }
        case .retypeField: return retype(request, name, place, now: now)
        default: return false
        }
        noteSchemaChange(now: now)
        return true
    }

    private mutating func addField(_ request: OrgChangeRequest, _ name: String, now: Int) -> Bool {
        guard let field = Self.field(request), tables[name]?.schema.place(of: field.name) == nil else {
            return false
        }
        _ = tables[name]?.add(field)
        noteSchemaChange(now: now)
        return tables[name] != nil
    }

    private static func field(_ request: OrgChangeRequest) -> FieldSchema? {
        guard let type = FieldKind(rawValue: request.type), !request.field.isEmpty else { return nil }
        let length = type.soapType == "xsd:string" ? request.length : 0
        return FieldSchema(request.field, type, length: length).permissionable.with {
            if type == .double || type == .currency || type == .percent { $0.scale = 2 }
        }
    }

    /// Replaces a field by one of another type, and converts the values. A value that does not fit becomes
    /// null.
    private mutating func retype(_ request: OrgChangeRequest, _ name: String, _ old: Int, now: Int) -> Bool {
        guard let field = Self.field(request), let table = tables[name] else { return false }
        tables[name]?.remove(field: old)
        guard let new = tables[name]?.add(field) else { return false }
        for row in 0..<table.rowCount where !table.isPurged(row) {
            let value = Self.converted(table.value(row, old), to: field)
            if value != .null { tables[name]?.change(row, [new: value]) }
        }
        noteSchemaChange(now: now)
        return true
    }

    private static func converted(_ value: FieldValue, to field: FieldSchema) -> FieldValue {
        guard let text = CanonicalText.text(value) else { return .null }
        return (try? FieldInput.value(.string(text), for: field)) ?? .null
    }
}
