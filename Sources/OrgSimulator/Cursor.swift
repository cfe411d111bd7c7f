/// The rest of a REST query's result, kept for `nextRecordsUrl`.
struct Cursor: Sendable {
    let org: Int
    let user: RecordID
    let plan: QueryPlan
    let rows: [Int32]
    let pageRows: Int
}
