internal import Encoding
package import FoundationEssentials
package import Postgres

/// Records the changes of a tenant's rows, in the transactions that change them.
package struct RowEventStore: Sendable {
    let organization: UUID
    let place: RowEvent.Place

    package init(organization: UUID, _ place: RowEvent.Place) {
        self.organization = organization
        self.place = place
    }

    /// An expression: whether events of this group are recorded for a tenant.
    package static func isWanted(_ group: FeedFilter.Group, of organization: UUID) -> SQL {
        """
        exists (
            select from multiconnect_sync.feed_demands
            where organization_id in (\(organization)::uuid, \(FeedDemandStore.everyTenant)::uuid)
              and "group" = \(group.rawValue))
        """
    }

    /// Inserts events.
    package func insert(_ events: [RowEvent]) -> SQL {
        let columns = events.map { JSONText.array($0.columns.sorted().map(JSONText.string)).text }
        return """
            insert into multiconnect_sync.feed_events (organization_id, kind, data)
            select \(organization)::uuid, 'row.' || e.kind, \(base)::jsonb
              || jsonb_build_object('id', e.id, 'sfid', e.sfid, 'columns', e.columns::jsonb)
            from unnest(\(events.map(\.kind.rawValue))::text[], \(events.map(\.id))::int[],
              \(events.map(\.sfid))::text[], \(columns)::text[]) as e (kind, id, sfid, columns)
            """
    }

    /// Runs a statement that writes rows and returns their `id` and `sfid`, and inserts an event for each.
    /// The number of affected rows is the same as that of the statement.
    package func recording(_ statement: SQL, as kind: RowEvent.Kind) -> SQL {
        """
        with written as (\(statement))
        insert into multiconnect_sync.feed_events (organization_id, kind, data)
        select \(organization)::uuid, \("row." + kind.rawValue), \(base)::jsonb
          || jsonb_build_object('id', id, 'sfid', sfid)
        from written
        """
    }

    private var base: String {
        JSONText.object([
            ("schema", .string(place.schema)), ("table", .string(place.table)),
            ("object", .string(place.object)),
        ]).text
    }
}
