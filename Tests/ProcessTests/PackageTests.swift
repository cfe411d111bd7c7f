import Foundation
import Support
import Testing

/// The Python environment with the parser of Apex.
private enum ApexParser {
    static let python = Program.repository.appendingPathComponent(".build/interop/bin/python").path

    static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: python) }
}

extension ProcessTests {
    /// The Salesforce package, checked without Salesforce. Skipped without `bin/setup --interop`.
    @Suite(.tags(.interop), .enabled(if: ApexParser.isInstalled, "bin/setup --interop installs it"))
    struct PackageTests {
        private func check(_ package: URL) throws -> (status: Int32, output: String) {
            let script = Program.repository.appendingPathComponent("Tests/Interop/package_check.py").path
            let mapping = Program.repository.appendingPathComponent("config/mapping.json").path
            let check = try Program("check", ApexParser.python, [script, package.path, mapping])
            return (check.exitStatus(), check.output)
        }

        @Test func `the package parses, names what exists, and registers with the fixture's bytes`() throws {
            let (status, output) = try check(Program.repository.appendingPathComponent("salesforce"))
            #expect(status == 0 && output.contains("ok ") && !output.contains("FAILED"), "\(output)")
        }

        /// A file of the package, a text in it, its replacement, and what the check says.
        private static let faults = [
            ("classes/HerokuLog.cls", "Status_Code__c =", "Status_Cod__c =", "no field Status_Cod__c"),
            ("classes/HerokuLog.cls", "outcome.state()", "outcome.status()", "no member status"),
            ("classes/HerokuLog.cls", "insert new", "insert new new", "syntax error"),
            ("classes/HerokuConfig.cls", "without sharing", "with sharing", "without sharing"),
            ("classes/OrgRegistration.cls", "'org_name', org", "'orgName', org", "byte for byte"),
            ("classes/OrgRegistration.cls", "timestamp + '.' + body", "timestamp + body", "headers"),
            (
                "permissionsets/Multiconnect_Admin.permissionset-meta.xml", "<tab>Multi", "<tab>Mult",
                "tab Mult"
            ),
            ("tabs/Multiconnect.tab-meta.xml", "motif", "motive", "unknown element motive"),
            ("pages/MulticonnectStatus.page", "</apex:page>", "", "MulticonnectStatus.page"),
            ("pages/MulticonnectStatus.page", "entry.action", "entry.Action__c", "no member Action__c"),
            (
                "platformEventChannels/Multiconnect__chn.platformEventChannel-meta.xml", ">data<", ">date<",
                "channelType is date"
            ),
            ("objects/Tweet__c/fields/Likes__c.field-meta.xml", "<scale>0</scale>", "", "needs scale"),
        ]

        @Test(arguments: faults.indices)
        func `a fault in the package is found`(_ index: Int) throws {
            let (file, text, replacement, finding) = Self.faults[index]
            let copy = URL.temporaryDirectory.appending(path: "package-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: copy) }
            try FileManager.default.copyItem(
                at: Program.repository.appendingPathComponent("salesforce"), to: copy)
            let path = copy.appending(path: "force-app/main/default/\(file)")
            let source = try String(contentsOf: path, encoding: .utf8)
            #expect(source.contains(text), "\(file) has no \(text)")
            try source.replacingOccurrences(of: text, with: replacement).write(
                to: path, atomically: true, encoding: .utf8)
            let (status, output) = try check(copy)
            #expect(status == 1 && output.contains(finding), "\(output)")
        }

        @Test func `a signed request that other code makes opens the Canvas page`() async throws {
            try await withLoop {
                try await withDatabase { database in
                    let deployment = try await Deployment(database: database)
                    let web = try await deployment.startWeb()
                    let orgs = try await deployment.orgs()
                    #expect(try await deployment.install(orgs[0]).status == 202)
                    let script = Program.repository.appendingPathComponent("Tests/Interop/canvas_check.py")
                    let check = try Program(
                        "check", ApexParser.python,
                        [
                            script.path, "http://127.0.0.1:\(deployment.webPort)", deployment.simulatorURL,
                            orgs[0].id, orgs[1].id,
                        ])
                    #expect(check.exitStatus() == 0, "\(check.output)\n\(web.output.suffix(2000))")
                    #expect(check.output.contains("ok "), "\(check.output)")
                    web.kill()
                    try await deployment.stop()
                }
            }
        }
    }
}
