import Encoding

/// An active PushTopic.
struct PushTopicQuery {
    let name: String
    private let query: String
    private let fields: String
    private let operations: [RowWrite.Kind: Bool]

    /// Nil if the topic is not active.
    init?(_ topics: Table, _ row: Int) {
        func value(_ name: String) -> FieldValue {
            topics.schema.place(of: name).map { topics.value(row, $0) } ?? .null
        }
        guard value("IsActive") == .boolean(true), case .text(let name) = value("Name"),
            case .text(let query) = value("Query")
        else { return nil }
        self.name = name
        self.query = query
        if case .text(let fields) = value("NotifyForFields") {
            self.fields = fields
        } else {
            fields = "Referenced"
        }
        operations = [
            .create: value("NotifyForOperationCreate") == .boolean(true),
            .update: value("NotifyForOperationUpdate") == .boolean(true),
            .delete: value("NotifyForOperationDelete") == .boolean(true),
            .undelete: value("NotifyForOperationUndelete") == .boolean(true),
        ]
    }

    func isNotified(of kind: RowWrite.Kind) -> Bool { operations[kind] ?? false }

    /// The query over the rows of `table`. Nil if it is not valid in the org any more.
    func plan(in org: Org, _ table: Table) -> QueryPlan? {
        guard let parsed = try? SOQLParser.parse(query),
            parsed.object.parts.first?.lowercased() == table.schema.name.lowercased()
        else { return nil }
        return try? QueryPlan(parsed, in: org, owner: nil, includesDeleted: true)
    }

    /// True if the change is one that the topic notifies of.
    func concerns(_ plan: QueryPlan, _ kind: RowWrite.Kind, _ row: Int, _ before: Table, _ after: Table)
        -> Bool
    {
        guard plan.selects(row) else { return false }
        guard kind == .update, fields != "All" else { return true }
        return plan.columns.contains { path in
            path.steps.isEmpty && before.value(row, path.place) != after.value(row, path.place)
        }
    }

    /// The member `sobject`: the selected fields.
    func sobject(_ plan: QueryPlan, _ row: Int) -> String {
        var bytes: [UInt8] = [0x7B]
        for (index, path) in plan.columns.enumerated() {
            if index > 0 { bytes.append(0x2C) }
            JSONText.append(path.field.name, to: &bytes)
            bytes.append(0x3A)
            path.value(row, of: plan.table).appendJSON(to: &bytes, zone: "Z")
        }
        bytes.append(0x7D)
        return String(decoding: bytes, as: UTF8.self)
    }
}
