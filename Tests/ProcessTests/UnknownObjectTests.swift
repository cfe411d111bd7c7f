import Foundation
import Support
import Testing

extension ProcessTests {
    /// Commands that name an object which the org does not have.
    @Suite(.tags(.process))
    struct UnknownObjectTests {
        @Test func `an import says that rows of an unknown object cannot be imported`() async throws {
            try await withApplication { rig in
                let file = URL.temporaryDirectory.appending(path: "unknown-\(UUID().uuidString).json")
                let text = """
                    {"mappings":[{"object_name":"Nothing__c","config":{"access":"read_only","fields":{"Id":{}}}}]}
                    """
                try Data(text.utf8).write(to: file)
                defer { try? FileManager.default.removeItem(at: file) }
                let (status, output) = try rig.command("mappings", "import", rig.org.id, file.path)
                #expect(status == 65, "\(output)")
                #expect(
                    output.contains("Nothing__c  invalid  the mapping is added, but its rows"), "\(output)")
            }
        }

        @Test func `end users get no access to an unknown object`() async throws {
            try await withApplication { rig in
                let unknown = try rig.command("organizations", "access", rig.org.id, "Nothing__c=read")
                #expect(unknown.status == 65 && unknown.output.contains("no object Nothing__c"), "\(unknown)")
                let known = try rig.command("organizations", "access", rig.org.id, "Account=read")
                #expect(known.status == 0 && known.output.contains("Account  read"), "\(known)")
                let off = try rig.command("organizations", "access", rig.org.id, "Nothing__c=off")
                #expect(off.status == 0, "\(off)")
            }
        }
    }
}
