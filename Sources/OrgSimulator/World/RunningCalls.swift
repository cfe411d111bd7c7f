/// A call that takes time before it is carried out.
struct RunningCall: Sendable {
    var call: IncomingCall
    let effect: Faults.Effect?
    /// Counted from 0; nil: no org.
    let place: Int?
    /// Milliseconds since 1970.
    let due: Int
    /// Records that other calls cannot lock.
    let locks: Set<OrgRecordID>
    /// True if nobody waits for the answer.
    var isAbandoned: Bool
}

/// The beginning of a call.
enum CallStart: Sendable {
    case answered(Reply)
    /// The caller finishes the call when it is due, or abandons it.
    case running(number: Int, due: Int)
}

/// Calls that take time, and work that is due later.
extension World {
    /// Begins a call. Most are carried out at once.
    mutating func begin(_ call: IncomingCall) -> CallStart {
        carryOutDue(now: call.now)
        let segments = call.segments
        if segments.first == "simulator" || segments.first == "__simulator__" {
            return .answered(control(call, Array(segments.dropFirst())))
        }
        let effect = faults.effect(on: call)
        guard call.isWrite, effect?.error == nil, let place = session(call).map({ $0.org - 1 }) else {
            if let late = effect?.lateMilliseconds {
                _ = run(call, effect, nil, after: late, locks: [], isAbandoned: true)
                return .answered(.lost)
            }
            return .answered(reply(to: call, effect))
        }
        var call = call
        let locks = lock(&call, place)
        if let late = effect?.lateMilliseconds {
            _ = run(call, effect, place, after: late, locks: locks, isAbandoned: true)
            return .answered(.lost)
        }
        let delay = orgs[place].rules.writeDelay
        guard delay > 0, call.takesTime else { return .answered(reply(to: call, effect)) }
        return run(call, effect, place, after: delay, locks: locks, isAbandoned: false)
    }

    private mutating func run(
        _ call: IncomingCall, _ effect: Faults.Effect?, _ place: Int?, after milliseconds: Int,
        locks: Set<OrgRecordID>, isAbandoned: Bool
    ) -> CallStart {
        runningSerial += 1
        let due = call.now + milliseconds
        running[runningSerial] = RunningCall(
            call: call, effect: effect, place: place, due: due, locks: locks, isAbandoned: isAbandoned)
        return .running(number: runningSerial, due: due)
    }

    /// The records that a write call locks. Those that other calls hold are noted in the call.
    private func lock(_ call: inout IncomingCall, _ place: Int) -> Set<OrgRecordID> {
        guard orgs[place].rules.locks, call.takesTime else { return [] }
        var trial = self
        trial.trialLocks = []
        _ = trial.reply(to: call, nil)
        let touched = trial.trialLocks ?? []
        call.lockedRecords = touched.intersection(heldRecords(place))
        return touched.subtracting(call.lockedRecords)
    }

    /// The records that the running calls of an org hold.
    func heldRecords(_ place: Int) -> Set<OrgRecordID> {
        var held: Set<OrgRecordID> = []
        for call in running.values where call.place == place { held.formUnion(call.locks) }
        return held
    }

    /// Carries out a running call.
    mutating func finish(_ number: Int, now: Int) -> Reply {
        guard var run = running.removeValue(forKey: number) else { return .lost }
        run.call.now = now
        return reply(to: run.call, run.effect)
    }

    /// The caller of a running call is gone. The call is carried out nevertheless.
    mutating func abandon(_ number: Int) { running[number]?.isAbandoned = true }

    /// Carries out what is due: abandoned calls, late changes, and chunks of Bulk jobs.
    mutating func carryOutDue(now: Int) {
        if !running.isEmpty {
            let due = running.filter { $0.value.isAbandoned && $0.value.due <= now }
            for (number, call) in due.sorted(by: { ($0.value.due, $0.key) < ($1.value.due, $1.key) }) {
                _ = finish(number, now: call.due)
            }
        }
        commitPending(now: now)
        if !openIngests.isEmpty { writeDueChunks(now: now) }
    }

    /// When the next work without a caller is due. Milliseconds since 1970; nil: there is none.
    var nextDue: Int? {
        var next = nextPending
        for call in running.values where call.isAbandoned { next = min(next ?? call.due, call.due) }
        for id in openIngests {
            if let due = ingestJobs[id]?.nextChunkDue { next = min(next ?? due, due) }
        }
        return next
    }
}
