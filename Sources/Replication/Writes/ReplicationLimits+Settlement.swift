/// The named maxima of looking up attempts without an answer.
extension ReplicationLimits {
    /// How long a look-up waits for the outcome of another insert of that time, after the other's request
    /// cannot run any more. The other one is looked up in this time too.
    package static let othersWait = Duration.seconds(45)
    /// Look-ups of an attempt, after its request cannot run any more, that wait for all other open inserts:
    /// after an outage these have not been looked up either.
    static let othersLooks = 3
    /// Records created in the window of one attempt that are compared with the table's. With more of them the
    /// look-up is not complete.
    static let settlementRecords = 200_000
    /// Records without a row whose values one look-up reads.
    static let settlementCandidates = 5_000
    /// Upsert keys in one query of a look-up.
    static let settlementKeys = 100
    /// How long an insert of a user whose grant has ended may be open: longer than the longest quarantine.
    static let formerUserAge = Duration.seconds(2 * 86_400)
}
