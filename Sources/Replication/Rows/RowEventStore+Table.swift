internal import Feeds
internal import TenantSchema

extension RowEventStore {
    /// Records the changes of a table's rows.
    init(_ table: SyncedTable) {
        self.init(
            organization: table.mapping.organizationID,
            RowEvent.Place(
                schema: table.schema, table: table.plan.table, object: table.plan.objectName))
    }
}
