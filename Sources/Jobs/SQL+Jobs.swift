import Postgres

extension SQL {
    /// True, and lets the transaction's commit not wait for the disk. For what may be forgotten if Postgres
    /// crashes:
    ///
    /// - A claim, or the renewal of a lease: the row is as before, the job is taken once more, and what the first
    ///   worker still does with it is refused, because its token is not in the row. Effects and ends wait for
    ///   the disk, and with them everything that was committed before them.
    /// - That Redis was told of a job: it is told again.
    ///
    /// Never within a transaction that holds anything else: it speaks for the whole of it.
    static let mayBeForgotten: SQL = "(select set_config('synchronous_commit', 'off', true)) = 'off'"

    /// Ids as rows: `c`, with `id`. The condition holds for every one of them; because of it the planner expects
    /// one row, whatever the list's length. It then makes one plan for all lists, which looks each id up: a plan for
    /// each list costs more than carrying it out, and one made while the table is small would read it whole.
    static func named(_ ids: [JobID]) -> SQL {
        "(select id from unnest(\(ids.map(\.text))::text[]) as u (id) where length(id) = 24) as c (id)"
    }

    /// The same for claims: `c`, with `id` and `token`.
    static func named(_ claims: [Claim]) -> SQL {
        """
        (select id, token from unnest(\(claims.map(\.id.text))::text[], \(claims.map(\.token))::uuid[])
            as u (id, token) where length(id) = 24) as c (id, token)
        """
    }
}
