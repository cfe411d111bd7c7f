/// Counts of rows that moved, for one tenant.
package struct TenantFlow: Sendable, Equatable {
    /// Rows of changes, imports and reloads.
    package var rowsIn = 0
    /// Users' changes that the org has accepted.
    package var rowsOut = 0
    /// Refused rows and refused changes.
    package var errors = 0

    package init(rowsIn: Int = 0, rowsOut: Int = 0, errors: Int = 0) {
        self.rowsIn = rowsIn
        self.rowsOut = rowsOut
        self.errors = errors
    }

    package var isEmpty: Bool { self == TenantFlow() }

    package static func + (one: TenantFlow, other: TenantFlow) -> TenantFlow {
        TenantFlow(
            rowsIn: one.rowsIn + other.rowsIn, rowsOut: one.rowsOut + other.rowsOut,
            errors: one.errors + other.errors)
    }
}
