import ArgumentParser
import Encoding
import FoundationEssentials
import Jobs
import Reactor

/// What the commands that change jobs have in common: ids, or a filter.
struct JobSelection: ParsableArguments {
    @Argument(help: "Jobs' ids; without any, all jobs that fit the filter.") var ids: [JobID] = []
    @OptionGroup var filter: JobFilterOptions
    @Flag(help: "Every job in a state that allows it, without any filter.") var all = false
    @Flag(help: "Only count the jobs that fit.") var dryRun = false
    @OptionGroup var time: SearchTime
    @Flag(name: [.short, .long], help: "Do not ask.") var yes = false
    @Flag(help: "As JSON.") var json = false
    @OptionGroup var actor: ActorOption

    func validate() throws {
        if ids.isEmpty, filter.isEmpty, !all {
            throw ValidationError("name jobs by their ids or by a filter, or say --all")
        }
        if !ids.isEmpty, !filter.isEmpty || all {
            throw ValidationError("name jobs by their ids or by a filter, not both")
        }
        if !filter.isEmpty, all { throw ValidationError("--all goes with no filter") }
    }

    /// Does it, to each named job or to all that fit.
    func perform(_ action: JobAction) async throws {
        try await JobsDesk.open { [self] desk in
            if ids.isEmpty {
                try await performAll(action, desk)
            } else {
                try await performEach(action, desk)
            }
        }
    }

    private func performEach(_ action: JobAction, _ desk: JobsDesk) async throws {
        guard !dryRun else {
            var found = 0
            for id in ids {
                let state = try await desk.jobs.find(id)?.summary.state
                if let state, action.states.contains(state) { found += 1 }
            }
            return answer(JobCount(found), action)
        }
        var results: [JSONText] = []
        var code: Int32 = 0
        for id in ids {
            let outcome = try await desk.jobs.perform(action, on: id, by: actor.name)
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

    private func performAll(_ action: JobAction, _ desk: JobsDesk) async throws {
        let filter = try JobOperator.possible(action, try await filter.filter(desk))
        let count = try await desk.jobs.count(filter, within: time.duration)
        guard !dryRun else { return answer(count, action) }
        if !yes, count.value > 0 {
            StandardError.write(
                "\(action.rawValue) \(count.of("job")) (\(JobsText.plain("\(filter)")))? Type yes: ")
            let line = try await BlockingPool.shared.run { readLine() }
            guard line == "yes" else { throw CommandFailure("nothing was changed (--yes does not ask)") }
        }
        let outcome = try await desk.jobs.performAll(action, filter, by: actor.name) { outcome in
            StandardError.write(JobsText.progress(outcome, action) + "\n")
        }
        if json {
            let fields: [(String, JSONText)] = [
                ("action", .string(action.rawValue)), ("changed", .number(outcome.changed)),
                ("skipped", .number(outcome.skipped)), ("finished", .bool(outcome.isFinished)),
            ]
            return print(JSONText.object(fields).text)
        }
        let asked = action == .cancel ? " (running ones are asked to end)" : ""
        print("\(JobCount(outcome.changed).of("job")) \(action.pastTense)\(asked)")
        if outcome.skipped > 0 {
            print(
                "\(JobCount(outcome.skipped).of("job")) left unchanged: the unique key is taken, or the state has changed"
            )
        }
    }

    private func answer(_ count: JobCount, _ action: JobAction) {
        guard json else {
            print("\(count.of("job")) \(count.isOne ? "fits" : "fit")")
            if count.precision == .atLeast {
                StandardError.write("there may be more: counting stopped there, --within 60 counts longer\n")
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
        case .done(let state): ("done", "\(id) \(action.pastTense); it was \(state.rawValue)", 0)
        case .requested: ("requested", "\(id) runs and is asked to end", 0)
        case .unknown: ("unknown", "there is no job \(id)", CommandFailure.noInput)
        case .refused(let state):
            (
                "refused", "\(id) is \(state.rawValue): it cannot be \(action.pastTense)",
                CommandFailure.dataError
            )
        case .conflict:
            ("conflict", "\(id): another open job has its unique key", CommandFailure.dataError)
        }
    }
}

/// `multiconnect jobs retry`
struct JobsRetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Runs jobs now that wait for later, have failed, are dead or cancelled.")
    @OptionGroup var selection: JobSelection
    func run() async throws { try await selection.perform(.retry) }
}

/// `multiconnect jobs cancel`
struct JobsCancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Ends open jobs for good; running ones are asked to end.")
    @OptionGroup var selection: JobSelection
    func run() async throws { try await selection.perform(.cancel) }
}

/// `multiconnect jobs kill`
struct JobsKillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill",
        abstract: "Gives open jobs up at once: they are dead; running ones can change nothing any more.")
    @OptionGroup var selection: JobSelection
    func run() async throws { try await selection.perform(.kill) }
}

/// `multiconnect jobs delete`
struct JobsDeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Removes jobs that do not run, with their history.")
    @OptionGroup var selection: JobSelection
    func run() async throws { try await selection.perform(.delete) }
}
