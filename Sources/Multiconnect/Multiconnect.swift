import ArgumentParser

@main
struct Multiconnect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "multiconnect", abstract: "Salesforce orgs in Postgres, one schema per customer.")
}
