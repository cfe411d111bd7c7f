internal import Activity
internal import Cryptography
internal import Encoding
internal import FoundationEssentials
package import Organizations
package import Postgres
internal import Replication
internal import Salesforce

/// Receives outbound messages of tenants' orgs.
package struct OutboundInbox: Sendable {
    /// The outcome of a message.
    package enum Outcome: Sendable, Equatable {
        /// It is stored. `new` is the number of notifications that were not known.
        case accepted(new: Int)
        /// There is no such endpoint.
        case unknown
        case refused(OutboundMessage.Refusal)
    }

    private let control: PostgresPool
    private let cells: [String: PostgresPool]
    private static let tokenBytes = 24

    package init(control: PostgresPool, cells: [String: PostgresPool]) {
        self.control = control
        self.cells = cells
    }

    /// Makes a new token for a tenant; the former one ends. Throws `EventBook.Refusal` if the tenant has no
    /// schema yet.
    package func makeToken(for organization: Organization, by actor: String) async throws -> String {
        let token = Base64.encode(try randomBytes(Self.tokenBytes), .url)
        try await prepare(organization)
        try await control.transaction { connection in
            try await OutboundMessageStore().setToken(
                Digest.sha256(token), of: organization.id, on: connection)
            try await ActivityStore(on: connection).add(
                "outbound_token_made", by: actor, organization: organization.id)
        }
        return token
    }

    private func prepare(_ organization: Organization) async throws {
        try await cell(organization).transaction { connection in
            let exists: Bool = try await connection.query(
                "select to_regnamespace(\(organization.schemaName)::text) is not null"
            ).scalar()
            guard exists else { throw EventBook.Refusal.noSchema }
            try await EventTables(schema: organization.schemaName).create(on: connection)
        }
    }

    /// Stores the notifications of a message. They are committed when this returns `.accepted`.
    ///
    /// - Parameters:
    ///   - org: the org id of the URL.
    ///   - token: the token of the URL.
    package func receive(_ body: [UInt8], org: String, token: String) async throws -> Outcome {
        guard let id = try? OrganizationID(org), token.utf8.count <= 100,
            let organization = try await control.withConnection({
                try await OrganizationStore(on: $0).find(id)
            }),
            let hash = try await control.withConnection({
                try await OutboundMessageStore().tokenHash(of: organization.id, on: $0)
            }), constantTimeEquals(hash, Digest.sha256(token))
        else { return .unknown }
        let message: OutboundMessage
        do throws(OutboundMessage.Refusal) {
            message = try OutboundMessage(parsing: body)
        } catch {
            return .refused(error)
        }
        guard message.organization == organization.organizationID.text else {
            return .refused(.otherOrganization)
        }
        let new = try await cell(organization).transaction { connection in
            try await OutboundMessageStore().record(message, of: organization, on: connection)
        }
        return .accepted(new: new)
    }

    private func cell(_ organization: Organization) throws -> PostgresPool {
        guard let pool = cells[organization.cell] else {
            throw ReplicationError(.databaseUnsuitable, "no cell has the name \(organization.cell)")
        }
        return pool
    }
}
