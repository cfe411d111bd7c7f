internal import FoundationEssentials
internal import Postgres

/// Pages of imports. A page's row here commits with the page's rows.
struct ImportPageStore: Sendable {
    /// Adds a page in the caller's transaction. Waits for a transaction that loads the same page. False if
    /// the page is already loaded. Throws `.claimLost` if another start holds the import, or if it is closed.
    func claim(
        _ locator: String, of record: ImportRecord, on connection: PostgresConnection
    ) async throws -> Bool {
        try await ImportStore().hold(record, on: connection)
        return try await connection.execute(
            """
            insert into multiconnect_sync.import_pages (import_id, locator, rows_loaded)
            values (\(record.id), \(locator), 0) on conflict do nothing
            """) == 1
    }

    /// Stores the page's counts, in the transaction that loads it.
    func record(_ page: LoadedPage, of importID: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update multiconnect_sync.import_pages set next_locator = \(page.next), rows_loaded = \(page.rows),
              rows_quarantined = \(page.quarantined), bytes_repaired = \(page.bytesRepaired),
              committed_at = now()
            where import_id = \(importID) and locator = \(page.locator)
            """)
    }

    /// Locators of the loaded pages.
    func loaded(of importID: UUID, on connection: PostgresConnection) async throws -> Set<String> {
        Set(
            try await connection.query(
                "select locator from multiconnect_sync.import_pages where import_id = \(importID)"
            ).column())
    }

    /// The page after a loaded one. `.some(nil)` after the last page; nil if the page is not loaded.
    func next(
        after locator: String, of importID: UUID, on connection: PostgresConnection
    ) async throws -> String?? {
        try await connection.query(
            """
            select next_locator from multiconnect_sync.import_pages
            where import_id = \(importID) and locator = \(locator)
            """
        ).first.map { try $0["next_locator"] }
    }
}
