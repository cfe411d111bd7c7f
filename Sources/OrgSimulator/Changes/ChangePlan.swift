import Encoding

/// The transactions of a change request.
struct ChangePlan {
    let request: OrgChangeRequest
    private var random: RandomChanges
    /// Rows that the current transaction changes, by object.
    private var used: [String: Set<Int>] = [:]
    /// Rows that the current transaction adds, by object.
    private var added: [String: Int] = [:]

    init(_ request: OrgChangeRequest) {
        self.request = request
        random = RandomChanges(seed: request.seed)
    }

    private static func unknown(_ what: String) -> APIError { APIError(400, "INVALID_INPUT", "no \(what)") }

    /// The writes of the next transaction of `count` changes.
    mutating func writes(_ count: Int, from start: Int, in org: inout Org) throws(APIError) -> [RowWrite] {
        used = [:]
        added = [:]
        var writes: [RowWrite] = []
        for index in start..<start + count {
            if request.kind == .random {
                let kind =
                    random.pick(request.kinds).flatMap(OrgChangeRequest.Kind.init(rawValue:)) ?? .update
                let object = random.pick(request.objects) ?? request.object
                // A kind that needs a record does nothing when there is none.
                writes += (try? self.writes(kind, object, index, in: &org)) ?? []
            } else {
                writes += try self.writes(request.rowKind, request.object, index, in: &org)
            }
        }
        if !request.hasEvents { for index in writes.indices { writes[index].isAnnounced = false } }
        return writes
    }

    private mutating func writes(
        _ kind: OrgChangeRequest.Kind, _ object: String, _ index: Int, in org: inout Org
    ) throws(APIError) -> [RowWrite] {
        let name = object.lowercased()
        guard let table = org.tables[name] else { throw Self.unknown("object \(object)") }
        switch kind {
        case .create: return [try creation(name, table, index)]
        case .convertLead: return try conversion(table, index, in: org)
        case .merge: return try merge(name, table, index, in: org)
        case .reparent: return try children(of: try row(table, index), table, in: org, to: request.parent)
        case .cascade:
            let row = try row(table, index)
            return [RowWrite(object: name, kind: .delete, row: row)]
                + (try children(of: row, table, in: org, to: nil, deletes: true))
        case .undelete:
            guard let row = try deletedRow(table, index) else { return [try creation(name, table, index)] }
            return [RowWrite(object: name, kind: .undelete, row: row)]
        case .hardDelete:
            let found = request.ids == nil ? try deletedRow(table, index) : nil
            let row: Int
            if let found { row = found } else { row = try self.row(table, index) }
            return [RowWrite(object: name, kind: .hardDelete, row: row)]
        case .delete:
            guard request.ids != nil || table.liveCount > 0 else { return [] }
            return [RowWrite(object: name, kind: .delete, row: try row(table, index))]
        default:
            guard request.ids != nil || table.liveCount > 0 else { return [try creation(name, table, index)] }
            return [try update(name, table, index)]
        }
    }

    private mutating func row(_ table: Table, _ index: Int) throws(APIError) -> Int {
        if let ids = request.ids {
            guard index < ids.count, let row = table.row(ids[index]), !table.isPurged(row) else {
                throw Self.unknown("record \(index) of the request")
            }
            return row
        }
        let key = table.schema.name
        guard let row = random.row(table, isDeleted: false, not: used[key] ?? []) else {
            throw Self.unknown("live record of \(key)")
        }
        used[key, default: []].insert(row)
        return row
    }

    private mutating func anyRow(_ table: Table) throws(APIError) -> Int {
        guard let row = random.row(table, isDeleted: false, not: used[table.schema.name] ?? []) else {
            throw Self.unknown("live record of \(table.schema.name)")
        }
        return row
    }

    private mutating func deletedRow(_ table: Table, _ index: Int) throws(APIError) -> Int? {
        if request.ids != nil { return try row(table, index) }
        let key = table.schema.name
        let row = random.row(table, isDeleted: true, not: used[key] ?? [])
        if let row { used[key, default: []].insert(row) }
        return row
    }

    /// The values of a record of the request. System fields may be set, for tests.
    private static func values(_ record: JSONValue, _ table: Table) throws(APIError) -> [Int: FieldValue] {
        var values: [Int: FieldValue] = [:]
        for (name, json) in record.object ?? [:] where name.lowercased() != "id" && name != "attributes" {
            guard let place = table.schema.place(of: name) else { throw unknown("field \(name)") }
            values[place] = try FieldInput.value(json, for: table.schema.fields[place])
        }
        return values
    }

