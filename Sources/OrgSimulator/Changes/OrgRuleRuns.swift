import Encoding

/// Applies the rules of an org to a write that is otherwise valid.
extension Org {
    /// Gives a new record another owner than the caller, as an assignment rule does.
    func assignOwner(_ write: inout RowWrite, _ table: Table, user: OrgRecordID, isOn: Bool) {
        guard isOn, write.kind == .create, rules.assignedObjects.contains(write.object),
            let place = table.schema.layout.owner, let other = users.first(where: { $0.id != user })
        else { return }
        set(.id(other.id), place, &write)
    }

    /// Sets values as flows do.
    func runFlows(_ write: inout RowWrite, _ table: Table) {
        for flow in rules.flows where flow.object == write.object {
            guard let source = table.schema.place(of: flow.trigger),
                let target = table.schema.place(of: flow.target), let written = write.values[source]
            else { continue }
            let text = CanonicalText.text(written) ?? ""
            let result =
                switch flow.change {
                case .prefix(let prefix): prefix + text
                case .upperCase: text.uppercased()
                }
            let field = table.schema.fields[target]
            let fitted = field.length > 0 ? String(result.prefix(field.length)) : result
            guard let value = try? FieldInput.value(.string(fitted), for: field) else { continue }
            set(value, target, &write)
        }
    }

    private func set(_ value: FieldValue, _ place: Int, _ write: inout RowWrite) {
        if write.callerValues == nil { write.callerValues = write.values }
        write.values[place] = value
    }

    /// Refuses a record that a validation rule forbids. Documented code.
    func validate(_ write: RowWrite, _ table: Table) throws(APIError) {
        for rule in rules.validations where rule.object == write.object {
            guard let place = table.schema.place(of: rule.field) else { continue }
            let value = write.values[place] ?? write.row.map { table.value($0, place) } ?? .null
            guard let text = CanonicalText.text(value), text.contains(rule.text) else { continue }
            let field = table.schema.fields[place]
            throw APIError(
                400, "FIELD_CUSTOM_VALIDATION_EXCEPTION",
                rule.message ?? "\(field.label) must not contain \(rule.text)", fields: [field.name])
        }
    }

    /// Refuses a record that a duplicate rule finds. Documented code and text.
    mutating func checkDuplicates(_ write: RowWrite, _ table: Table) throws(APIError) {
        for rule in rules.duplicates where rule.object == write.object {
            guard let place = table.schema.place(of: rule.field), let value = write.values[place],
                rows(write.object, place, value).contains(where: { $0 != write.row })
            else { continue }
            throw APIError(400, "DUPLICATES_DETECTED", "Use one of these records?", fields: [])
        }
    }

    /// The records that a write locks: its own, and the parents that it has or gets. Assumed for lookups,
    /// after the documented behaviour of master-detail relationships.
    func lockedIDs(_ write: RowWrite) -> [OrgRecordID] {
        guard let table = tables[write.object] else { return [] }
        var ids: [OrgRecordID] = []
        if let row = write.row { ids.append(table.id(row)) }
        for place in table.schema.layout.parents {
            if case .id(let id) = write.values[place] { ids.append(id) }
            if let row = write.row, case .id(let id) = table.value(row, place) { ids.append(id) }
        }
        return ids
    }
}

extension Table {
    /// The row of a live record.
    func liveRow(_ id: OrgRecordID) throws(APIError) -> Int {
        guard let row = row(id), !isPurged(row) else {
            throw .unknownRecord
        }
        guard !isDeleted(row) else {
            throw APIError(404, "ENTITY_IS_DELETED", "entity is deleted", fields: [])
        }
        return row
    }
}
