/// The org and user of an API call.
struct Session: Sendable {
    /// Counted from 1.
    let org: Int
    let user: OrgUser

    /// The only owner whose records the user sees. Nil: all records.
    func owner(_ assumptions: Assumptions) -> OrgRecordID? {
        let seesAll = user.rights.contains(.viewAllData) || user.rights.contains(.modifyAllData)
        return assumptions.sharingHidesRecords && !seesAll ? user.id : nil
    }
}
