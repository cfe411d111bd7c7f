import ArgumentParser

/// Our half of `bin/bench jobs`. Each command prints one line of numbers for the script.
@main
struct JobsBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "JobsBench", abstract: "What bin/bench jobs runs.",
        subcommands: [
            PrepareCommand.self, FillCommand.self, DrainCommand.self, EnqueueCommand.self,
            StartsCommand.self, ProbeCommand.self,
        ])
}
