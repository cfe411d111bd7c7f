package import FoundationEssentials
package import Postgres
internal import TenantSchema

/// Merges pages of CSV of a read into one table.
package struct PageMerger: Sendable {
    /// A read whose pages are merged.
    package struct Read: Sendable {
        /// The row in `running_reads`, if it has one.
        package var id: UUID?
        /// The cell's clock before the query was sent.
        package var startedAt: Date
        /// The selected fields in order, as `Id` or `Account.Ext__c`. `Id` is one of them. A read without
        /// SystemModstamp (or its substitute) or with some of the table's fields only is partial: it inserts
        /// no rows.
        package var sources: [String]

        package init(id: UUID?, startedAt: Date, sources: [String]) {
            self.id = id
            self.startedAt = startedAt
            self.sources = sources
        }
    }

    /// How a page reaches its temporary table.
    package enum Staging: Sendable {
        /// COPY takes the page as it is.
        case direct
        /// Each row as JSON, with repaired bytes. For pages that COPY refuses.
        case repaired
    }

    let table: SyncedTable
    let pool: PostgresPool
    private let merger: RowMerger

    package init(_ table: SyncedTable, pool: PostgresPool) {
        self.table = table
        self.pool = pool
        merger = RowMerger(table)
    }

    /// True if the data of a page were refused: merge the page again with `.repaired`.
    package static func isRefusal(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError else { return false }
        return error.isRefusal || error.sqlState == .badCopyFileFormat
    }

    /// Merges a page in memory, with `.repaired` if COPY refuses it.
    package func merge(
        _ read: Read, page: [UInt8], fence: @escaping WriteFence
    ) async throws -> RowMerger.Counts {
        func attempt(_ staging: Staging) async throws -> RowMerger.Counts {
            var rest: [UInt8]? = page
            return try await merge(read, staging: staging, fence: fence) {
                defer { rest = nil }
                return rest
            }
        }
        do {
            return try await attempt(.direct)
        } catch  where Self.isRefusal(error) {
            return try await attempt(.repaired)
        }
    }

    /// Merges a page in transactions of at most `ReplicationLimits.mergeChunkRows` rows, each of which calls
    /// `fence` first. Rows with `IsDeleted` true are deleted. Merging a page again changes nothing.
    ///
    /// - Parameter rows: the number of rows of the page, if known. Throws `.incompletePage` for another
    ///   number.
    package func merge(
        _ read: Read, rows: Int? = nil, staging: Staging = .direct, fence: @escaping WriteFence,
        from source: () async throws -> [UInt8]?
    ) async throws -> RowMerger.Counts {
        try await merge(read, rows: rows, staging: staging, reload: nil, fence: fence, from: source)
    }

    /// - Parameter reload: the reload that notes the records of the page as read.
    func merge(
        _ read: Read, rows: Int?, staging: Staging, reload: UUID?, fence: @escaping WriteFence,
        from source: () async throws -> [UInt8]?
    ) async throws -> RowMerger.Counts {
        try await pool.withCellConnection { connection in
            let shape = try await TableShape(of: table.plan.table, in: table.schema, on: connection)
            let run = PageRun(
                merger: merger, store: try store(read, shape), read: read, reload: reload, fence: fence,
                connection: connection)
            switch staging {
            case .direct: return try await run.merge(rows, from: source)
            case .repaired: return try await run.mergeRepaired(rows, from: source)
            }
        }
    }

    private func store(_ read: Read, _ shape: TableShape) throws(ReplicationError) -> PageStore {
        var columns: [PageStore.Column] = []
        for source in read.sources {
            if source.lowercased() == "id" {
                columns.append(
                    PageStore.Column(source: source, name: "sfid", type: .varchar(18), isWritten: true))
            } else if let planned = column(source), let type = shape.types[planned.name] {
                columns.append(
                    PageStore.Column(
                        source: source, name: planned.name, type: type,
                        isWritten: table.pausedColumns[planned.name] == nil))
            } else if let planned = column(source), shape.types["sfid"] != nil {
                // Somebody dropped the column. It is filled when it is back.
                columns.append(
                    PageStore.Column(
                        source: source, name: planned.name, type: planned.type, isWritten: false))
            } else if ["isdeleted", table.plan.cursorField?.lowercased()].contains(source.lowercased()) {
                columns.append(
                    PageStore.Column(
                        source: source, name: source.lowercased(),
                        type: source.lowercased() == "isdeleted" ? .boolean : .timestamp, isWritten: false))
            } else {
                throw ReplicationError(
                    .unexpectedColumns, "\(table.plan.table) has no column for the field \(source)")
            }
        }
        guard columns.contains(where: { $0.name == "sfid" }) else {
            throw ReplicationError(.unexpectedColumns, "the read does not select Id")
        }
        let stamp = table.plan.cursorField.flatMap { cursor in
            columns.first { $0.source.lowercased() == cursor.lowercased() }?.name
        }
        let names = Set(columns.map(\.name))
        let isComplete = stamp != nil && table.readColumns.allSatisfy { names.contains($0.name) }
        let isUnique = table.plan.indexes.contains {
            $0.isUnique && $0.column == "sfid" && shape.indexes.contains($0.name)
        }
        return PageStore(
            merge: merger.store, columns: columns, stamp: stamp, isPartial: !isComplete, isUnique: isUnique,
            mappingID: table.mapping.id, upsertColumn: merger.upsertColumn)
    }

    private func column(_ source: String) -> TablePlan.Column? {
        table.plan.columns.first { $0.source.lowercased() == source.lowercased() }
    }
}
