import ArgumentParser
import Encoding
import FoundationEssentials
import Reactor
import Salesforce
import TenantSchema

/// `multiconnect schema`
struct SchemaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Prints the SQL of a tenant's schema, for a developer's own database.",
        discussion: """
            The same tables, triggers and functions as in production; nothing is connected. The describes \
            come from the org: `sf sobject describe --sobject Account --json >describes/Account.json`. A \
            changed row gets an entry in _trigger_log, and nobody sends it.

            Exit status: 0 done; 64 wrong arguments; 65 a file is not valid; 66 a file is missing.
            """)

    @Option(help: "The mapping file, in Heroku Connect's format.") var mapping: String
    @Option(help: "The directory with the describes of the mapped objects: OBJECT.json.") var describes:
        String
    @Option(help: "The name of the schema.") var schema = "salesforce"
    @Option(help: "The schema of the extension hstore.") var hstore = "public"
    @Option(help: "The namespace of the managed package, without underscores.") var namespace: String?

    func validate() throws {
        for (option, name) in [("--schema", schema), ("--hstore", hstore)] {
            guard (1...63).contains(name.utf8.count) else {
                throw ValidationError("\(option) must have 1 to 63 bytes")
            }
        }
    }

    func run() async throws {
        do {
            try StandardOutput.writeAll(try text())
        } catch let failure as CommandFailure {
            StandardError.write("multiconnect schema: \(failure.message)\n")
            throw ExitCode(failure.code)
        }
    }

    private func text() throws -> String {
        let resolver = NameResolver(namespace: namespace)
        let file: MappingFile
        do {
            file = try MappingFile(parsing: try Self.bytes(mapping), resolver: resolver)
        } catch let error as TenantSchemaError {
            throw CommandFailure("\(mapping): \(error.message)", code: CommandFailure.dataError)
        }
        let ddl = TenantDDL(schema: schema, hstoreSchema: hstore, organizationID: "")
        var statements = ddl.foundation
        var notes: [String] = []
        for entry in file.mappings {
            let plan = try plan(entry, resolver)
            notes += plan.problems.map { "-- \(entry.objectName): \($0.message)" }
            statements += ddl.table(plan)
        }
        return """
            -- The tables of \(file.mappings.map(\.objectName).joined(separator: ", ")).
            \(notes.map { $0 + "\n" }.joined())begin;
            create extension if not exists hstore schema \(Identifier.quoted(hstore));
            \(statements.map { $0 + ";\n" }.joined())commit;

            """
    }

    private func plan(_ entry: MappingFile.Entry, _ resolver: NameResolver) throws -> TablePlan {
        guard let describe = try describe(entry.objectName, resolver) else {
            throw CommandFailure(
                "\(describes) has no file \(entry.objectName).json", code: CommandFailure.noInput)
        }
        var parents: [String: ObjectDescribe] = [:]
        for name in TablePlan.parents(of: describe, entry.configuration, resolver) {
            // Without it the column of the parent's external id is left out, and a note says so.
            parents[name] = try self.describe(name, resolver)
        }
        return TablePlan(describe, entry.configuration, resolver: resolver, parents: parents)
    }

    /// Nil if there is no file for the object.
    private func describe(_ name: String, _ resolver: NameResolver) throws -> ObjectDescribe? {
        for candidate in resolver.candidates(name) {
            let path = "\(describes)/\(candidate).json"
            guard FileManager.default.fileExists(atPath: path) else { continue }
            let bytes = try Self.bytes(path)
            do {
                // The Salesforce CLI wraps the org's answer.
                let result = try JSONValue(parsing: bytes)["result"].map { Array($0.serialized.utf8) }
                return try ObjectDescribe(parsing: result ?? bytes)
            } catch {
                throw CommandFailure("\(path) is not a describe: \(error)", code: CommandFailure.dataError)
            }
        }
        return nil
    }

    private static func bytes(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandFailure("there is no file \(path)", code: CommandFailure.noInput)
        }
        return Array(data)
    }
}
