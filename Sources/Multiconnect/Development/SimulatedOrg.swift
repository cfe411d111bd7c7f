import FoundationEssentials
import HTTPClient
import Organizations
import Postgres
import Salesforce

/// An org in the answer of `GET /simulator/orgs`.
struct SimulatedOrg: Decodable, Sendable {
    struct User: Decodable, Sendable {
        let username: String
        let rights: [String]
    }

    let id: String
    let name: String
    /// The first label of its My Domain.
    let domain: String
    let users: [User]
    /// The number of rows by object.
    let objects: [String: Int]

    /// The host of its My Domain. The simulator answers for all of them.
    var myDomain: String { "\(domain).my.salesforce.com" }

    /// The address of the org's calls: unique, from the documentation prefix of RFC 3849.
    var address: String {
        let groups = id.utf8.suffix(8).map { String($0, radix: 16) }
        return "2001:db8:\(groups[0])\(groups[1]):\(groups[2])\(groups[3])::1"
    }

    /// Its tenant. Nil if the org has not registered.
    func tenant(in pool: PostgresPool) async throws -> Organization? {
        let id = try OrganizationID(id)
        return try await pool.withConnection { try await OrganizationStore(on: $0).find(id) }
    }

    static func all(at origin: String, http: HTTPClient) async throws -> [SimulatedOrg] {
        let answer = try await http.send(ClientRequest(url: origin + "/simulator/orgs"))
        return try JSONDecoder().decode([SimulatedOrg].self, from: Data(answer.body))
    }
}
