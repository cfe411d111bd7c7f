package import Encoding

/// Metadata, limits, counts and custom endpoints of an org.
extension RESTClient {
    /// The object with its fields. Throws `.notFound` for an object that the user does not see.
    package func describe(_ object: String) async throws -> ObjectDescribe {
        guard SOQL.isName(object) else {
            throw SalesforceError(.notFound, message: "not an API name: \(object)")
        }
        var call = Call(path: path("sobjects/\(object)/describe"))
        call.maximumBytes = SalesforceLimits.describeBodyBytes
        return try ObjectDescribe(parsing: try await perform(call).body)
    }

    /// All objects that the user sees, without their fields.
    package func globalDescribe() async throws -> GlobalDescribe {
        var call = Call(path: path("sobjects"))
        call.maximumBytes = SalesforceLimits.describeBodyBytes
        return try GlobalDescribe(parsing: try await perform(call).body)
    }

    /// The versions that the org's instance offers.
    package func versions() async throws -> [APIVersion] {
        let answer = try JSONValue(answer: try await perform(Call(path: "/services/data")).body)
        return (answer.array ?? []).compactMap { $0["version"]?.string.flatMap(APIVersion.init) }
    }

    /// Throws `.unsupportedVersion` unless the instance offers the version that this client speaks.
    package func checkVersion() async throws {
        guard try await versions().contains(version) else {
            throw SalesforceError(
                .unsupportedVersion, message: "the instance does not offer version \(version)")
        }
    }

    /// The org's limits by name, as `DailyApiRequests`.
    package func limits() async throws -> [String: OrgLimit] {
        let answer = try JSONValue(answer: try await perform(Call(path: path("limits"))).body)
        return (answer.object ?? [:]).compactMapValues { value in
            guard let maximum = value["Max"]?.int, let remaining = value["Remaining"]?.int else { return nil }
            return OrgLimit(maximum: maximum, remaining: remaining)
        }
    }

    /// How many records the objects have, approximately: Salesforce counts now and then. Objects that the
    /// answer leaves out have none.
    package func recordCounts(of objects: [String]) async throws -> [String: Int] {
        guard let wrong = objects.first(where: { !SOQL.isName($0) }) else {
            var call = Call(path: path("limits/recordCount"))
            call.query = [("sObjects", objects.joined(separator: ","))]
            let answer = try JSONValue(answer: try await perform(call).body)
            var counts = Dictionary(objects.map { ($0, 0) }, uniquingKeysWith: { first, _ in first })
            for entry in answer["sObjects"]?.array ?? [] {
                if let name = entry["name"]?.string, let count = entry["count"]?.int { counts[name] = count }
            }
            return counts
        }
        throw SalesforceError(.notFound, message: "not an API name: \(wrong)")
    }

    /// The exact number of records that a query matches.
    package func count(_ query: SOQL) async throws -> Int {
        try await self.query(query).totalSize
    }

    /// What the user may do, over all permission sets, those of the profile included.
    package func rights(of user: RecordID) async throws -> UserRights {
        var rows: [JSONValue] = []
        try await forEachPage(of: try UserRights.query(for: user)) { page in rows += page.records }
        return UserRights(rows: rows)
    }

    /// Calls an Apex class of the package: POST `/services/apexrest/[namespace/]name` with a JSON body.
    /// Throws `.notFound` if the org has no such class. Not repeated once it may have run.
    package func apexREST(_ name: String, namespace: String?, body: JSONValue) async throws -> [UInt8] {
        let prefix = namespace.map { $0.isEmpty ? "" : "\($0)/" } ?? ""
        var call = Call(method: "POST", path: "/services/apexrest/\(prefix)\(name)")
        call.headers = [("Content-Type", "application/json"), ("Accept", "application/json")]
        call.body = Array(body.serialized.utf8)
        call.repetition = .harmful
        return try await perform(call).body
    }
}
