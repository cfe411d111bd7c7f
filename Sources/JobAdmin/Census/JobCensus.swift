package import FoundationEssentials
package import Jobs

/// The numbers of jobs by state, queue and class. Each state is counted up to a bound.
package struct JobCensus: Sendable {
    /// Jobs of one queue and class in one state.
    package struct Group: Sendable, Equatable {
        /// The queue.
        package let queue: String
        /// The class.
        package let className: String
        /// The state.
        package let state: JobState
        /// How many; a lower bound if counting stopped.
        package let count: JobCount
        /// Their earliest time; see `JobPosition`.
        package let oldest: Date
    }

    /// When it was taken, in the server's time.
    package let time: Date
    /// The number of jobs in every state.
    package let states: [JobState: JobCount]
    /// The groups of all states except `done`.
    package let groups: [Group]

    /// The number of jobs in the state.
    package subscript(_ state: JobState) -> JobCount { states[state] ?? JobCount(0) }
}

extension JobCensus {
    /// The jobs of a queue.
    package struct Queue: Sendable, Equatable {
        /// Its name.
        package let name: String
        /// The number of jobs in each state, without states that have no jobs.
        package let counts: [JobState: JobCount]
        /// How long the oldest queued job has waited; nil if none is queued.
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

    /// The number of jobs of each class in each state, by the class's name. States without jobs are left out.
    package var classes: [(name: String, counts: [JobState: JobCount])] {
        Dictionary(grouping: groups, by: \.className).map { ($0.key, Self.counts($0.value)) }
            .sorted { $0.name < $1.name }
    }

    private static func counts(_ groups: [Group]) -> [JobState: JobCount] {
        Dictionary(groups.map { ($0.state, $0.count) }) { $0 + $1 }
    }
}
