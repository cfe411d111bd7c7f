/// A rule of a check: Heroku Connect's known ones, and ours. Source of the ids with MUST, SHOULD, NUM or
/// HEROKU and the names: the answers of `connect:diagnose`.
package enum CheckupRule: String, Sendable, CaseIterable {
    case permissions = "SHOULD_HAVE_VALID_SF_PERMISSIONS"
    case apiVersion = "MUST_USE_RECENT_API_VERSION"
    case changeEvents = "SHOULD_SEND_CHANGE_EVENTS"
    case apiRequests = "API_REQUESTS_SHOULD_SUFFICE"
    case eventAllowance = "EVENT_ALLOWANCE_SHOULD_SUFFICE"
    case storage = "STORAGE_SHOULD_SUFFICE"
    case mappingCount = "NUM_MAPPINGS_WITHIN_LIMIT"
    case pollingInterval = "POLLING_SHOULD_FOLLOW_CHANGES"
    case database = "DATABASE_MUST_ALLOW_SCHEMA"
    case connections = "DATABASE_SHOULD_HAVE_CONNECTIONS"
    // Of each mapping.
    case fieldCount = "NUM_FIELDS_WITHIN_LIMIT"
    case longTextCount = "NUM_LARGE_TEXT_FIELDS_WITHIN_LIMIT"
    case rowWidth = "ROWS_MUST_FIT_INTO_PAGE"
    case indexedText = "INDEXED_TEXT_MUST_BE_SHORT"
    case upsertIndex = "UPSERT_FIELD_MUST_BE_INDEXED"
    case mappedNames = "MAPPED_NAMES_MUST_EXIST"
    // Of Heroku only.
    case herokuPostgres = "HEROKU_POSTGRES_REQUIRED"
    case region = "REGIONS_SHOULD_MATCH"
    case logDrain = "SHOULD_HAVE_LOG_DRAIN"
    case plan = "PAID_PLAN_MUST_HAVE_PAID_DATABASE"

    /// The name for people.
    package var title: String {
        switch self {
        case .permissions: "Salesforce Permissions"
        case .apiVersion: "Salesforce API Version"
        case .changeEvents: "Change Data Capture"
        case .apiRequests: "API Requests"
        case .eventAllowance: "Delivered Events"
        case .storage: "Data Storage"
        case .mappingCount: "Number of Mappings"
        case .pollingInterval: "Polling Interval"
        case .database: "Database"
        case .connections: "Postgres Connections"
        case .fieldCount: "Number of Fields"
        case .longTextCount: "Number of Large Text Area Fields"
        case .rowWidth: "Width of Rows"
        case .indexedText: "Indexed Long Text"
        case .upsertIndex: "Index of the Unique Identifier"
        case .mappedNames: "Mapped Names"
        case .herokuPostgres: "Heroku Postgres"
        case .region: "Region"
        case .logDrain: "Log Drain"
        case .plan: "Database Plan"
        }
    }
}
