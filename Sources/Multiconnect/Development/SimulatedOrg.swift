import FoundationEssentials
import HTTPClient

/// An org as `GET /simulator/orgs` describes it.
struct SimulatedOrg: Decodable, Sendable {
    struct User: Decodable, Sendable {
        let username: String
        let rights: [String]
    }

    let id: String
    let name: String
    let users: [User]
    /// Live rows of each object.
    let objects: [String: Int]

    static func all(at origin: String, http: HTTPClient) async throws -> [SimulatedOrg] {
        let answer = try await http.send(ClientRequest(url: origin + "/simulator/orgs"))
        return try JSONDecoder().decode([SimulatedOrg].self, from: Data(answer.body))
    }
}
