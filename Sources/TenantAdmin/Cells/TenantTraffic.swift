/// How far a tenant's sync is behind, as its cell knows it.
package struct TenantTraffic: Sendable, Equatable {
    /// How late its changes arrive, in milliseconds. Nil without recent changes.
    package var lag: Int?
    /// Users' changes that wait to be sent. Counting stops at `ReplicationLimits.countedBacklog` per state.
    package var waitingWrites = 0

    package init() {}
}
