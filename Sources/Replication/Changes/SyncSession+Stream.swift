internal import FoundationEssentials
internal import Logging
internal import Postgres
internal import Reactor
internal import Salesforce
internal import Synchronization
internal import TenantSchema

// Events.
extension SyncSession {
    /// Keeps the planned channels subscribed, and applies their messages.
    func runStream() async throws {
        var failures = 0
        while true {
            channelsChanged.reset()
            let start = Date()
            let channels = state.withLock { $0.channels }
            guard !channels.isEmpty else {
                setPhase { $0.phase = $0.phase == .refused ? .refused : .polling }
                try await channelsChanged.wait()
                continue
            }
            do {
                try await subscribe(channels)
                failures = 0
                // The channels changed, or the transport ended by itself.
                try await EventLoop.current.sleep(for: .milliseconds(50))
            } catch let error as StreamError {
                if hasSettled(since: start) { failures = 0 }
                failures += 1
                try await react(to: error, failures: failures)
            } catch {
                let failure = ChangeFailure(error)
                guard failure != .ends else { throw error }
                if hasSettled(since: start) { failures = 0 }
                failures += 1
                noteLoss(error: "\(error)")
                logger.warning("stream failed", metadata: ["error": "\(error)"])
                // What cannot be applied is not skipped: the tenant's reading starts again.
                guard failure == .passes || failure == .tenant, failures < 5 else { throw error }
                try await EventLoop.current.sleep(for: ChangePause.after(failure, failures: failures))
            }
        }
    }

    /// Whether the stream was connected long enough that its end does not belong to earlier failures.
    ///
    /// - Parameter start: when the stream was started.
    private func hasSettled(since start: Date) -> Bool {
        guard let connected = state.withLock({ $0.stream.connectedAt }) else { return false }
        return connected >= start && Date().timeIntervalSince(connected) >= services.pace.settled.timeInterval
    }

