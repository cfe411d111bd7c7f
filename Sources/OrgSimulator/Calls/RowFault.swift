/// A fault of some rows of a write call.
struct RowFault: Sendable {
    /// Every `nth` row fails. 1: all rows.
    let nth: Int
    let error: APIError

    /// - Parameter row: counted from 0 in the call or Bulk job.
    func concerns(_ row: Int) -> Bool { (row + 1) % max(1, nth) == 0 }
}
