internal import Feeds
internal import TenantSchema

extension RowEventStore {
    /// Columns that each change of a record changes, also the application's own. A change of these alone is
    /// no event.
    static let silentColumns: Set<String> = ["systemmodstamp", "lastmodifieddate", "lastmodifiedbyid"]

    /// Records the changes of a table's rows.
    init(_ table: SyncedTable) {
        self.init(
            organization: table.mapping.organizationID,
            RowEvent.Place(
                schema: table.schema, table: table.plan.table, object: table.plan.objectName))
    }
}
