import ArgumentParser

/// Our half of `bin/bench jobs`: fills the queue, drains it, measures how fast jobs are taken in and how
/// soon they start. Each command prints one line of numbers for the script.
@main
struct JobsBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "JobsBench", abstract: "What bin/bench jobs runs.",
        subcommands: [
            PrepareCommand.self, FillCommand.self, DrainCommand.self, EnqueueCommand.self,
            StartsCommand.self, ProbeCommand.self,
        ])
}
