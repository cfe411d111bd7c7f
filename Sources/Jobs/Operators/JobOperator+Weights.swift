package import FoundationEssentials
import Logging
import Postgres

extension JobOperator {
    /// Gives a tenant so many jobs in a turn, where others have one, from its next turn on; 1 makes it one of the
    /// others. False when it has that already.
    /// - Precondition: the weight is in `TenantWeight.range`.
    package func weigh(_ organization: UUID, _ weight: Int, by actor: String) async throws -> Bool {
        precondition(TenantWeight.range.contains(weight), "a weight is 1 to 100")
        let weights = try await pool.transaction { connection -> [TenantWeight]? in
            guard try await self.weights.set(weight, of: organization, by: actor, on: connection) else {
                return nil
            }
            try await activity.note(
                "jobs.weigh", by: actor, organization: organization,
                detail: "tenant:\(organization.uuidString.lowercased()): \(weight)", on: connection)
            return try await self.weights.list(on: connection)
        }
        guard let weights else { return false }
        do {
            try await queue.index?.weigh(weights)
        } catch {
            logger.debug(
                "Redis was not told of a weight; the reconciler will", metadata: ["error": "\(error)"])
        }
        return true
    }

    /// The tenants that have several jobs in a turn, the heaviest first.
    package func tenantWeights() async throws -> [TenantWeight] {
        try await pool.withConnection { try await weights.list(on: $0) }
    }
}