    private mutating func creation(_ name: String, _ table: Table, _ index: Int) throws(APIError) -> RowWrite
    {
        let number = table.rowCount + added[name, default: 0]
        added[name, default: 0] += 1
        let given = request.records.indices.contains(index) ? request.records[index] : request.values
        guard let given else {
            return RowWrite(object: name, kind: .create, values: random.newValues(table, number: number))
        }
        return RowWrite(object: name, kind: .create, values: try Self.values(given, table))
    }

    private mutating func update(_ name: String, _ table: Table, _ index: Int) throws(APIError) -> RowWrite {
        if request.kind != .random, request.records.indices.contains(index) {
            let record = request.records[index]
            guard let id = record["Id"]?.string.flatMap(OrgRecordID.init), let row = table.row(id) else {
                throw Self.unknown("record \(index) of the request")
            }
            return RowWrite(object: name, kind: .update, row: row, values: try Self.values(record, table))
        }
        let row = try row(table, index)
        guard let given = request.values else {
            return RowWrite(object: name, kind: .update, row: row, values: random.changedValues(table))
        }
        return RowWrite(object: name, kind: .update, row: row, values: try Self.values(given, table))
    }

    /// The rows that refer to a row by a lookup of their object: moved to `parent` (nil: to any row), or
    /// deleted. Without events.
    private mutating func children(
        of row: Int, _ table: Table, in org: Org, to parent: OrgRecordID?, deletes: Bool = false
    ) throws(APIError) -> [RowWrite] {
        guard let children = org.tables["contact"], table.schema.name == "Account",
            let place = children.schema.place(of: "AccountId")
        else { return [] }
        let id = table.id(row)
        var target = parent
        if !deletes, target == nil { target = table.id(try anyRow(table)) }
        return (0..<children.rowCount).compactMap { child in
            guard !children.isDeleted(child), children.value(child, place) == .id(id),
                used["Contact"]?.contains(child) != true
            else { return nil }
            used["Contact", default: []].insert(child)
            guard let target else {
                return RowWrite(object: "contact", kind: .delete, row: child, isAnnounced: false)
            }
            return RowWrite(
                object: "contact", kind: .update, row: child, values: [place: .id(target)], isAnnounced: false
            )
        }
    }

    private mutating func merge(
        _ name: String, _ table: Table, _ index: Int, in org: Org
    ) throws(APIError) -> [RowWrite] {
        let loser = try row(table, index)
        let parent = request.kind == .merge ? request.parent.flatMap { table.row($0) } : nil
        let master: Int
        if let parent {
            master = parent
        } else {
            guard
                let found = random.row(
                    table, isDeleted: false, not: (used[table.schema.name] ?? []).union([loser]))
            else { return [] }
            master = found
            used[table.schema.name, default: []].insert(master)
        }
        var values: [Int: FieldValue] = [:]
        if let place = table.schema.place(of: "MasterRecordId") { values[place] = .id(table.id(master)) }
        var writes = [RowWrite(object: name, kind: .delete, row: loser, values: values)]
        writes.append(
            RowWrite(object: name, kind: .update, row: master, values: random.changedValues(table)))
        return writes + (try children(of: loser, table, in: org, to: table.id(master)))
    }

    private mutating func conversion(_ table: Table, _ index: Int, in org: Org) throws(APIError) -> [RowWrite]
    {
        guard table.schema.name == "Lead", let accounts = org.tables["account"],
            let contacts = org.tables["contact"]
        else { throw Self.unknown("lead") }
        let row = try row(table, index)
        let account = accounts.space.id(accounts.rowCount + 1 + added["account", default: 0])
        let contact = contacts.space.id(contacts.rowCount + 1 + added["contact", default: 0])
        added["account", default: 0] += 1
        added["contact", default: 0] += 1
        func place(_ name: String, _ table: Table) -> Int { table.schema.place(of: name) ?? 0 }
        let status: FieldValue = .text("Closed - Converted")
        return [
            RowWrite(
                object: "account", kind: .create,
                values: [place("Name", accounts): table.value(row, place("Company", table))]),
            RowWrite(
                object: "contact", kind: .create,
                values: [
                    place("LastName", contacts): table.value(row, place("LastName", table)),
                    place("FirstName", contacts): table.value(row, place("FirstName", table)),
                    place("AccountId", contacts): .id(account),
                ]),
            RowWrite(
                object: "lead", kind: .update, row: row,
                values: [
                    place("IsConverted", table): .boolean(true), place("Status", table): status,
                    place("ConvertedAccountId", table): .id(account),
                    place("ConvertedContactId", table): .id(contact),
                ], isAnnounced: false),
        ]
    }
}
