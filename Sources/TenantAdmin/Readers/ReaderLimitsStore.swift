package import Postgres

/// Finds what a reader may do because every role may: Postgres gives these rights to PUBLIC, and none can be
/// taken from a single role. Only the owner of the database, or a superuser, can take them from all.
package struct ReaderLimitsStore: Sendable {
    /// A right that a reader has with every other role.
    package struct Gap: Sendable, Equatable {
        /// The rights that a reader has.
        package let effect: String
        /// The statements that prevent it, which keep the right for our own role.
        package let remedy: String
    }

    /// The disk space of a reader's temporary files (sorts, joins, cursors) in one session. A superuser can
    /// set it, and the reader cannot change it.
    static let temporaryFiles = "1GB"

    private let role: String

    package init(role: String) {
        self.role = role
    }

    /// The statement that limits temporary files. Only a superuser may run it.
    package static func fileLimit(_ role: String) -> String {
        "alter role \(SQL.quote(identifier: role)) set temp_file_limit = '\(temporaryFiles)'"
    }

    /// The gaps of an existing role, on our own connection to the cell.
    package func gaps(on connection: PostgresConnection) async throws -> [Gap] {
        let limit = Self.fileLimit(role)
        return try await connection.query(
            """
            with names as (
              select quote_ident(current_database()) as database, current_user::text as own,
                (select rolsuper from pg_roles where rolname = current_user) as issuper
            ), functions as (
              select case when proname like 'pg_%' then 3 else 2 end as rank,
                string_agg(p.oid::regprocedure::text, ', ' order by p.oid) as list
              from pg_proc p
              where pronamespace = 'pg_catalog'::regnamespace
                and has_function_privilege(\(role)::name, p.oid, 'execute')
                and (proname in ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_import', 'lo_put', 'lowrite',
                    'lo_truncate', 'lo_truncate64')
                  or proname ~ '^pg_(try_)?advisory_(xact_)?lock')
              group by 1
            )
            select 1 as rank, 'make temporary tables, which take disk space' as effect,
              'revoke temporary on database ' || database || ' from public'
                || case when issuper then '' else '; grant temporary on database ' || database || ' to '
                  || quote_ident(own) end as remedy
            from names where has_database_privilege(\(role)::name, current_database(), 'temporary')
            union all
            select rank, case rank when 2 then 'make large objects, which take disk space'
                else 'hold advisory locks for which our workers wait' end,
              'revoke execute on function ' || list || ' from public' || case when issuper or rank = 2 then ''
                else '; grant execute on function ' || list || ' to ' || quote_ident(own) end
            from functions, names
            union all
            select 4, 'make tables in the schema public', 'revoke create on schema public from public'
            where has_schema_privilege(\(role)::name, to_regnamespace('public'), 'create')
            union all
            select 5, 'fill the disk with temporary files of sorts and joins', \(limit)::text
            where current_setting('temp_file_limit') = '-1' and not exists (
              select from pg_db_role_setting s, unnest(s.setconfig) as c (setting)
              where s.setrole = (select oid from pg_roles where rolname = \(role))
                and c.setting like 'temp_file_limit=%')
            order by rank
            """
        ).map { Gap(effect: try $0["effect"], remedy: try $0["remedy"]) }
    }

    /// Limits the role's temporary files if our role is a superuser.
    func limitFiles(on connection: PostgresConnection) async throws {
        let isSuperuser: Bool = try await connection.query(
            "select rolsuper from pg_roles where rolname = current_user"
        ).scalar()
        if isSuperuser { try await connection.script(Self.fileLimit(role)) }
    }
}
