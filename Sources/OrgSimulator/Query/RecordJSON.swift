import Encoding

/// Renders rows of a query as the JSON objects of a REST response.
struct RecordJSON {
    private let plan: QueryPlan
    /// `/services/data/v66.0/sobjects/`
    private let base: String
    private let tree: Node

    /// The selected fields of one object, and its parents.
    private struct Node {
        var table: Table
        var entries: [(name: String, entry: Entry)] = []

        enum Entry {
            case field(Int)
            case parent(reference: Int, Node)
        }

        mutating func insert(_ path: BoundPath, depth: Int) {
            guard depth < path.steps.count else {
                if !entries.contains(where: { $0.name == path.field.name }) {
                    entries.append((path.field.name, .field(path.place)))
                }
                return
            }
            let step = path.steps[depth]
            let place = entries.firstIndex { $0.name == step.relationship } ?? entries.count
            if place == entries.count {
                entries.append((step.relationship, .parent(reference: step.place, Node(table: step.table))))
            }
            guard case .parent(let reference, var child) = entries[place].entry else { return }
            child.insert(path, depth: depth + 1)
            entries[place].entry = .parent(reference: reference, child)
        }
    }

    init(_ plan: QueryPlan, version: String) {
        self.plan = plan
        base = "/services/data/v\(version)/sobjects/"
        var tree = Node(table: plan.table)
        for column in plan.columns { tree.insert(column, depth: 0) }
        self.tree = tree
    }

    /// Appends the objects, separated by commas.
    func append(_ rows: ArraySlice<Int32>, to bytes: inout [UInt8]) {
        for (index, row) in rows.enumerated() {
            if index > 0 { bytes.append(0x2C) }
            append(tree, Int(row), to: &bytes)
        }
    }

    private func append(_ node: Node, _ row: Int, to bytes: inout [UInt8]) {
        let table = node.table
        bytes.append(contentsOf: #"{"attributes":{"type":""#.utf8)
        bytes.append(contentsOf: table.schema.name.utf8)
        bytes.append(contentsOf: #"","url":""#.utf8)
        bytes.append(contentsOf: base.utf8)
        bytes.append(contentsOf: table.schema.name.utf8)
        bytes.append(0x2F)
        table.id(row).append(to: &bytes)
        bytes.append(contentsOf: #""}"#.utf8)
        for (name, entry) in node.entries {
            bytes.append(contentsOf: #",""#.utf8)
            bytes.append(contentsOf: name.utf8)
            bytes.append(contentsOf: #"":"#.utf8)
            switch entry {
            case .field(let place): Self.append(row, place, of: table, to: &bytes)
            case .parent(let reference, let child):
                if case .id(let id) = table.value(row, reference), let parent = child.table.row(id) {
                    append(child, parent, to: &bytes)
                } else {
                    bytes.append(contentsOf: "null".utf8)
                }
            }
        }
        bytes.append(0x7D)
    }

    /// Appends one value. A compound address consists of its parts. Recorded.
    static func append(_ row: Int, _ place: Int, of table: Table, to bytes: inout [UInt8]) {
        let field = table.schema.fields[place]
        if field.type == .address {
            appendAddress(row, field, of: table, to: &bytes)
        } else {
            table.value(row, place).appendJSON(to: &bytes)
        }
    }

    private static func appendAddress(
        _ row: Int, _ field: FieldSchema, of table: Table, to bytes: inout [UInt8]
    ) {
        let kind = field.name.dropLast("Address".count)
        let parts = [
            "City", "Country", "GeocodeAccuracy", "Latitude", "Longitude", "PostalCode", "State", "Street",
        ]
        let values = parts.map { part in
            table.schema.place(of: kind + part).map { table.value(row, $0) } ?? .null
        }
        // Assumed: an address of nulls only is null.
        guard values.contains(where: { $0 != .null }) else {
            bytes.append(contentsOf: "null".utf8)
            return
        }
        for (index, part) in parts.enumerated() {
            bytes.append(index == 0 ? 0x7B : 0x2C)
            JSONText.append(part.prefix(1).lowercased() + part.dropFirst(), to: &bytes)
            bytes.append(0x3A)
            values[index].appendJSON(to: &bytes)
        }
        bytes.append(0x7D)
    }
}
