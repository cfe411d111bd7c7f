import FoundationEssentials

/// The right to run a job: the row's id with the random token that the claim wrote into it. Each later change
/// names both, so a worker whose claim was taken over can change nothing.
struct Claim: Sendable, Hashable {
    let id: JobID
    let token: UUID
}

/// A job that this worker owns.
struct ClaimedJob: Sendable {
    let record: JobRecord
    let claim: Claim
}
