import Foundation
import Testing

@testable import OrgSimulator

/// Compares documents with recorded ones of a real org, key by key, if the recordings are present.
struct RecordedTests {
    /// `SALESFORCE_DESCRIBES`, or `shared/fixtures/describe` beside the package.
    private static let directory: URL? = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let named = ProcessInfo.processInfo.environment["SALESFORCE_DESCRIBES"].map { URL(filePath: $0) }
        let beside = root.appending(path: "../shared/fixtures/describe").standardized
        return [named, beside].compactMap { $0 }.first {
            FileManager.default.fileExists(atPath: $0.appending(path: "Account.json").path)
        }
    }()

    /// The recorded document of this name; nil, with a word about it, when there is none.
    private func recorded(_ name: String) throws -> [String: Any]? {
        guard let directory = Self.directory else {
            print(
                "SKIPPED comparison with recorded \(name): neither SALESFORCE_DESCRIBES nor ../shared/fixtures/describe"
            )
            return nil
        }
        let data = try Data(contentsOf: directory.appending(path: "\(name).json"))
        return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    private func simulated(_ path: String) throws -> [String: Any] {
        var test = TestWorld()
        let token = try test.token()
        let bytes = test.get("/services/data/v66.0/\(path)", token: token).bytes
        return try #require(JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }

    /// Keys whose values are an org's own business: labels, pick lists, which layouts there are.
    private static let free: Set<String> = ["label", "picklistValues", "permissionable", "inlineHelpText"]

    @Test(arguments: ["Account", "Contact"])
    func `describes have the recorded keys, and fields the recorded values`(object: String) throws {
        guard let recorded = try recorded(object) else { return }
        let simulated = try simulated("sobjects/\(object)/describe")
        // Older recordings lack a few keys, newer ones have them; none has a key that is not simulated.
        #expect(Set(recorded.keys).subtracting(simulated.keys) == [])
        for key in [
            "createable", "custom", "deletable", "keyPrefix", "mergeable", "queryable", "undeletable",
        ] {
            #expect("\(recorded[key] ?? "")" == "\(simulated[key] ?? "")", "\(key)")
        }
        let fields = try #require(simulated["fields"] as? [[String: Any]])
        let known = Dictionary(
            uniqueKeysWithValues: try #require(recorded["fields"] as? [[String: Any]]).map {
                ($0["name"] as? String ?? "", $0)
            })
        var compared = 0
        for field in fields {
            #expect(field.count == 57)
            let name = try #require(field["name"] as? String)
            guard let real = known[name] else { continue }
            compared += 1
            #expect(Set(real.keys) == Set(field.keys), "\(name)")
            for (key, value) in real where !Self.free.contains(key) {
                #expect("\(value)" == "\(field[key] ?? "")", "\(object).\(name).\(key)")
            }
        }
        #expect(compared > 40)
    }

    @Test func `the global describe has the recorded keys`() throws {
        guard let recorded = try recorded("Global") else { return }
        let simulated = try simulated("sobjects")
        #expect(Set(recorded.keys) == Set(simulated.keys))
        let real = try #require(recorded["sobjects"] as? [[String: Any]])
        for object in try #require(simulated["sobjects"] as? [[String: Any]]) {
            let name = object["name"] as? String ?? ""
            #expect(Set(object.keys) == Set(real[0].keys), "\(name)")
            guard let other = real.first(where: { $0["name"] as? String == name }) else { continue }
            for key in other.keys where !["urls", "label", "labelPlural"].contains(key) {
                // The recording has no prefix for some standard objects, such as Lead.
                if key == "keyPrefix", other[key] is NSNull { continue }
                #expect("\(other[key] ?? "")" == "\(object[key] ?? "")", "\(name).\(key)")
            }
        }
    }

    @Test func `an Organization row has fields that were recorded`() throws {
        guard let recorded = try recorded("Organization") else { return }
        let names = Catalog.organization.fields.map(\.name)
        #expect(Set(names).subtracting(recorded.keys) == [])
    }

    @Test func `error bodies have the recorded texts`() throws {
        var test = TestWorld()
        let token = try test.token()
        #expect(
            test.get("/services/data/v66.0/sobjects/Nope/describe", token: token).text
                == #"[{"message":"The requested resource does not exist","errorCode":"NOT_FOUND"}]"#)
        #expect(
            test.get("/services/data/v66.0/sobjects/Account/rid", token: token).text
                == #"[{"message":"Provided external ID field does not exist or is not accessible: rid","errorCode":"NOT_FOUND"}]"#
        )
        _ = test.call("POST", "/simulator/faults", body: #"{"kind":"request_limit"}"#)
        let limited = test.get("/services/data/v66.0/limits", token: token)
        #expect(limited.status == 403)
        #expect(
            limited.text
                == #"[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]"#)
    }
}
