internal import FoundationEssentials
internal import Organizations
internal import Postgres
internal import Replication

/// Reads accounts and writes posts, as an application does: the table's triggers put the changes into the
/// log, and the lease holder sends them.
struct TweetStore: Sendable {
    /// An account to search for.
    struct Account: Sendable, Equatable {
        var sfid: String
        var name: String
    }

    private var deadline: ContinuousClock.Instant { .now + TweetLimits.statement }

    /// The tenants that may have the tables.
    func tenants(limit: Int, on control: PostgresConnection) async throws -> [UUID] {
        try await control.query(
            """
            select c.organization_id from multiconnect.organizations o
            join multiconnect.connections c on c.organization_id = o.id
            where o.status = 'live' and exists (
              select from multiconnect.mappings m
              where m.connection_id = c.id and lower(m.object_name) like '%tweet\\_\\_c')
            order by c.organization_id limit \(limit)
            """, deadline: deadline
        ).column()
    }

    func table(
        of organization: Organization, _ mappings: [Mapping], on cell: PostgresConnection
    ) async throws -> TweetTable? {
        TweetTable(try await SyncedTableStore().tables(of: organization.id, mappings, on: cell))
    }

    /// The accounts whose last post is the oldest, those without posts first.
    func accounts(_ table: TweetTable, on cell: PostgresConnection) async throws -> [Account] {
        let rows = try await cell.query(
            """
            with known as (
              select \(identifier: table.account) as sfid, max(id) as last
              from \(identifier: table.schema, table.tweets) group by 1)
            select a.sfid, a.name from \(identifier: table.schema, table.accounts) a
            left join known k on k.sfid = a.sfid
            where a.sfid is not null and a.name is not null
            order by k.last nulls first, random() limit \(TweetLimits.accounts)
            """, deadline: deadline)
        return try rows.map { Account(sfid: try $0["sfid"], name: try $0["name"]) }
    }

    /// Stores posts about an account: new ones as rows, known ones with their likes. Returns the number of
    /// changed rows.
    func store(
        _ posts: [TweetSearch.Post], about account: Account, in table: TweetTable,
        on connection: PostgresConnection
    ) async throws -> Int {
        // One writer at a time, because the column may have no unique index.
        _ = try await connection.query(
            "select pg_advisory_xact_lock(hashtext(\("tweets " + table.schema)))")
        var changed = 0
        for post in posts { changed += try await store(post, account, table, on: connection) }
        return changed
    }

    private func store(
        _ post: TweetSearch.Post, _ account: Account, _ table: TweetTable,
        on connection: PostgresConnection
    ) async throws -> Int {
        let name: SQL = "\(identifier: table.schema, table.tweets)"
        let known: Int = try await connection.query(
            "select count(*) from \(name) where \(identifier: table.externalID) = \(post.id)"
        ).scalar()
        if known > 0 {
            guard let likes = table.likes else { return 0 }
            return try await connection.execute(
                """
                update \(name) set \(identifier: likes) = \(post.likes)
                where \(identifier: table.externalID) = \(post.id)
                  and \(identifier: likes) is distinct from \(post.likes)
                """)
        }
        var columns: SQL =
            "\(identifier: table.externalID), \(identifier: table.account), \(identifier: table.text)"
        var values: SQL = "\(post.id), \(account.sfid), \(post.text)"
        if let author = table.author, let name = post.author {
            columns = "\(columns), \(identifier: author)"
            values = "\(values), \("@" + name)"
        }
        if let likes = table.likes {
            columns = "\(columns), \(identifier: likes)"
            values = "\(values), \(post.likes)"
        }
        if let postedAt = table.postedAt, let time = post.postedAt {
            columns = "\(columns), \(identifier: postedAt)"
            values = "\(values), \(time)::timestamptz at time zone 'UTC'"
        }
        return try await connection.execute("insert into \(name) (\(columns)) values (\(values))")
    }
}
