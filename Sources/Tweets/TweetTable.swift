internal import Replication
internal import TenantSchema

/// The tables of a tenant that the example reads and writes. The names depend on the package's namespace.
struct TweetTable: Sendable, Equatable {
    let schema: String
    let tweets: String
    let accounts: String
    let externalID: String
    let account: String
    let text: String
    let author: String?
    let likes: String?
    let postedAt: String?

    /// Nil if the tenant does not sync accounts, or does not write tweets with External_ID__c, Account__c and
    /// Text__c.
    init?(_ tables: [SyncedTable]) {
        func table(_ object: String) -> SyncedTable? {
            tables.first { Self.isNamed($0.plan.objectName, object) }
        }
        guard let tweets = table("Tweet__c"), let accounts = table("Account"),
            tweets.mapping.configuration.access == .readWrite,
            accounts.plan.columns.contains(where: { $0.name == "name" })
        else { return nil }
        func column(_ field: String) -> String? {
            tweets.plan.columns.first {
                Self.isNamed($0.source, field) && tweets.pausedColumns[$0.name] == nil
            }?.name
        }
        guard let externalID = column("External_ID__c"), let account = column("Account__c"),
            let text = column("Text__c")
        else { return nil }
        schema = tweets.schema
        self.tweets = tweets.plan.table
        self.accounts = accounts.plan.table
        self.externalID = externalID
        self.account = account
        self.text = text
        author = column("Author__c")
        likes = column("Likes__c")
        postedAt = column("Posted_At__c")
    }

    /// Whether a name of the org is this one, with or without a namespace.
    private static func isNamed(_ found: String, _ name: String) -> Bool {
        let (found, name) = (found.lowercased(), name.lowercased())
        return found == name || name.hasSuffix("__c") && found.hasSuffix("__\(name)")
    }
}
