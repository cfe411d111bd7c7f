import ArgumentParser

@main
struct Multiconnect: AsyncParsableCommand {
    /// Shown by `--version`, on the workers' page and to whoever Multiconnect calls.
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "multiconnect",
        abstract: "The data of each Salesforce customer org in a Postgres schema of its own.",
        version: version,
        subcommands: [
            WebCommand.self, WorkerCommand.self, MigrateCommand.self, DevCommand.self,
            OrgSimulatorCommand.self,
            GenerateSecretCommand.self, OrganizationsCommand.self, CredentialsCommand.self,
            JobsCommand.self,
        ])
}
