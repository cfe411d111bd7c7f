import ArgumentParser

@main
struct Multiconnect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "multiconnect",
        abstract: "Copies the data of Salesforce customer orgs to Postgres, into one schema per org.",
        version: Version.current,
        subcommands: [
            WebCommand.self, WorkerCommand.self, MigrateCommand.self, DevCommand.self,
            OrgSimulatorCommand.self,
            GenerateSecretCommand.self, OrganizationsCommand.self, CredentialsCommand.self,
            MappingsCommand.self, WritesCommand.self, WorkersCommand.self, JobsCommand.self,
            VerifyCommand.self, TokensCommand.self, SchemaCommand.self, WebhooksCommand.self,
            EventsCommand.self, OutboundCommand.self, ProcessesCommand.self, ODataCommand.self,
            QueriesCommand.self, ExampleCommand.self,
        ])
}
