import Encoding
import Foundation
import HTTPClient
import Postgres
import Support
import TenantAdmin
import Testing
import XML

/// Reads of external objects.
@Suite(.tags(.store))
struct ODataReadTests {
    private let place = "salesforce$place"

    @Test func `the service lists its entity sets and their metadata`() async throws {
        try await withODataService { odata in
            let list = try await odata.get("")
            #expect(
                list.json["value"]?.array?.map { $0["name"]?.string } == [
                    "salesforce$account", "salesforce$place", "salesforce$row_name",
                ])
            let metadata = try await odata.send("GET", odata.root + "$metadata")
            #expect(metadata.status == 200 && metadata.headers["odata-version"] == "4.0")
            let root = try MarkupElement(parsing: metadata.body)
            let types = root.children.first?.child("Schema")?.children.filter { $0.name == "EntityType" }
            let names = types?.map { type in
                type.children.filter { $0.name == "Property" }.map { $0.attributes["Name"] ?? "" }
            }
            #expect(
                names == [
                    ["id", "sfid", "name", "industry"],
                    [
                        "id", "name", "kind", "opened", "born", "weight", "ratio", "open", "code", "photo",
                    ], ["id", "name"],
                ])
            let old = try await odata.send("GET", odata.oldRoot)
            #expect(old.headers["content-type"]?.hasPrefix("application/atomsvc+xml") == true)
            #expect(old.headers["dataserviceversion"] == "2.0" && old.text.contains("salesforce$place"))
            let oldMetadata = try await odata.send("GET", odata.oldRoot + "$metadata")
            #expect(oldMetadata.text.contains("Type=\"Edm.DateTime\""))
        }
    }

    @Test func `the service of a tenant that has ended is unknown`() async throws {
        try await withODataService { odata in
            _ = try await odata.rig.pool.execute(
                "update multiconnect.organizations set status = 'uninstalled'")
            #expect(try await odata.get("").status == 401)
        }
    }

    @Test func `an entity is read by its key in each format`() async throws {
        try await withODataService { odata in
            let four = try await odata.get("\(place)(5)")
            #expect(four.status == 200 && four.json["name"]?.string == "O'Neil & \"Sons\"", "\(four.text)")
            #expect(four.json["weight"] == .number("6.25") && four.json["ratio"] == .number("1.25"))
            #expect(four.json["opened"]?.string == "2026-01-01T05:00:00Z")
            #expect(four.json["born"]?.string == "2026-01-06" && four.json["open"]?.bool == false)
            #expect(four.json["photo"]?.string == "__4" && four.json["secret"] == nil)
            #expect(four.json["@odata.context"]?.string?.hasSuffix("#salesforce$place/$entity") == true)
            let schema = OperatorBrowser.schema
            #expect(try await odata.get("\(schema)$place(id=5)").status == 200)
            let two = try await odata.send(
                "GET", odata.oldRoot + "\(place)(5L)?$format=json&$select=weight,opened")
            let document = try JSONValue(parsing: two.body)["d"]
            #expect(document?["weight"]?.string == "6.25", "\(two.text)")
            #expect(document?["opened"]?.string == "/Date(1767243600000)/" && document?["name"] == nil)
            #expect(document?["__metadata"]?["uri"]?.string?.hasSuffix("(5L)") == true)
            let atom = try await odata.send("GET", odata.oldRoot + "\(place)(5)")
            let entry = try MarkupElement(parsing: atom.body)
            let properties = entry.child("content")?.child("properties")
            #expect(properties?.child("name")?.text == "O'Neil & \"Sons\"", "\(atom.text)")
            #expect(properties?.child("weight")?.attributes["type"] == "Edm.Decimal")
            let (missing, wrong) = (
                try await odata.get("\(place)(99)"), try await odata.get("\(place)('x')")
            )
            #expect(missing.status == 404 && missing.json["error"]?["message"]?.string != nil)
            #expect(wrong.status == 400)
        }
    }

    @Test func `filters, orders and counts match those of SQL`() async throws {
        try await withODataService { odata in
            let all = Array(1...30)
            let cases: [(String, (Int) -> Bool)] = [
                ("id le 3", { $0 <= 3 }), ("kind eq null", { $0 % 3 == 0 }),
                ("kind ne 'k1'", { $0 % 3 == 0 || $0 % 5 != 1 }),
                ("not (kind eq 'k1')", { $0 % 3 == 0 || $0 % 5 != 1 }),
                ("open and weight gt 30", { $0 % 2 == 0 && Double($0) * 1.25 > 30 }),
                ("opened ge 2026-01-02T00:00:00Z", { $0 >= 24 }), ("born lt 2026-01-05", { $0 < 4 }),
                ("contains(name,'P01')", { (10...19).contains($0) }),
                ("startswith(name,'P02') or endswith(name,'7')", { (20...29).contains($0) || $0 % 10 == 7 }),
                ("name eq 'O''Neil & \"Sons\"'", { $0 == 5 }), ("id in (1,2,99)", { $0 <= 2 }),
                ("hour(opened) eq 3", { $0 % 24 == 3 }), ("ratio eq 0.25", { $0 == 1 }),
                ("tolower(name) eq 'p009'", { $0 == 9 }), ("length(name) gt 4", { $0 == 5 }),
            ]
            for (filter, matches) in cases {
                let found = try await odata.ids(place, ["$filter": filter])
                #expect(found == all.filter(matches), "\(filter)")
            }
            #expect(try await odata.ids(place, ["$orderby": "weight desc", "$top": "3"]) == [30, 29, 28])
            let nullsFirst = try await odata.ids(place, ["$orderby": "kind", "$top": "10"])
            #expect(nullsFirst == Array(stride(from: 3, through: 30, by: 3)))
            #expect(try await odata.ids(place, ["$skip": "28"]) == [29, 30])
            #expect(try await odata.ids(place, ["$top": "0"]) == [])
            let counted = try await odata.get(
                place, ["$filter": "open eq true", "$count": "true", "$top": "2", "$select": "name"])
            #expect(counted.json["@odata.count"]?.int == 15 && counted.json["value"]?.array?.count == 2)
            #expect(counted.json["value"]?.array?.first?.object?.keys.sorted() == ["name"])
            let number = try await odata.get("\(place)/$count", ["$filter": "id gt 10"])
            #expect(number.text == "20")
            #expect(try await odata.ids(place, ["$search": "neil"]) == [5])
            #expect(try await odata.ids(place, ["$search": "\"P00\" NOT P009"]) == [1, 2, 3, 4, 6, 7, 8])
            #expect(try await odata.ids(place, ["$search": "%"]) == [])
            #expect(try await odata.ids("salesforce$row_name", ["$filter": "name eq 'Row 9'"]) == [9])
        }
    }

    @Test(arguments: ["", "kind,weight desc", "kind desc", "open desc,name", "opened"])
    func `pages follow each other without gaps, also when rows are equal or null`(
        order: String
    ) async throws {
        try await withODataService { odata in
            var options = ["$select": "id", "$filter": "id gt 2"]
            if !order.isEmpty { options["$orderby"] = order }
            let whole = try await odata.ids(place, options)
            var seen: [Int] = []
            var next: String? = odata.root + ODataRig.target(place, options)
            var pages = 0
            while let target = next {
                let answer = try await odata.send("GET", target, "", [("Prefer", "odata.maxpagesize=5")])
                let page = try JSONValue(parsing: answer.body)
                let ids = page["value"]?.array?.compactMap { $0["id"]?.int } ?? []
                #expect(ids.count <= 5 && pages < 10)
                seen += ids
                next = page["@odata.nextLink"]?.string
                pages += 1
            }
            #expect(seen == whole && whole.count == 28 && pages == 6)
        }
    }

    @Test func `a huge top is cut into pages, and a page has a limit of bytes`() async throws {
        try await withODataService { odata in
            let schema = OperatorBrowser.schema
            _ = try await odata.rig.pool.execute(
                """
                insert into \(identifier: schema, "account") (name, industry)
                select 'Row ' || i, repeat('y', 100) from generate_series(1, 5000) i
                """)
            let options = ["$top": "999999999999", "$select": "id"]
            let first = try await odata.get("salesforce$account", options)
            #expect(first.json["value"]?.array?.count == 2000, "\(first.text.prefix(200))")
            let link = try #require(first.json["@odata.nextLink"]?.string)
            #expect(link.contains("999999997999"))
            let second = try JSONValue(parsing: try await odata.send("GET", link).body)
            #expect(second["value"]?.array?.first?["id"]?.int == 2001)
            _ = try await odata.rig.pool.execute(
                "update \(identifier: schema, "account") set industry = repeat('z', 100000) where id <= 200")
            var count = 0
            var next: String? = odata.root + "salesforce$account?$top=200"
            while let target = next {
                let answer = try await odata.send("GET", target)
                #expect(answer.body.count < 8_000_000)
                let page = try JSONValue(parsing: answer.body)
                count += page["value"]?.array?.count ?? 0
                next = page["@odata.nextLink"]?.string
            }
            #expect(count == 200)
        }
    }

    @Test func `version 2 counts, pages and searches in JSON and Atom`() async throws {
        try await withODataService { odata in
            let json = try await odata.send(
                "GET",
                odata.oldRoot
                    + ODataRig.target(
                        place,
                        [
                            "$inlinecount": "allpages", "$top": "2",
                            "$filter":
                                "substringof('P0',name) eq true and opened gt datetime'2026-01-01T03:00:00'",
                        ]), "", [("Accept", "application/json")])
            let document = try JSONValue(parsing: json.body)["d"]
            #expect(document?["__count"]?.string == "26", "\(json.text)")
            #expect(document?["results"]?.array?.compactMap { $0["id"]?.string } == ["4", "6"])
            let atom = try await odata.send(
                "GET", odata.oldRoot + ODataRig.target(place, ["search": "neil", "$inlinecount": "allpages"]))
            let feed = try MarkupElement(parsing: atom.body)
            #expect(
                feed.child("count")?.text == "1" && feed.children.filter { $0.name == "entry" }.count == 1)
            let wrong = try await odata.send("GET", odata.oldRoot + "\(place)?$filter=nothing%20eq%201")
            let error = try MarkupElement(parsing: wrong.body)
            #expect(wrong.status == 400 && error.child("message")?.text.contains("nothing") == true)
            let inJSON = try await odata.send(
                "GET", odata.oldRoot + "\(place)?$format=json&$filter=nothing%20eq%201")
            #expect(
                try JSONValue(parsing: inJSON.body)["error"]?["message"]?["value"]?.string?.contains(
                    "position 1") == true)
        }
    }
}
