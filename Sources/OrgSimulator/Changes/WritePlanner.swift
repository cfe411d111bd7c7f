import Encoding

/// Decides about the records of one write call, or of one chunk of a Bulk job: the write of each valid
/// record, and the error of each other.
struct WritePlanner {
    /// Nil for a chunk of a Bulk job.
    private let call: IncomingCall?
    private let user: OrgRecordID
    private let rowFault: RowFault?
    private let lockedRecords: Set<OrgRecordID>
    /// The position of the first record in its Bulk job.
    private let firstRow: Int
    /// New records of the call so far by object in lower case, to predict their ids.
    private var created: [String: Int] = [:]
    /// Unique values that records of the call set, by object, field and value.
    private var claimed: [String: [Int: [FieldValue: OrgRecordID]]] = [:]

    /// For the records of a call.
    init(_ call: IncomingCall, user: OrgRecordID) {
        self.call = call
        self.user = user
        rowFault = call.rowFault
        lockedRecords = call.lockedRecords
        firstRow = 0
    }

    /// For a chunk of a Bulk job.
    init(user: OrgRecordID, firstRow: Int, rowFault: RowFault?, lockedRecords: Set<OrgRecordID>) {
        call = nil
        self.user = user
        self.rowFault = rowFault
        self.lockedRecords = lockedRecords
        self.firstRow = firstRow
    }

    /// The outcomes in the order of the requests.
    mutating func outcomes(_ requests: [RecordRequest], in org: inout Org) -> [RowOutcome] {
        let repeated = Self.repeated(requests, in: org)
        var outcomes: [RowOutcome] = []
        outcomes.reserveCapacity(requests.count)
        for (index, request) in requests.enumerated() {
            var outcome = RowOutcome()
            do throws(APIError) {
                if let error = repeated[index] { throw error }
                try plan(request, index, &outcome, in: &org)
            } catch {
                if case .update = request.operation { outcome.id = OrgRecordID(request.id) }
                outcome.refuse(error)
            }
            outcomes.append(outcome)
        }
        return outcomes
    }

    /// The errors of records that a call names twice, by position. All of them are refused. Documented code.
    private static func repeated(_ requests: [RecordRequest], in org: Org) -> [Int: APIError] {
        guard requests.count > 1 else { return [:] }
        var places: [String: [Int]] = [:]
        for (index, request) in requests.enumerated() {
            let key: String?
            switch request.operation {
            case .insert: key = nil
            case .update, .delete, .hardDelete: key = OrgRecordID(request.id)?.text18
            case .upsert(let field): key = keyText(field, request)?.lowercased()
            }
            guard let key, !key.isEmpty else { continue }
            places["\(request.object.lowercased()) \(key)", default: []].append(index)
        }
        var errors: [Int: APIError] = [:]
        for indices in places.values where indices.count > 1 {
            for index in indices {
                var text = "duplicate id specified: \(requests[index].id)"
                if case .upsert(let field) = requests[index].operation {
                    text = "Duplicate external id specified: \(keyText(field, requests[index]) ?? "")"
                }
                errors[index] = APIError(400, "DUPLICATE_VALUE", text, fields: [])
            }
        }
        return errors
    }

    /// The value of an upsert's key. Nil if it is null.
    private static func keyText(_ field: String, _ request: RecordRequest) -> String? {
        guard let value = member(field, of: request.values), !value.isNull else { return nil }
        return value.string ?? value.serialized
    }

    private static func member(_ name: String, of values: [String: JSONValue]) -> JSONValue? {
        values[name] ?? values.first { $0.key.lowercased() == name.lowercased() }?.value
    }

