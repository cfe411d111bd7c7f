package import FoundationEssentials

/// A tenant's weight: how many jobs each of its lanes starts per turn. The default is one.
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
