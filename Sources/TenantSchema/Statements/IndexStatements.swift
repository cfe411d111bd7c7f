// The statements of an index. Rows come before indexes: a unique index whose values repeat becomes a plain
// one, and an index is left out if a value is too long for an entry.
extension TablePlan.Index {
    /// Creates the index as far as the rows allow it.
    ///
    /// - Parameter table: quoted and qualified.
    func create(on table: String) -> String {
        let plain = createPlain(on: table) + ";"
        let unique = """
            begin
              create unique index if not exists \(Identifier.quoted(name)) \(target(table));
            exception when unique_violation then
              \(plain)
            end;
            """
        let block = Identifier.dollarQuoted(
            """

            begin
              \(isUnique ? unique : plain)
            exception when program_limit_exceeded then
              null;
            end

            """)
        return "do \(block)"
    }

    /// Replaces the unique index by a plain one.
    func relax(on table: String, in schema: String) -> [String] {
        ["drop index if exists \(qualified(name, schema))", createPlain(on: table)]
    }

    /// Creates the index without blocking writes. Not in a transaction. Fails with `unique_violation` or
    /// `program_limit_exceeded` if the rows do not allow it, and then leaves an invalid index.
    ///
    /// - Parameter isPlain: creates the index without uniqueness, under its plain name.
    package func createConcurrently(on table: String, isPlain: Bool = false) -> String {
        let (kind, name) = isUnique && !isPlain ? ("unique index", name) : ("index", plainName)
        return "create \(kind) concurrently if not exists \(Identifier.quoted(name)) \(target(table))"
    }

    /// Drops the index in both forms.
    package func drop(in schema: String) -> String {
        "drop index if exists \(qualified(name, schema)), \(qualified(plainName, schema))"
    }

    private func createPlain(on table: String) -> String {
        "create index if not exists \(Identifier.quoted(plainName)) \(target(table))"
    }

    private func target(_ table: String) -> String { "on \(table) (\(Identifier.quoted(column)))" }

    private func qualified(_ name: String, _ schema: String) -> String {
        "\(Identifier.quoted(schema)).\(Identifier.quoted(name))"
    }
}

extension TenantDDL {
    /// Renames indexes of other tables that have the names of these indexes. A table that somebody renamed
    /// keeps the names of its indexes, and a schema has each name once.
    package func freeNames(of indexes: [TablePlan.Index], for plan: TablePlan) -> String {
        let names = Set(indexes.flatMap { [$0.name, $0.plainName] }).sorted().map(Identifier.literal)
        let schema = Identifier.literal(schema)
        let block = Identifier.dollarQuoted(
            """

            declare
              _index oid;
              _name text;
            begin
              for _index, _name in
                select c.oid, c.relname from pg_catalog.pg_class c
                join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                join pg_catalog.pg_index x on x.indexrelid = c.oid
                where n.nspname = \(schema) and c.relname::text in (\(names.joined(separator: ", ")))
                  and x.indrelid <> \(Identifier.literal(name(plan)))::pg_catalog.regclass
              loop
                execute pg_catalog.format('alter index %I.%I rename to %I', \(schema), _name,
                  pg_catalog.left(_name, 50) || '_' || _index);
              end loop;
            end

            """)
        return "do \(block)"
    }
}
