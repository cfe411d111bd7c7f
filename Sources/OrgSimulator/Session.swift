/// Who makes an API call.
struct Session: Sendable {
    /// Counted from 1.
    let org: Int
    let user: OrgUser

    /// Whose records alone the user sees; nil: everybody's.
    func owner(_ assumptions: Assumptions) -> RecordID? {
        let seesAll = user.rights.contains(.viewAllData) || user.rights.contains(.modifyAllData)
        return assumptions.sharingHidesRecords && !seesAll ? user.id : nil
    }
}
