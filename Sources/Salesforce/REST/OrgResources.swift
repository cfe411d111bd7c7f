package import Encoding

extension RESTClient {
    /// The org's limits by name, for example `DailyApiRequests`.
    package func limits() async throws -> [String: OrgLimit] {
        let answer = try JSONValue(answer: try await perform(APICall(path: path("limits"))).body)
        return (answer.object ?? [:]).compactMapValues { value in
            guard let maximum = value["Max"]?.int, let remaining = value["Remaining"]?.int else { return nil }
            return OrgLimit(maximum: maximum, remaining: remaining)
        }
    }

    /// The versions of the org's API.
    package func versions() async throws -> [APIVersion] {
        let answer = try JSONValue(answer: try await perform(APICall(path: "/services/data")).body)
        return (answer.array ?? []).compactMap { $0["version"]?.string.flatMap { APIVersion($0) } }
    }

    /// The approximate number of records of each object: Salesforce counts from time to time. Objects without
    /// records are missing in the answer.
    package func recordCounts(of objects: [String]) async throws -> [String: Int] {
        guard let wrong = objects.first(where: { !SOQL.isName($0) }) else {
            var call = APICall(path: path("limits/recordCount"))
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

    /// The user's rights from all permission sets, including the profile's.
    package func rights(of user: SalesforceID) async throws -> UserRights {
        var rows: [JSONValue] = []
        try await forEachPage(of: try UserRights.query(for: user)) { page in rows += page.records }
        return UserRights(rows: rows)
    }

    /// Calls an Apex class of the package: POST `/services/apexrest/[namespace/]name` with a JSON body.
    /// Throws `.notFound` if the org has no such class. Not repeated once it may have run.
    package func apexREST(_ name: String, namespace: String?, body: JSONValue) async throws -> [UInt8] {
        let prefix = namespace.map { $0.isEmpty ? "" : "\($0)/" } ?? ""
        var call = APICall(method: "POST", path: "/services/apexrest/\(prefix)\(name)")
        call.headers = [("Content-Type", "application/json"), ("Accept", "application/json")]
        call.body = Array(body.serialized.utf8)
        call.repetition = .harmful
        return try await perform(call).body
    }
}
