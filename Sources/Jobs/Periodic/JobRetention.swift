/// How long jobs are kept that will not run again.
package struct JobRetention: Sendable, Equatable {
    /// Jobs that ended well, or were cancelled.
    package var finished: Duration
    /// Dead jobs, which somebody may still want to run again; also the record of failed starts.
    package var dead: Duration

    package init(finished: Duration = .seconds(7 * 86_400), dead: Duration = .seconds(180 * 86_400)) {
        self.finished = finished
        self.dead = dead
    }
}
