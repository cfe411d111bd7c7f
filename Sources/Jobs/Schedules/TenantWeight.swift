package import FoundationEssentials

/// A tenant's weight: the jobs that each of its lanes has per turn. Others have one.
package struct TenantWeight: Sendable, Equatable {
    /// Valid weights. 1 is the default.
    package static let range = 1...100

    /// The tenant.
    package let organizationID: UUID
    /// Jobs per turn, more than 1.
    package let weight: Int
    /// Who set it.
    package let actor: String
    /// When it was set.
    package let createdAt: Date
}
