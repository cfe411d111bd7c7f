package import FoundationEssentials
import JobIndex
package import Jobs
import Logging
import Postgres

extension JobOperator {
    /// Sets a tenant's weight, from its next turn on; 1 is the default. Returns false if the tenant already
    /// has that weight.
    /// - Precondition: the weight is in `TenantWeight.range`.
    package func weigh(_ organization: UUID, _ weight: Int, by actor: String) async throws -> Bool {
        precondition(TenantWeight.range.contains(weight), "a weight is from 1 to 100")
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
            try await index?.setWeights(weights)
        } catch {
            logger.debug(
                "could not write weights to redis, reconciler will write them",
                metadata: ["error": "\(error)"])
        }
        return true
    }

    /// The tenants with a weight above 1, the heaviest first.
    package func tenantWeights() async throws -> [TenantWeight] {
        try await pool.withConnection { try await weights.list(on: $0) }
    }
}
