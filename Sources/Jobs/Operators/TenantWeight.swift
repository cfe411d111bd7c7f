package import FoundationEssentials

/// How many jobs a tenant's lanes have in a turn, where those of others have one.
package struct TenantWeight: Sendable, Equatable {
    /// What a weight may be; 1 is what every tenant has of whom nothing is said.
    package static let range = 1...100

    /// The tenant.
    package let organizationID: UUID
    /// Jobs in a turn, more than 1.
    package let weight: Int
    /// Who said so.
    package let actor: String
    /// Since when.
    package let createdAt: Date
}
