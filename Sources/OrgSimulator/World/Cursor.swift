/// The remaining rows of a REST query, for `nextRecordsUrl`.
struct Cursor: Sendable {
    let org: Int
    let user: OrgRecordID
    let plan: QueryPlan
    let rows: [Int32]
    let pageRows: Int
}
