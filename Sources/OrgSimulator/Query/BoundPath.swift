/// A resolved field of a query: the references to follow, and the field to read.
struct BoundPath: Sendable {
    /// A reference field and its target table.
    struct Step: Sendable {
        let place: Int
        /// The name in JSON bodies.
        let relationship: String
        let table: Table
    }

    let steps: [Step]
    /// The field's table.
    let table: Table
    let place: Int
    /// The rows of the query's own object by the field's value, if the org has that index.
    var index: ExternalIDIndex?

    var field: FieldSchema { table.schema.fields[place] }

    /// True for the Id of the query's own object.
    var isOwnID: Bool { steps.isEmpty && place == 0 }
    /// The header of a CSV column: the describe's names, joined by dots.
    var name: String { (steps.map(\.relationship) + [field.name]).joined(separator: ".") }

    /// Finds a field of `table` in `org`.
    static func bind(
        _ path: SOQLQuery.FieldPath, in org: Org, from table: Table
    ) throws(SOQLError) -> BoundPath {
        var parts = path.parts[...]
        // The path may begin with the object's own name. Documented.
        if parts.count > 1, parts[0].lowercased() == table.schema.name.lowercased(),
            table.schema.place(ofRelationship: parts[0]) == nil
        {
            parts = parts.dropFirst()
        }
        var steps: [Step] = []
        var current = table
        while parts.count > 1, let relationship = parts.popFirst() {
            guard let place = current.schema.place(ofRelationship: relationship),
                let target = org.table(current.schema.fields[place].referenceTo[0])
            else {
                throw SOQLError(
                    code: .invalidField,
                    reason:
                        "Didn't understand relationship '\(relationship)' in field path. If you are "
                        + "attempting to use a custom relationship, be sure to append the '__r' after "
                        + "the custom relationship name. Please reference your WSDL or "
                        + "the describe call for the appropriate names.",
                    offset: path.offset)
            }
            let spelled = current.schema.fields[place].relationshipName ?? relationship
            steps.append(Step(place: place, relationship: spelled, table: target))
            current = target
        }
        let name = parts.last ?? ""
        guard let place = current.schema.place(of: name),
            org.isVisible(current.schema.fields[place], of: current.schema)
        else {
            throw SOQLError(
                code: .invalidField,
                reason:
                    "No such column '\(name)' on entity '\(current.schema.name)'. If you are attempting "
                    + "to use a custom field, be sure to append the '__c' after the custom field name. "
                    + "Please reference your WSDL or the describe call for the appropriate names.",
                offset: path.offset)
        }
        let index = steps.isEmpty ? org.externalIDs[current.schema.name.lowercased()]?[place] : nil
        return BoundPath(steps: steps, table: current, place: place, index: index)
    }

    /// The field's value for a row of the query's own table. Null if a reference on the path is null.
    func value(_ row: Int, of base: Table) -> FieldValue {
        if steps.isEmpty { return base.value(row, place) }
        var current = base
        var currentRow = row
        for step in steps {
            guard case .id(let id) = current.value(currentRow, step.place), let next = step.table.row(id)
            else {
                return .null
            }
            current = step.table
            currentRow = next
        }
        return current.value(currentRow, place)
    }
}
