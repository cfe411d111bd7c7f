package import Postgres

/// Bounds on sessions in cells, so that a worker that was stopped or cut off does not keep what it has locked from
/// the worker that follows it.
package enum CellSessions {
    /// - Parameter lease: how long a claim holds without renewal. Whoever takes over waits no longer than this.
    package static func bound(_ configuration: inout PostgresConfiguration, lease: Duration) {
        configuration.settings["idle_in_transaction_session_timeout"] = "\(lease.milliseconds)ms"
        configuration.statementTimeout = ReplicationLimits.cellStatement
    }
}
