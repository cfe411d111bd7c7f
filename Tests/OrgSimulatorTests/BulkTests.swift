import Encoding
import Testing

@testable import OrgSimulator

struct BulkTests {
    private let base = "/services/data/v66.0/jobs/query"

    private func create(_ test: inout TestWorld, _ soql: String, token: String, extra: String = "") throws
        -> String
    {
        let text = soql.replacing("\"", with: "\\\"")
        let reply = test.call(
            "POST", base, token: token, body: #"{"operation":"query","query":"\#(text)"\#(extra)}"#)
        #expect(reply.status == 200, "\(reply.text)")
        return try #require(reply.document["id"]?.text)
    }

    private func complete(_ test: inout TestWorld, _ id: String, token: String) {
        for _ in 0..<5 where test.get("\(base)/\(id)", token: token).document["state"] != "JobComplete" {}
    }

    @Test func `a job goes through its states`() throws {
        var test = TestWorld { $0.bulkPolls = 2 }
        let token = try test.token()
        let created = test.call(
            "POST", base, token: token,
            body: #"{"operation":"query","query":"SELECT Id FROM Account","contentType":"CSV"}"#
        ).document
        #expect(
            created.names.sorted()
                == [
                    "apiVersion", "columnDelimiter", "concurrencyMode", "contentType", "createdById",
                    "createdDate", "id",
                    "lineEnding", "object", "operation", "state", "systemModstamp",
                ])
        #expect(created["state"] == "UploadComplete")
        let id = try #require(created["id"]?.text)
        #expect(id.hasPrefix("750"))
        let states = (0..<4).map { _ in test.get("\(base)/\(id)", token: token).document["state"]?.text }
        #expect(states == ["InProgress", "InProgress", "JobComplete", "JobComplete"])
        let done = test.get("\(base)/\(id)", token: token).document
        #expect(done["numberRecordsProcessed"] == 300)
        #expect(done["jobType"] == "V2Query")
        let aborted = test.call("PATCH", "\(base)/\(id)", token: token, body: #"{"state":"Aborted"}"#)
        #expect(aborted.document.elements.first?["errorCode"] == "INVALIDJOBSTATE")
        #expect(test.call("DELETE", "\(base)/\(id)", token: token).status == 204)
        #expect(test.get("\(base)/\(id)", token: token).status == 404)
    }

    @Test func `an object that Bulk does not support, or that needs a filter, is refused`() throws {
        var test = TestWorld()
        let token = try test.token()
        func fault(_ kind: String, _ object: String, _ test: inout TestWorld) {
            let body = #"{"kind":"\#(kind)","org":"1","object":"\#(object)"}"#
            #expect(test.call("POST", "/simulator/faults", body: body).status == 204)
        }
        func refusal(_ object: String, _ test: inout TestWorld) -> String? {
            let body = #"{"operation":"query","query":"SELECT Id FROM \#(object)"}"#
            let reply = test.call("POST", base, token: token, body: body)
            return reply.status == 400 ? reply.document.elements.first?["errorCode"]?.text : nil
        }
        fault("bulk_unsupported", "Account", &test)
        fault("needs_filter", "Contact", &test)
        #expect(refusal("Account", &test) == "INVALIDENTITY")
        #expect(test.query("SELECT Id FROM Account", token: token).status == 200)
        #expect(refusal("Contact", &test) == "MALFORMED_QUERY")
        for query in ["SELECT Id FROM Contact", "SELECT COUNT() FROM Contact"] {
            let reply = test.query(query, token: token)
            #expect(reply.document.elements.first?["errorCode"] == "MALFORMED_QUERY")
        }
        #expect(test.query("SELECT Id FROM Contact WHERE Name = 'x'", token: token).status == 200)
        #expect(test.call("DELETE", "/simulator/faults").status == 204)
        #expect(refusal("Account", &test) == nil && refusal("Contact", &test) == nil)
    }

    @Test func `a wide object has the configured number of fields, and five rows`() throws {
        var test = TestWorld { $0.wideFields = 7 }
        let token = try test.token()
        let reply = test.query(
            "SELECT Measurement_Of_Station_1__c, Measurement_Of_Station_7__c FROM Wide__c", token: token)
        #expect(reply.document["totalSize"] == 5)
        var plain = TestWorld()
        let other = try plain.token()
        #expect(plain.query("SELECT Id FROM Wide__c", token: other).status == 400)
    }

    @Test func `locators cover all rows, and each page has a header`() throws {
        var test = TestWorld()
        let token = try test.token()
        let id = try create(&test, "SELECT Id, Name FROM Account", token: token)
        let early = test.get("\(base)/\(id)/results", token: token)
        #expect(early.status == 400)
        complete(&test, id, token: token)
        var locator = ""
        var rows = 0
        var ids: Set<String> = []
        repeat {
            let reply = test.get("\(base)/\(id)/results?maxRecords=70\(locator)", token: token)
            let table = CSVTable(reply.bytes)
            #expect(table.header == ["Id", "Name"])
            #expect(reply.header("Sforce-NumberOfRecords") == "\(table.rows.count)")
            rows += table.rows.count
            ids.formUnion(table.rows.map { $0[0] })
            locator = "&locator=\(try #require(reply.header("Sforce-Locator")))"
        } while locator != "&locator=null"
        #expect(rows == 300)
        #expect(ids.count == 300)
    }

    @Test func `result pages cover all rows once`() throws {
        var test = TestWorld {
            $0.accounts = 1050
            $0.assumptions.resultPageRows = 100
        }
        let token = try test.token()
        let id = try create(&test, "SELECT Id FROM Account", token: token)
        complete(&test, id, token: token)
        var next: String? = "\(base)/\(id)/resultPages"
        var ids: [String] = []
        var lists = 0
        while let address = next {
            let document = test.get(address, token: token).document
            lists += 1
            for page in try #require(document["resultPages"]).elements {
                let reply = test.get(try #require(page["resultUrl"]?.text), token: token)
                ids += CSVTable(reply.bytes).rows.map { $0[0] }
            }
            next = document["nextRecordsUrl"]?.text
        }
        #expect(lists == 3)
        #expect(ids.count == 1050)
        #expect(Set(ids).count == 1050)
    }

    /// Every value of the CSV, read back, is the truth that checksums are made of.
    @Test func `the text contains every value, including awkward ones`() throws {
        var test = TestWorld { $0.accounts = 2000 }
        let token = try test.token()
        let schema = Catalog.account
        let fields = schema.fields.filter { $0.type != .address }
        let id = try create(
            &test, "SELECT \(fields.map(\.name).joined(separator: ",")) FROM Account", token: token)
        complete(&test, id, token: token)
        let csv = CSVTable(test.get("\(base)/\(id)/results", token: token).bytes)
        #expect(csv.rows.count == 2000)
        let table = try #require(test.world.orgs[0].table("Account"))
        var pointed = 0
        for (row, values) in csv.rows.enumerated() {
            for (index, field) in fields.enumerated() {
                let place = try #require(schema.place(of: field.name))
                let truth = CanonicalText.text(table.value(row, place))
                var text: String? = values[index].isEmpty ? nil : values[index]
                switch field.type {
                case .int where text?.hasSuffix(".0") == true:
                    pointed += 1
                    text = text.map { String($0.dropLast(2)) }
                case .double, .currency, .percent: text = text.flatMap(Double.init).map(NumberText.postgres)
                case .datetime: text = text.map { String($0.dropLast()).replacing("T", with: " ") }
                case .time: text = text.map { String($0.dropLast()) }
                default: text = text.map { String(decoding: $0.utf8.filter { $0 != 0 }, as: UTF8.self) }
                }
                #expect(text == truth, "\(field.name) of row \(row)")
            }
        }
        #expect(pointed > 10)
        let all = csv.rows.joined().joined(separator: "\u{1}")
        for awkward in ["\n\\.\n", "\"", "\0", "😀", "\r\n", ","] {
            #expect(all.unicodeScalars.contains { awkward.unicodeScalars.first == $0 })
        }
        #expect(csv.rows.contains { $0.contains { $0.utf8.count > 20_000 } })
        #expect(csv.rows.contains { $0.contains { $0.split(separator: "\n").contains("\\.") } })
    }

    @Test(arguments: [
        ("SELECT Id FROM Account OFFSET 5", "OFFSET is not supported by the Bulk API"),
        ("SELECT COUNT() FROM Account", "is not supported by the Bulk API"),
        ("SELECT BillingAddress FROM Account", "Selecting compound data not supported in Bulk Query"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "is not supported by the Bulk API"),
    ])
    func `unsupported queries are refused`(soql: String, text: String) throws {
        var test = TestWorld()
        let token = try test.token()
        let body = #"{"operation":"query","query":"\#(soql)"}"#
        let reply = test.call("POST", base, token: token, body: body)
        #expect(reply.status == 400)
        #expect(reply.document.elements.first?["errorCode"] == "API_ERROR")
        #expect(reply.text.contains(text))
        test.world.configuration.assumptions.bulkRefusesUnsupportedQueries = false
        let id = try #require(test.call("POST", base, token: token, body: body).document["id"]?.text)
        let job = test.get("\(base)/\(id)", token: token).document
        #expect(job["state"] == "Failed")
        #expect(job["errorMessage"]?.text?.contains(text) == true)
    }

    @Test func `results are only returned for the version of the job`() throws {
        var test = TestWorld()
        let token = try test.token()
        let id = try create(&test, "SELECT Id FROM Contact", token: token)
        complete(&test, id, token: token)
        #expect(test.get("/services/data/v65.0/jobs/query/\(id)/results", token: token).status == 409)
        let other = try test.token("admin@org2.example")
        #expect(test.get("\(base)/\(id)/results", token: other).status == 404)
    }

    @Test func `a result without rows is a header line`() throws {
        var test = TestWorld()
        let token = try test.token()
        let id = try create(&test, "SELECT Id FROM Contact WHERE LastName = 'Nobody'", token: token)
        complete(&test, id, token: token)
        let reply = test.get("\(base)/\(id)/results", token: token)
        #expect(reply.text == "\"Id\"\n")
        #expect(reply.header("Sforce-Locator") == "null")
        #expect(reply.header("Sforce-NumberOfRecords") == "0")
    }

    @Test func `blocks that were dropped are rendered again`() throws {
        var test = TestWorld { $0.limits.renderedBytes = 50_000 }
        let token = try test.token()
        let first = try create(&test, "SELECT Id, Name, Description FROM Account", token: token)
        let second = try create(&test, "SELECT Id, Name, Description FROM Contact", token: token)
        complete(&test, first, token: token)
        complete(&test, second, token: token)
        let cache = test.world.cache
        var texts: [String] = []
        for id in [first, second, first] {
            let reply = test.get("\(base)/\(id)/results", token: token)
            guard case .results(let result, _) = reply.body else { continue }
            for number in 0..<result.blockCount { _ = cache.block(number, of: result) }
            texts.append(reply.text)
        }
        #expect(texts[0] == texts[2])
        #expect(texts[0] != texts[1])
    }

    @Test(arguments: [0, 1, 9999, 10_000, 200_000, 123_456_789])
    func `a locator parses to the row number that it was made from`(start: Int) {
        #expect(BulkLocator(BulkLocator(start: start).text) == BulkLocator(start: start))
        #expect(
            BulkLocator(BulkLocator(start: start, count: 77).text) == BulkLocator(start: start, count: 77))
    }

    @Test func `locators of row numbers are the documented ones`() {
        #expect(BulkLocator(start: 10_000).text == "MTAwMDA")
        #expect(BulkLocator(start: 200_000).text == "MjAwMDAw")
        #expect(BulkLocator("!!") == nil)
        #expect(BulkLocator("null") == nil)
    }
}
