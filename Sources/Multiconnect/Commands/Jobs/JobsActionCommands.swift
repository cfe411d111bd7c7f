import ArgumentParser
import Encoding
import FoundationEssentials
import JobAdmin
import Jobs
import Reactor

/// The options of the commands that change jobs: ids, or a filter.
struct JobSelection: ParsableArguments {
    @Argument(help: "Job ids. Without ids, all jobs that match the filter.") var ids: [JobID] = []
    @OptionGroup var filter: JobFilterOptions
    @Flag(help: "All jobs whose state allows the action, without a filter.") var all = false
    @Flag(help: "Only count the matching jobs.") var dryRun = false
    @OptionGroup var time: SearchTime
    @Flag(name: [.short, .long], help: "Do not ask for confirmation.") var yes = false
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var actor: ActorOption

    func validate() throws {
        if ids.isEmpty, filter.isEmpty, !all {
            throw ValidationError("no jobs selected: give job ids, a filter, or --all")
        }
        if !ids.isEmpty, !filter.isEmpty || all {
            throw ValidationError("give job ids or a filter, not both")
        }
        if !filter.isEmpty, all { throw ValidationError("give --all or a filter, not both") }
    }

    /// Performs the action on the named jobs, or on all that match.
    func perform(_ action: JobAction) async throws {
        try await JobsSession.open { [self] session in
            if ids.isEmpty {
                try await performAll(action, session)
            } else {
                try await performEach(action, session)
            }
        }
    }

    private func performEach(_ action: JobAction, _ session: JobsSession) async throws {
        guard !dryRun else {
            var found = 0
            for id in ids {
                let state = try await session.jobs.find(id)?.summary.state
                if let state, action.states.contains(state) { found += 1 }
            }
            return answer(JobCount(found), action)
        }
        var results: [JSONText] = []
        var code: Int32 = 0
        for id in ids {
            let outcome = try await session.jobs.perform(action, on: id, by: actor.name)
            let (word, sentence, failure) = Self.words(outcome, action, id)
            results.append(.object([("id", .string(id.text)), ("outcome", .string(word))]))
            if !json {
                failure == 0 ? print(sentence) : StandardError.write("multiconnect jobs: \(sentence)\n")
            }
            code = max(code, failure)
        }
        if json {
            print(JSONText.object([("action", .string(action.rawValue)), ("results", .array(results))]).text)
        }
        if code != 0 { throw ExitCode(code) }
    }

    private func performAll(_ action: JobAction, _ session: JobsSession) async throws {
        let filter = try JobOperator.possible(action, try await filter.filter(session))
        let count = try await session.jobs.count(filter, within: time.duration)
        guard !dryRun else { return answer(count, action) }
        if !yes, count.value > 0 {
            StandardError.write(
                "\(action.rawValue) \(count.of("job")) (\(JobsText.plain("\(filter)")))? Type yes: ")
            let line = try await BlockingPool.shared.run { readLine() }
            guard line == "yes" else {
                throw CommandFailure(
                    "nothing was changed: the answer was not yes (use --yes to skip the question)")
            }
        }
        let bar = ProgressBar(action.rawValue)
        let total = count.precision == .exact ? count.value : nil
        let outcome = try await session.jobs.performAll(action, filter, by: actor.name) { outcome in
            if StandardError.isTerminal {
                bar.show(done: outcome.changed, total: total)
            } else {
                StandardError.write(JobsText.progress(outcome, action) + "\n")
            }
        }
        bar.clear()
        if json {
            let fields: [(String, JSONText)] = [
                ("action", .string(action.rawValue)), ("changed", .number(outcome.changed)),
                ("skipped", .number(outcome.skipped)), ("finished", .bool(outcome.isFinished)),
            ]
            return print(JSONText.object(fields).text)
        }
        let asked = action == .cancel ? " (running jobs were asked to stop)" : ""
        print("\(JobCount(outcome.changed).of("job")) \(action.pastTense)\(asked)")
        if outcome.skipped > 0 {
            print(
                "\(JobCount(outcome.skipped).of("job")) not changed: "
                    + "the unique key is in use, or the state has changed")
        }
    }

    private func answer(_ count: JobCount, _ action: JobAction) {
        guard json else {
            print("\(count.of("job")) \(count.isOne ? "matches" : "match")")
            if count.precision == .atLeast {
                StandardError.write(
                    "there may be more: counting stopped early, use --within 60 to count longer\n")
            }
            return
        }
        print(
            JSONText.object([("action", .string(action.rawValue)), ("matching", JobsJSON.count(count))]).text)
    }

    private static func words(_ outcome: JobActionOutcome, _ action: JobAction, _ id: JobID) -> (
        String, String, Int32
    ) {
        switch outcome {
        case .done(let state): ("done", "\(id) \(action.pastTense) (it was \(state.rawValue))", 0)
        case .requested: ("requested", "\(id) is running and was asked to stop", 0)
        case .unknown: ("unknown", "there is no job \(id)", CommandFailure.noInput)
        case .refused(let state):
            (
                "refused", "\(id) is \(state.rawValue) and cannot be \(action.pastTense)",
                CommandFailure.dataError
            )
        case .conflict:
            (
                "conflict", "\(id) was not changed: another open job has the same unique key",
                CommandFailure.dataError
            )
        }
    }
}

/// `multiconnect jobs retry`
struct JobsRetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Runs scheduled, failed, dead or cancelled jobs now.")
    @OptionGroup var selection: JobSelection
    func run() async throws { try await selection.perform(.retry) }
}

/// `multiconnect jobs cancel`
struct JobsCancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancels open jobs. Running jobs are asked to stop.")
    @OptionGroup var selection: JobSelection
    func run() async throws { try await selection.perform(.cancel) }
}

/// `multiconnect jobs kill`
struct JobsKillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill",
        abstract: "Makes open jobs dead at once. Running jobs lose their claim and cannot commit anything.")
    @OptionGroup var selection: JobSelection
    func run() async throws { try await selection.perform(.kill) }
}

/// `multiconnect jobs delete`
struct JobsDeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Deletes jobs that are not running, with their history.")
    @OptionGroup var selection: JobSelection
    func run() async throws { try await selection.perform(.delete) }
}
