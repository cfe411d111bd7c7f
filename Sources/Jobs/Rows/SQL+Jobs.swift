import Postgres

extension SQL {
    /// A condition that is always true. As a side effect, the transaction's commit does not wait for the
    /// disk. For changes that a crash of Postgres may undo:
    ///
    /// - A claim or a renewal: another worker claims the job, and the first one's token is not in the row, so
    ///   it cannot change the row. Commits of effects and ends wait for the disk, which also makes all
    ///   earlier commits durable.
    /// - The record of a push: the job is pushed again.
    ///
    /// - Precondition: the transaction has no other changes.
    static let mayBeForgotten: SQL = "(select set_config('synchronous_commit', 'off', true)) = 'off'"

    /// Ids as rows `c (id)`. The condition is true for every id. It makes the planner expect one row for a
    /// list of any length, so that one generic plan looks up each id. A plan per list costs more than its
    /// execution, and a plan made for a small table scans the whole table.
    static func named(_ ids: [JobID]) -> SQL {
        "(select id from unnest(\(ids.map(\.text))::text[]) as u (id) where length(id) = 24) as c (id)"
    }

    /// Claims as rows `c (id, token)`.
    static func named(_ claims: [Claim]) -> SQL {
        """
        (select id, token from unnest(\(claims.map(\.id.text))::text[], \(claims.map(\.token))::uuid[])
            as u (id, token) where length(id) = 24) as c (id, token)
        """
    }
}
