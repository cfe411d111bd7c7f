package import Postgres

/// Decides whether a connection's role may do more than a tenant's reader may. The role may be a member of
/// other roles, as credentials of Heroku are: it can act as each of them, so their rights count as its own.
package struct ReaderRightsStore: Sendable {
    /// The schema that the role may read.
    private let schema: String

    package init(schema: String) {
        self.schema = schema
    }

    /// True if the role may look into the schema.
    package func reads(on connection: PostgresConnection) async throws -> Bool {
        try await connection.query(
            "select coalesce(has_schema_privilege(session_user, to_regnamespace(\(quoted)), 'usage'), false)"
        ).scalar()
    }

    /// One right that a reader must not have, as `reports owns table salesforce.account`. Nil: there is none.
    ///
    /// Rights that every role has (PUBLIC) do not count, except the use of other tenants' schemas.
    package func excess(on connection: PostgresConnection) async throws -> String? {
        try await connection.query(
            """
            with reachable as materialized (
              select oid, rolname::text as name, rolsuper, rolcreaterole, rolcreatedb, rolreplication,
                rolbypassrls
              from pg_roles where pg_has_role(session_user, oid, 'member')
            ), granted as materialized (
              select d.classid, d.objid, d.objsubid, d.deptype, r.oid as role, r.name,
                pg_describe_object(d.classid, d.objid, d.objsubid) as object
              from reachable r
              join pg_shdepend d on d.refclassid = 'pg_authid'::regclass and d.refobjid = r.oid
              where d.deptype in ('o', 'a')
                and d.dbid in (0, (select oid from pg_database where datname = current_database()))
                -- Temporary tables end with their session, and every role may make them.
                and not exists (
                  select from pg_class c where d.classid = 'pg_class'::regclass and c.oid = d.objid
                    and c.relpersistence = 't')
            )
            select reason from (
              \(attributes) union all \(objects) union all \(privileges) union all \(others)
            ) as excess (rank, reason) order by rank, reason limit 1
            """
        ).first?[0]
    }

    private var quoted: String { SQL.quote(identifier: schema) }

    /// Attributes of roles, and roles of Postgres itself (their ids are below 16384), for example
    /// pg_read_all_data and pg_execute_server_program.
    private var attributes: SQL {
        """
        select 1 + (attribute <> 'SUPERUSER')::int * 2 + (name <> session_user)::int,
          name || ' has the attribute ' || attribute from reachable
        cross join lateral (values (rolsuper, 'SUPERUSER'), (rolcreaterole, 'CREATEROLE'),
          (rolcreatedb, 'CREATEDB'), (rolreplication, 'REPLICATION'), (rolbypassrls, 'BYPASSRLS')
        ) as a (isset, attribute) where isset
        union all
        select 5, session_user || ' is a member of ' || name from reachable where oid < 16384
        """
    }

    /// Objects that the roles own and so can change, and grants of kinds that a reader does not need: foreign
    /// servers, tablespaces, parameters, large objects.
    private var objects: SQL {
        """
        select 6, name || ' owns ' || object || case when classid <> 'pg_largeobject'::regclass then ''
          else '. To remove its large objects, run as ' || name || ' or as a superuser: '
            || 'begin read write; select lo_unlink(oid) from pg_largeobject_metadata where lomowner = '
            || quote_literal(quote_ident(name)) || '::regrole; commit' end
        from granted where deptype = 'o'
        union all
        select 6, name || ' may use ' || object from granted where deptype = 'a' and classid not in (
          'pg_class'::regclass, 'pg_namespace'::regclass, 'pg_database'::regclass, 'pg_proc'::regclass,
          'pg_type'::regclass, 'pg_language'::regclass, 'pg_default_acl'::regclass)
        """
    }

    /// Privileges that change something. Functions of Postgres that are granted to single roles reach the
    /// server's files and sessions; functions that run as their owner have the owner's rights.
    private var privileges: SQL {
        """
        select 6, g.name || ' has ' || a.privilege_type || ' on ' || g.object from granted g
        cross join lateral (
          select relacl as acl from pg_class where g.classid = 'pg_class'::regclass and g.objsubid = 0
            and oid = g.objid
          union all
          select attacl from pg_attribute where g.classid = 'pg_class'::regclass and g.objsubid <> 0
            and attrelid = g.objid and attnum = g.objsubid
          union all
          select nspacl from pg_namespace where g.classid = 'pg_namespace'::regclass and oid = g.objid
          union all
          select datacl from pg_database where g.classid = 'pg_database'::regclass and oid = g.objid
          union all
          select proacl from pg_proc where g.classid = 'pg_proc'::regclass and oid = g.objid
            and (prosecdef or pronamespace = 'pg_catalog'::regnamespace)
        ) as o
        cross join lateral aclexplode(o.acl) as a
        where g.deptype = 'a' and a.grantee = g.role and (a.privilege_type not in
            ('SELECT', 'USAGE', 'CONNECT', 'TEMPORARY')
          or a.privilege_type = 'USAGE' and g.classid = 'pg_class'::regclass)
        """
    }

    /// Schemas of other tenants, which have a log of changes, and our own.
    private var others: SQL {
        """
        select 7, r.name || ' may use the schema ' || n.nspname from pg_namespace n
        join reachable r on has_schema_privilege(r.oid, n.oid, 'usage')
        where n.oid is distinct from to_regnamespace(\(quoted)) and (
          n.nspname in ('multiconnect', 'multiconnect_sync')
          or n.nspname ~ '^salesforce[0-9a-z]{18}$'
          or exists (select from pg_class c where c.relname = '_trigger_log' and c.relnamespace = n.oid))
        """
    }
}