    private mutating func plan(
        _ request: RecordRequest, _ index: Int, _ outcome: inout RowOutcome, in org: inout Org
    ) throws(APIError) {
        guard let table = org.table(request.object) else {
            if case .delete = request.operation { throw Self.unknown(request.id) }
            throw APIError(400, "INVALID_TYPE", "sObject type '\(request.object)' is not supported.")
        }
        var values = request.values
        let row: Int?
        switch request.operation {
        case .insert: row = nil
        case .update, .delete, .hardDelete:
            guard !request.id.isEmpty else {
                throw APIError(400, "MISSING_ARGUMENT", "Id not specified in an update call", fields: [])
            }
            guard let id = OrgRecordID(request.id) else { throw Self.unknown(request.id) }
            row = try table.liveRow(id)
        case .upsert(let field):
            row = try upsertRow(field, values, table, in: &org)
            outcome.isCreated = row == nil
            // A key that the org sets itself is not written.
            if let place = table.schema.place(of: field), !table.schema.fields[place].isCreateable {
                values = values.filter { $0.key.lowercased() != field.lowercased() }
            }
        }
        var write: RowWrite
        switch request.operation {
        case .delete, .hardDelete:
            write = try deletion(table, row ?? 0)
            if case .hardDelete = request.operation { write.kind = .hardDelete }
        default: write = try self.write(values, table, row: row, in: &org)
        }
        let key = write.object
        let id = row.map { table.id($0) } ?? table.space.id(table.rowCount + 1 + created[key, default: 0])
        if let rowFault, rowFault.concerns(firstRow + index) { throw rowFault.error }
        try checkLocks(write, in: org)
        try claim(write, id, table)
        if row == nil { created[key, default: 0] += 1 }
        outcome.id = id
        outcome.write = write
    }

    /// The error of an id that names no record.
    private static func unknown(_ id: String) -> APIError {
        OrgRecordID(id) == nil
            ? APIError(400, "MALFORMED_ID", "malformed id \(id)", fields: []) : .unknownRecord
    }

    /// The live row that an upsert changes. Nil: the upsert creates a record.
    private func upsertRow(
        _ field: String, _ values: [String: JSONValue], _ table: Table, in org: inout Org
    ) throws(APIError) -> Int? {
        guard let place = table.schema.place(of: field), table.schema.fields[place].isIDLookup else {
            throw APIError(
                400, "INVALID_FIELD",
                "Provided external ID field does not exist or is not accessible: \(field)")
        }
        let json = Self.member(field, of: values) ?? .null
        let value = try FieldInput.value(json, for: table.schema.fields[place])
        if place == 0 {
            // Recorded: a null Id inserts.
            guard case .id(let id) = value else { return nil }
            return try table.liveRow(id)
        }
        guard value != .null else {
            throw APIError(400, "MISSING_ARGUMENT", "\(field) not specified", fields: [])
        }
        let rows = org.rows(table.schema.name.lowercased(), place, value)
        try RecordInput.checkSingle(rows, table, place)
        return rows.first
    }

    private func deletion(_ table: Table, _ row: Int) throws(APIError) -> RowWrite {
        guard table.schema.traits.isDeletable else {
            throw APIError(400, "INSUFFICIENT_ACCESS_OR_READONLY", "entity type cannot be deleted")
        }
        return RowWrite(object: table.schema.name.lowercased(), kind: .delete, row: row)
    }

    /// The checked write of a record, with the values that the org adds.
    private func write(
        _ members: [String: JSONValue], _ table: Table, row: Int?, in org: inout Org
    ) throws(APIError) -> RowWrite {
        guard row == nil ? table.schema.traits.isCreateable : table.schema.traits.isUpdateable else {
            throw APIError(
                400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type \(table.schema.name) is read only")
        }
        let input = RecordInput(table: table, isCreate: row == nil, isText: call == nil)
        let values = try input.values(members, in: &org)
        try input.checkUnique(values, row: row, in: &org)
        var write = RowWrite(
            object: table.schema.name.lowercased(), kind: row == nil ? .create : .update, row: row,
            values: values)
        org.assignOwner(&write, table, user: user, isOn: call?.assignsOwners ?? false)
        org.runFlows(&write, table)
        try org.validate(write, table)
        if call?.allowsDuplicates != true { try org.checkDuplicates(write, table) }
        return write
    }

    private func checkLocks(_ write: RowWrite, in org: Org) throws(APIError) {
        guard !lockedRecords.isEmpty,
            let id = org.lockedIDs(write).first(where: { lockedRecords.contains($0) })
        else { return }
        throw .unableToLock(id)
    }

    /// Refuses a record that has the unique value of an earlier one of the call.
    private mutating func claim(_ write: RowWrite, _ id: OrgRecordID, _ table: Table) throws(APIError) {
        for place in table.schema.layout.unique {
            guard let value = write.values[place]?.comparable, value != .null else { continue }
            if let other = claimed[write.object]?[place]?[value] {
                throw RecordInput.duplicate(table.schema.fields[place], other)
            }
            claimed[write.object, default: [:]][place, default: [:]][value] = id
        }
    }
}
