/// How long ended jobs are kept.
package struct JobRetention: Sendable, Equatable {
    /// Done and cancelled jobs.
    package var finished: Duration
    /// Dead jobs, which an operator may retry, and failed attempts.
    package var dead: Duration

    package init(finished: Duration = .seconds(7 * 86_400), dead: Duration = .seconds(180 * 86_400)) {
        self.finished = finished
        self.dead = dead
    }
}
