/// Limits of the lists and actions of operators.
package enum TenantAdminLimits {
    /// Counting the tenants of a status stops at this number.
    package static let counted = 10_000
    /// Tenants on a page of the list.
    package static let pageSize = 50
    /// Characters of a search.
    package static let searchCharacters = 100
    /// Open notifications that the order of the list takes into account.
    static let rankedNotifications = 20_000
    /// Tenants of a cell whose lag or waiting changes the order of the list takes into account.
    static let ranked = 1_000
    /// A tenant that waits longer than this for its admin, or for an import, needs attention.
    static let longWait = Duration.seconds(3 * 24 * 60 * 60)
    /// Statements of one page: longer than they take with ten thousand tenants, shorter than a browser waits.
    static let statement = Duration.seconds(5)
    /// Open notifications on a page.
    package static let notifications = 100
    /// Records of activity on a page.
    package static let activity = 50
    /// Operators' sessions on a page.
    static let sessions = 100
    /// Mails on a page.
    package static let mails = 100
    /// Jobs on the page of a tenant.
    package static let jobs = 10
    /// Users' changes on the page of a tenant.
    package static let writes = 50
    /// Refused changes that one action sends again.
    static let retriedWrites = 1_000
    /// How long a page waits for a tenant's cell. A cell that does not answer must not block the page.
    package static let cellWait = Duration.seconds(2)
    /// How long an action waits for a tenant's cell.
    static let cellAction = Duration.seconds(10)
    /// How long an off-boarding cancels jobs in one request.
    static let removalJobs = Duration.seconds(5)
    /// How long a page waits for a tenant's org. Large objects take seconds to describe.
    static let orgWait = Duration.seconds(10)
    /// Mappings of a file that are planned with the org: each costs at least one API call.
    package static let plannedMappings = 20
    /// Imports of mapping files on a page.
    static let mappingImports = 10
    /// Rows on a page of the explorer.
    static let explorerRows = 50
    /// Columns of the list of rows, besides the system's own.
    static let explorerColumns = 6
    /// Characters of a value in the list of rows.
    static let listedValueCharacters = 120
    /// Characters of a value on the page of a row.
    static let shownValueCharacters = 4_000
    /// Entries of the log on the page of a row.
    static let explorerEntries = 20
    /// The longest statement of the explorer: it shares the cell with the tenant's sync.
    static let explorerStatement = Duration.seconds(3)
    /// How long a page of the explorer waits for the cell.
    static let explorerWait = Duration.seconds(5)
    /// Refused changes in one answer of the API.
    package static let writeFailures = 1_000
    /// Open notifications in one answer of the API.
    package static let apiNotifications = 1_000
    /// The span of the shown API calls.
    package static let usageHours = 24
}
