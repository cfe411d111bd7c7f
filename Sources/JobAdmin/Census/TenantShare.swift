package import FoundationEssentials

/// A tenant's use of the workers' slots.
package struct TenantShare: Sendable, Equatable {
    package let organizationID: UUID
    /// Jobs that run.
    package let running: Int
    /// Queued jobs; a lower bound if counting stopped.
    package let queued: Int
    /// Since when the oldest queued job waits; nil if none is queued.
    package let oldest: Date?
}
