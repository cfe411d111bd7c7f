import Encoding
import Foundation
import FoundationNetworking
import Postgres
import Support
import Testing

extension ProcessTests {
    /// `multiconnect queries` with a web process.
    @Suite(.tags(.process))
    struct QueriesCommandTests {
        @Test func `a query is saved, shared and run as the tenant's reader`() async throws {
            try await withApplication { rig in
                let org = rig.org.id
                let saved = try rig.command(
                    "queries", "save", org, "names", "select name from account order by id limit 3")
                #expect(saved.status == 0, "\(saved.output)")
                #expect(saved.output.contains("grant-reader"), "a warning: there is no reader")
                #expect(try rig.command("queries", "run", org, "names").status == 69)
                let granted = try rig.command("organizations", "grant-reader", org)
                #expect(granted.status == 0)
                let ran = try rig.command("queries", "run", org, "names")
                #expect(ran.status == 0 && ran.output.hasPrefix("\"name\"\n"), "\(ran.output)")
                #expect(ran.output.split(separator: "\n").count == 4)
                _ = try rig.command("queries", "save", org, "cut", "select id from account", "--rows", "2")
                let cut = try rig.command("queries", "run", org, "cut")
                #expect(cut.status == 3 && cut.output.contains("more rows than the 2"), "\(cut.output)")
                #expect(cut.output.contains("\"id\"\n"), "the rows are printed")
                let (status, text) = try rig.command(
                    "queries", "share", org, "names", "finance", "--days", "7")
                let link = text.trimmingCharacters(in: .whitespacesAndNewlines)
                #expect(status == 0 && link.contains("/shared/mcq_"), "\(text)")
                func shared(_ suffix: String) async throws -> Deployment.Answer {
                    try await rig.deployment.send(URLRequest(url: URL(string: link + suffix)!))
                }
                let json = try JSONValue(parsing: Array(try await shared(".json").text.utf8))
                #expect(json["rows"]?.array?.count == 3)
                let changed = try rig.command(
                    "queries", "save", org, "names", "select count(*) as n from contact")
                #expect(changed.output.contains("changed"))
                #expect(try await shared(".csv").text == "\"n\"\n\"200\"\n")
                let shown = try rig.command("queries", "show", org, "names").output
                #expect(shown.contains("finance") && shown.contains("select name from account"))
                let failed = try rig.command("queries", "save", org, "bad", "delete from account")
                #expect(failed.status == 0)
                #expect(try rig.command("queries", "run", org, "bad").status == 65)
                #expect(try rig.command("queries", "revoke", org, "names", "finance").status == 0)
                #expect(try await shared("").status == 404)
                #expect(try rig.command("queries", "list", org).output.contains("names"))
                #expect(try rig.command("queries", "remove", org, "names").status == 0)
                #expect(try rig.command("queries", "show", org, "names").status == 66)
                #expect(try rig.command("organizations", "grant-reader", org, "--revoke").status == 0)
                #expect(try rig.command("queries", "run", org, "bad").status == 69)
            }
        }
    }
}
