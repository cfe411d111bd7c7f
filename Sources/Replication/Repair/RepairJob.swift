internal import FoundationEssentials
internal import Jobs

/// A job that compares one mapping's table with its org. Its argument is the mapping's id.
struct RepairJob: Sendable, Equatable {
    /// Compares ids and SystemModstamp.
    static let repairClass = "RepairMapping"
    /// Compares formula and roll-up fields.
    static let formulaClass = "RefreshFormulas"

    var className: String
    var mapping: UUID
    var organization: UUID

    /// At most one of each class is open for a mapping.
    var newJob: NewJob {
        let id = mapping.uuidString.lowercased()
        return NewJob(
            className, arguments: [id], organizationID: organization, uniqueKey: "\(className):\(id)")
    }
}
