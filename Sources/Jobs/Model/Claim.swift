package import FoundationEssentials

/// The right to run a job: the row's id, and the random token that the claim wrote to the row. Each later
/// change of the row checks both, so a worker that lost its claim cannot change the row.
package struct Claim: Sendable, Hashable {
    package let id: JobID
    package let token: UUID

    package init(id: JobID, token: UUID) {
        self.id = id
        self.token = token
    }
}

/// A job with this worker's claim.
package struct ClaimedJob: Sendable {
    package let record: JobRecord
    package let claim: Claim
}
