internal import FoundationEssentials
internal import Postgres

/// Pages of imports: a page's row commits with the page's rows.
struct ImportPageStore: Sendable {
    /// Takes a page for the running transaction. False if it is loaded already. Throws `.claimLost` if the import is
    /// another start's, or over.
    ///
    /// Whoever else is loading the same page is waited for.
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

    /// What the page came to, in the transaction that loaded it.
    func record(_ page: LoadedPage, of importID: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update multiconnect_sync.import_pages set next_locator = \(page.next), rows_loaded = \(page.rows),
              rows_quarantined = \(page.quarantined), bytes_repaired = \(page.bytesRepaired),
              committed_at = now()
            where import_id = \(importID) and locator = \(page.locator)
            """)
    }

    /// Locators of the pages that are loaded.
    func loaded(of importID: UUID, on connection: PostgresConnection) async throws -> Set<String> {
        Set(
            try await connection.query(
                "select locator from multiconnect_sync.import_pages where import_id = \(importID)"
            ).column())
    }

    /// The page after one that is loaded: `.some(nil)` after the last; nil if it is not loaded.
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