    /// Returns when other channels are planned.
    private func subscribe(_ channels: [String]) async throws {
        let stored = try await withOwnTask { [cell, organization] in
            try await cell.withCellConnection {
                try await ChangeStore().streamPositions(of: organization, on: $0)
            }
        }
        let subscriptions = channels.map { channel in
            // Platform events cannot be polled: a channel without a position begins with all retained ones.
            let first: ReplayPosition = EventChannel.carriesEvents(channel) ? .allRetained : .newOnly
            return StreamSubscription(channel: channel, replay: stored[channel].map { .after($0) } ?? first)
        }
        state.withLock { state in
            state.stream.phase = .connecting
            state.unpositioned = Set(channels.filter { stored[$0] == nil })
            state.catchUpUnpositioned()
        }
        let stream = services.stream(organization)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [channelsChanged] in try await channelsChanged.wait() }
            group.addTask {
                try await stream.run(subscriptions) {
                    self.noteConnection($0, channels)
                } receive: { messages in
                    try await withOwnTask { try await self.apply(messages) }
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func apply(_ messages: [StreamMessage]) async throws {
        let (decoder, subscriptions) = state.withLock { ($0.decoder, $0.subscriptions) }
        var applier = EventApplier(
            organization: organization, cell: cell, fence: fence, decoder: decoder,
            uncovered: { self.state.withLock { $0.keepDue() } },
            applyDiff: TextDiff.apply, tallies: services.tallies, logger: logger)
        applier.subscriptions = subscriptions
        applier.schema = tenant.schema
        try await applier.apply(messages) { decoded, counts in
            let needsSchedule = state.withLock { state in
                var needsSchedule = state.pollKeptDue(now: .now)
                state.note(decoded, now: Date())
                state.unpositioned.subtract(messages.map(\.channel))
                for place in decoded.earlyPolls {
                    let id = decoder.targets[place].table.mapping.id
                    let earliest = state.lastPolls[id].map { $0 + services.pace.earlyPollPause }
                    state.due.advance(.poll(id), to: max(.now, earliest ?? .now))
                    needsSchedule = true
                }
                if counts.refused > 0 || counts.lacksColumns {
                    state.due.advance(.health, to: .now)
                    needsSchedule = true
                }
                if !decoded.reloads.isEmpty {
                    state.due.set(.reload, at: .now)
                    needsSchedule = true
                }
                if !state.suspects.isEmpty {
                    let earliest = state.lastSchemaCheck.map { $0 + ReplicationLimits.urgentCheckInterval }
                    state.due.advance(.schema, to: max(.now, earliest ?? .now))
                    needsSchedule = true
                }
                state.due.advance(.prune, to: .now + ReplicationLimits.pruneInterval)
                state.due.advance(.report, to: .now + .seconds(60))
                return needsSchedule
            }
            if needsSchedule { wake.set() }
            if counts.reread > 0 || !decoded.rereads.isEmpty || !decoded.removed.isEmpty { rereadsWake.set() }
        }
    }

    /// Called by the stream when it is connected or lost.
    private func noteConnection(_ isConnected: Bool, _ channels: [String]) {
        guard isConnected else { return noteLoss(error: nil) }
        services.tallies.countStream("connected")
        state.withLock { state in
            state.stream.phase = .connected
            state.stream.connectedAt = Date()
            state.presentChannels.formUnion(channels.filter(EventChannel.carriesEvents))
            state.due.remove(.outage)
            state.due.advance(.report, to: .now)
            state.pollCatchUps(now: .now)
        }
        wake.set()
    }

    private func noteLoss(error: String?) {
        state.withLock { state in
            let wasConnected = state.isConnected
            if state.stream.phase == .connected { state.stream.phase = .connecting }
            if let error { state.stream.lastError = error }
            guard wasConnected else { return }
            services.tallies.countStream("disconnected")
            state.catchUpUnpositioned()
            state.stream.disconnectedAt = Date()
            state.due.set(.outage, at: .now + services.pace.outage)
            state.due.advance(.report, to: .now + .seconds(10))
        }
        wake.set()
    }

    private func setPhase(_ change: (inout StreamState) -> Void) {
        state.withLock { state in
            change(&state.stream)
            state.due.remove(.outage)
            state.due.advance(.report, to: .now + .seconds(1))
        }
        wake.set()
    }

    private func react(to error: StreamError, failures: Int) async throws {
        let text = [error.code.rawValue, error.channel, error.message].compactMap(\.self).joined(
            separator: " ")
        logger.notice("stream ended", metadata: ["error": "\(text)"])
        services.tallies.countStream(error.code.rawValue)
        noteLoss(error: text)
        switch StreamReaction(error, failures: failures) {
        case .catchUp(let channel):
            let fence = fence
            try await cell.transaction { connection in
                try await fence(connection)
                try await ChangeStore().forgetStream(channel, of: organization, on: connection)
            }
            await noteLostEvents(channel)
        case .retry(let pause): try await EventLoop.current.sleep(for: pause)
        case .pollOnly(let pause, let channel):
            if let channel, EventChannel.carriesEvents(channel) {
                await notifyMissing(channel, error.message)
            } else {
                await notify(
                    ChangeNotification.streamRefused,
                    "changes are polled, because the stream is refused: \(text)")
            }
            try await pollOnly(channel, for: pause)
        }
    }

    /// The org does not have the events after the last position any more. Those that it retains are received.
    private func noteLostEvents(_ channel: String?) async {
        let lost = state.withLock { $0.subscriptions.keys.filter { channel == nil || channel == $0 } }
        guard !lost.isEmpty else { return }
        await notify(
            ChangeNotification.eventsLost,
            "platform events may be lost, because their replay id has expired: "
                + lost.sorted().joined(separator: ", "))
    }

    /// Polls at the mappings' own intervals. A refused channel is left out; its other channels stay
    /// subscribed.
    private func pollOnly(_ channel: String?, for pause: Duration) async throws {
        state.withLock { state in
            if let channel { state.refusedChannels.insert(channel) } else { state.isStreamRefused = true }
            _ = state.replan()
            state.rebuild(services.layouts)
            for (id, feed) in state.plan.feeds where feed == .polls(.streamRefused) {
                state.due.set(.poll(id), at: .now)
            }
            if channel == nil { state.stream.phase = .refused }
            state.due.set(.report, at: .now)
            if channel != nil { state.due.set(.plan, at: .now + pause) }
        }
        wake.set()
        guard channel == nil else { return }
        try await EventLoop.current.sleep(for: pause)
        state.withLock { state in
            state.isStreamRefused = false
            _ = state.replan()
            state.rebuild(services.layouts)
        }
    }
}
