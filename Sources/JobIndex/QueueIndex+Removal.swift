package import FoundationEssentials
package import Jobs

/// A place in Redis that may hold an entry of a job: its lane, or one of Sidekiq's sorted sets.
package struct IndexEntry: Sendable {
    let id: JobID
    /// The job's state when it was pushed.
    let state: JobState
    let lane: LaneName
    let runAt: Date

    package init(id: JobID, state: JobState, lane: LaneName, runAt: Date) {
        self.id = id
        self.state = state
        self.lane = lane
        self.runAt = runAt
    }

    /// The sorted set, and the score if it follows from the row.
    fileprivate var place: (set: String, score: String)? {
        switch state {
        case .scheduled: ("schedule", SidekiqPayload.seconds(runAt))
        case .retry: ("retry", SidekiqPayload.seconds(runAt))
        case .dead: ("dead", "")
        case .queued: ("", "")
        case .running, .held, .done, .cancelled: nil
        }
    }
}

extension QueueIndex {
    /// Removes the entries of jobs that no longer wait there.
    package func remove(_ entries: [IndexEntry]) async throws {
        var arguments = [String(limits.searchedEntries)]
        for entry in entries {
            guard let place = entry.place else { continue }
            arguments += [place.set, place.score, entry.lane.text, entry.id.text]
        }
        guard arguments.count > 1 else { return }
        _ = try await evaluate(QueueScripts.remove, arguments)
    }
}
