import Foundation
import Postgres
import Salesforce
import SampleDescribes
import Support
import TenantSchema
import Testing

@testable import Replication

@Suite(.tags(.store))
struct TenantDatabaseTests {
    @Test func `many tenants are provisioned at the same time in one database`() async throws {
        try await withTenantDatabase { fixture in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<6 {
                    group.addTask {
                        let tenant = TenantFixture.tenant(orgID: "00D00000000000\(number)EAA")
                        let fixture = TenantFixture(
                            database: fixture.database, configuration: fixture.configuration, tenant: tenant)
                        try await fixture.provision()
                    }
                }
                try await group.waitForAll()
            }
            let connection = try await fixture.connect()
            defer { connection.close() }
            let count: Int = try await connection.query(
                "select count(*) from pg_namespace where nspname like 'salesforce00d%'"
            ).scalar()
            #expect(count == 6)
        }
    }

    @Test func `hstore is installed if it is missing`() async throws {
        try await withTenantDatabase(hstore: nil) { fixture in
            try await fixture.provision()
            let connection = try await fixture.connect()
            defer { connection.close() }
            try await connection.execute(
                "insert into \(identifier: fixture.schema, "account") (name) values ('A')")
            let installed = try await connection.query(
                "select count(*) from pg_extension where extname = 'hstore'"
            ).scalar(as: Int.self)
            #expect(installed == 1)
        }
    }

    @Test func `an existing function get_xmlbinary stays as it is`() async throws {
        try await withTenantDatabase { fixture in
            let server = try await fixture.database.connect()
            defer { server.close() }
            try await server.script(
                """
                create function public.get_xmlbinary() returns varchar language plpgsql as $$
                declare xmlbin varchar; begin
                  select into xmlbin setting from pg_settings where name = 'xmlbinary'; return xmlbin; end; $$
                """)
            try await fixture.provision()
            let connection = try await fixture.connect()
            defer { connection.close() }
            let source: String = try await connection.query(
                "select prosrc from pg_proc where proname = 'get_xmlbinary'"
            ).scalar()
            #expect(source.contains("pg_settings"))
        }
    }

    @Test func `a function get_xmlbinary of another role is not called`() async throws {
        try await withTenantDatabase { fixture in
            let server = try await fixture.database.connect()
            defer { server.close() }
            let other = "other_" + UUID().uuidString.prefix(8).lowercased()
            try await server.script(
                """
                create role \(other); grant create on schema public to \(other); set role \(other);
                create function public.get_xmlbinary() returns text language sql as $$ select 'hex' $$;
                reset role
                """)
            let error = await #expect(throws: ReplicationError.self) { try await fixture.provision() }
            #expect(error?.code == .databaseUnsuitable)
            #expect(error?.message.contains("belongs to the role \(other)") == true)
            try await server.script("drop owned by \(other); drop role \(other)")
            try await fixture.provision()
        }
    }

    @Test func `a function get_xmlbinary that does not return the setting is refused`() async throws {
        try await withTenantDatabase { fixture in
            let server = try await fixture.database.connect()
            defer { server.close() }
            try await server.script(
                "create function public.get_xmlbinary() returns text language sql as $$ select 'hex' $$")
            let error = await #expect(throws: ReplicationError.self) { try await fixture.provision() }
            #expect(error?.message.contains("returns hex although the setting xmlbinary is base64") == true)
        }
    }

    @Test func `a schema that the role may only read is reported before anything is created`() async throws {
        try await withTenantDatabase { fixture in
            let server = try await fixture.database.connect()
            defer { server.close() }
            let role = try #require(fixture.configuration.user)
            try await server.script(
                "create schema \(fixture.schema); grant usage on schema \(fixture.schema) to \(role)")
            let error = await #expect(throws: ReplicationError.self) { try await fixture.provision() }
            #expect(error?.code == .databaseUnsuitable)
        }
    }

    @Test func `a name that contains the end of a function's body is quoted`() async throws {
        try await withTenantDatabase { fixture in
            let name = "A$$;$multiconnect$;$do$--\"'__c"
            let describe = Describes.object(name, [Describes.field("F$$__c", .string, length: 40)])
            let plan = TablePlan(
                describe,
                MappingConfiguration(access: .readWrite, fields: ["F$$__c"], indexes: ["F$$__c": true]),
                resolver: NameResolver(namespace: nil))
            try await fixture.provision([plan])
            let connection = try await fixture.connect()
            defer { connection.close() }
            try await connection.execute(
                "insert into \(identifier: fixture.schema, plan.table) (\(identifier: "f$$__c")) values ('x')"
            )
            let rows = try await connection.query(
                "select count(*) from \(identifier: fixture.schema, plan.table)"
            ).scalar(as: Int.self)
            #expect(rows == 1)
        }
    }

    @Test func `everything that the role lacks is reported at once`() async throws {
        try await withTenantDatabase { fixture in
            let server = try await fixture.database.connect()
            defer { server.close() }
            let name = SQL.quote(identifier: fixture.database.name)
            let role = try #require(fixture.configuration.user)
            try await server.script(
                """
                alter database \(name) owner to current_user; revoke all on database \(name) from public;
                grant connect on database \(name) to public; alter schema public owner to current_user;
                revoke usage on schema heroku_ext from \(role)
                """)
            let error = try await #require(throws: ReplicationError.self) { try await fixture.provision() }
            #expect(error.code == .databaseUnsuitable)
            #expect(error.message.contains("schema \(fixture.schema)"))
            #expect(error.message.contains("temporary tables"))
            #expect(error.message.contains("get_xmlbinary"))
            #expect(error.message.contains("heroku_ext"))
        }
    }

    @Test func `a table gets the new columns of a later plan`() async throws {
        try await withTenantDatabase { fixture in
            let entry = try #require(try Describes.defaultMapping().mappings.first)
            var configuration = entry.configuration
            configuration.fields = ["Name"]
            let small = TablePlan(
                Describes.account, configuration, resolver: NameResolver(namespace: nil))
            try await fixture.provision([small])
            try await fixture.provision()
            let connection = try await fixture.connect()
            defer { connection.close() }
            try await connection.execute(
                "insert into \(identifier: fixture.schema, "account") (billingcity) values ('A')")
        }
    }

    @Test func `a table with names that are too long for Postgres works`() async throws {
        try await withTenantDatabase { fixture in
            let name = "ns1234567890123__" + String(repeating: "O", count: 40) + "__c"
            let describe = Describes.object(
                name,
                [Describes.field("ns1234567890123__" + String(repeating: "F", count: 40) + "__c", .date)])
            let plan = TablePlan(
                describe,
                MappingConfiguration(
                    access: .readWrite, fields: describe.fields.map(\.name),
                    indexes: Dictionary(uniqueKeysWithValues: describe.fields.map { ($0.name, false) })),
                resolver: NameResolver(namespace: nil))
            try await fixture.provision([plan])
            try await fixture.provision([plan])
            let connection = try await fixture.connect()
            defer { connection.close() }
            try await connection.execute(
                "insert into \(identifier: fixture.schema, plan.table) (createddate) values (now())")
            let count: Int = try await connection.query(
                "select count(*) from pg_indexes where schemaname = \(fixture.schema) and tablename = \(plan.table)"
            ).scalar()
            #expect(count == plan.indexes.count + 1)
        }
    }
}
