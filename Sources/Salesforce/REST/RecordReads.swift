package import Encoding

/// How records are read by their ids with few calls.
enum RecordReadPlan: Equatable {
    /// `SELECT fields WHERE Id IN (...)`, so many ids for each call.
    case query(ids: Int)
    /// `POST /composite/sobjects/X`: any number of fields, 2,000 ids for each call, no condition.
    case collection
    /// The condition selects ids by query, then `collection` reads them.
    case queryThenCollection(ids: Int)

    /// - Parameters:
    ///   - ids: how many records are wanted.
    ///   - queryBytes: the encoded query without ids.
    ///   - idQueryBytes: the same for a query of `Id` only.
    ///   - isConditional: there is a filter, or deleted records are wanted too.
    init(ids: Int, queryBytes: Int, idQueryBytes: Int, isConditional: Bool) {
        let fitting = Self.fittingIDs(queryBytes)
        if !isConditional {
            self = ids <= fitting ? .query(ids: fitting) : .collection
        } else if fitting >= SalesforceLimits.fewestIDsPerQuery || ids <= fitting {
            self = .query(ids: fitting)
        } else {
            self = .queryThenCollection(ids: max(1, Self.fittingIDs(idQueryBytes)))
        }
    }

    /// An id takes 18 characters, and `'`, `'` and `,` take three each when they are encoded.
    private static func fittingIDs(_ queryBytes: Int) -> Int {
        max(0, (SalesforceLimits.queryAddressBytes - queryBytes) / 27)
    }
}

extension RESTClient {
    /// Records by id, in any order, as JSON objects with `attributes`. Records that do not exist, are
    /// deleted, or do not match the filter are missing in the answer.
    ///
    /// - Parameters:
    ///   - ids: 15 or 18 characters each. Throws `.malformedID` for another text.
    ///   - fields: field names and paths to parents' fields (`Account.Ext__c`). `Id` is always added.
    ///   - filter: a condition after `WHERE`, such as a mapping's row filter.
    ///   - isAll: also returns records in the recycle bin, with `IsDeleted` if that field is wanted. Only
    ///     for objects and fields that fit into a query.
    package func records(
        _ ids: [String], fields: [String], of object: String, filter: String? = nil, isAll: Bool = false
    ) async throws -> [JSONValue] {
        var wanted: [SalesforceID] = []
        for id in ids { wanted.append(try SalesforceID(id)) }
        guard !wanted.isEmpty else { return [] }
        let fields = fields.contains("Id") ? fields : ["Id"] + fields
        func bytes(_ fields: [String]) throws -> Int {
            let query = try self.query(["0"], fields, object, filter)
            return PercentCoding.form([("q", query.text)]).utf8.count
        }
        let plan = RecordReadPlan(
            ids: wanted.count, queryBytes: try bytes(fields), idQueryBytes: try bytes(["Id"]),
            isConditional: filter != nil || isAll)
        let texts = wanted.map(\.text)
        switch plan {
        case .query(let count): return try await queried(texts, count, fields, object, filter, isAll)
        case .collection: return try await collected(texts, fields, object)
        case .queryThenCollection(let count):
            let matching = try await queried(texts, count, ["Id"], object, filter, isAll)
            return try await collected(matching.compactMap { $0["Id"]?.string }, fields, object)
        }
    }

    private func query(
        _ ids: [String], _ fields: [String], _ object: String, _ filter: String?
    ) throws -> SOQL {
        let isWanted = SOQL.Condition.isIn("Id", ids.map { .string($0) })
        return try SOQL.select(fields, from: object)
            .where(filter.map { .all([isWanted, .raw("(\($0))")]) } ?? isWanted)
    }

    private func queried(
        _ ids: [String], _ count: Int, _ fields: [String], _ object: String, _ filter: String?, _ isAll: Bool
    ) async throws -> [JSONValue] {
        guard count > 0 else {
            throw SalesforceError(.tooLarge, message: "the fields of \(object) do not fit into a query")
        }
        var records: [JSONValue] = []
        for batch in Self.batches(of: ids, count) {
            try await forEachPage(of: try query(batch, fields, object, filter), isAll: isAll) { page in
                records += page.records
            }
        }
        return records
    }

    /// REST API Developer Guide, "Get Multiple Records with Fewer Round Trips".
    private func collected(_ ids: [String], _ fields: [String], _ object: String) async throws -> [JSONValue]
    {
        var records: [JSONValue] = []
        for batch in Self.batches(of: ids, SalesforceLimits.idsPerCollection) {
            var call = APICall(method: "POST", path: path("composite/sobjects/\(object)"))
            call.headers = [("Content-Type", "application/json"), ("Accept", "application/json")]
            let body: JSONText = [
                "ids": .array(batch.map { .string($0) }), "fields": .array(fields.map { .string($0) }),
            ]
            call.body = body.encoded
            call.maximumBytes = SalesforceLimits.queryPageBytes
            call.deadline = SalesforceLimits.queryDeadline
            let answer = try JSONValue(answer: try await perform(call).body)
            guard let rows = answer.array else {
                throw SalesforceError(.malformedResponse, message: "not a list of records", call: call.name)
            }
            // A record that does not exist is null.
            records += rows.filter { !$0.isNull }
        }
        return records
    }

    private static func batches(of ids: [String], _ count: Int) -> [[String]] {
        stride(from: 0, to: ids.count, by: count).map { Array(ids[$0..<min($0 + count, ids.count)]) }
    }
}
