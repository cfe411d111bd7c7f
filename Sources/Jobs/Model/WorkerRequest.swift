/// A request of an operator to a worker. The worker reads it with its next heartbeat.
package enum WorkerRequest: String, Sendable, CaseIterable {
    /// To claim no more jobs. Running jobs continue.
    case quiet
    /// To end. Jobs that do not finish in time are requeued.
    case stop
}
