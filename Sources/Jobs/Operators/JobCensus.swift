package import FoundationEssentials

/// How many jobs there are, by state, queue and class, at one moment. Each state is counted up to a bound.
package struct JobCensus: Sendable {
    /// Jobs of one queue and class in one state.
    package struct Group: Sendable, Equatable {
        /// The queue.
        package let queue: String
        /// The class.
        package let className: String
        /// The state.
        package let state: JobState
        /// How many: at least so many when the state was not counted to its end.
        package let count: JobCount
        /// The earliest time of theirs by which the state is listed; see `JobPosition`.
        package let oldest: Date
    }

    /// When it was taken, by the server's clock.
    package let time: Date
    /// How many jobs are in each state, all of them named.
    package let states: [JobState: JobCount]
    /// The groups, except of those jobs that ended well.
    package let groups: [Group]

    /// How many jobs are in the state.
    package subscript(_ state: JobState) -> JobCount { states[state] ?? JobCount(0) }
}

extension JobCensus {
    /// What waits in a queue, and for how long.
    package struct Queue: Sendable, Equatable {
        /// Its name.
        package let name: String
        /// How many of its jobs are in each state that has some.
        package let counts: [JobState: JobCount]
        /// How long its oldest due job has been waiting; nil when none is.
        package let latency: Duration?

        package init(name: String, counts: [JobState: JobCount] = [:], latency: Duration? = nil) {
            self.name = name
            self.counts = counts
            self.latency = latency
        }
    }

    /// The queues that have jobs, by name.
    package var queues: [Queue] {
        Dictionary(grouping: groups, by: \.queue).map { name, groups in
            let oldest = groups.filter { $0.state == .queued }.map(\.oldest).min()
            return Queue(
                name: name, counts: Self.counts(groups),
                latency: oldest.map { .seconds(max(time.timeIntervalSince($0), 0)) })
        }.sorted { $0.name < $1.name }
    }

    /// How many jobs of each class are in each state that has some, by the class's name.
    package var classes: [(name: String, counts: [JobState: JobCount])] {
        Dictionary(grouping: groups, by: \.className).map { ($0.key, Self.counts($0.value)) }
            .sorted { $0.name < $1.name }
    }

    private static func counts(_ groups: [Group]) -> [JobState: JobCount] {
        Dictionary(groups.map { ($0.state, $0.count) }) { $0 + $1 }
    }
}
