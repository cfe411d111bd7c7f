import Foundation
import HTTPClient
import HTTPWire
import OrgSimulator
import Postgres
import Support
import TenantSchema
import Testing

@testable import Dashboard

/// The editor of mappings.
@Suite(.tags(.store))
struct MappingPagesTests {
    /// Maps Account without importing it.
    private func map(_ browser: OperatorBrowser, _ more: String = "") async throws {
        _ = try await browser.rig.pool.execute(
            """
            insert into multiconnect.mappings (connection_id, object_name, config)
            select id, 'Account', \(#"{"access":"read_only","fields":{"Id":{},"Name":{}},"revision":7\#(more)}"#)::jsonb
            from multiconnect.connections
            """)
    }

    /// The values of a page's hidden fields.
    private func hidden(_ name: String, _ page: ClientResponse) -> [String] {
        page.text.matches(of: /<input type="hidden" name="([a-z]+)" value="([^"]*)">/)
            .filter { $0.output.1 == name }
            .map {
                String($0.output.2).replacing("&quot;", with: "\"").replacing("&#39;", with: "'")
                    .replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&amp;", with: "&")
            }
    }

    private func form(_ pairs: [(String, String)]) -> Form {
        Form(pairs.map { Form.Field(name: $0, value: $1) })
    }

    /// A form of the editor for Account, based on the stored mapping.
    private func edit(_ browser: OperatorBrowser, _ path: String, _ more: [(String, String)]) async throws
        -> Form
    {
        let page = try await browser.get("\(path)/edit?object=Account")
        #expect(page.status == 200)
        let base = try #require(hidden("base", page).first)
        return form(
            [("object", "Account"), ("base", base), ("access", "read_only"), ("sf_polling_seconds", "600")]
                + more)
    }

    private func imports(_ browser: OperatorBrowser) async throws -> Int {
        try await browser.rig.pool.query("select count(*) from multiconnect.mapping_imports").scalar()
    }

    @Test func `an object of the org is chosen, planned and applied by a worker`() async throws {
        try await withOperatorOfOrg { browser, org in
            let path = "/dashboard/tenants/\(org.id)/mappings"
            try await map(browser)
            let list = try await browser.get(path).text
            #expect(
                list.contains("Account") && list.contains("Add an object") && list.contains("Export JSON"))
            let objects = try await browser.get("\(path)/objects?q=acc").text
            #expect(objects.contains("edit?object=Account") && objects.contains("mapped"))
            #expect(!objects.contains("edit?object=Contact"))
            let editor = try await browser.get("\(path)/edit?object=Contact")
            #expect(editor.text.contains("Add Contact") && editor.text.contains("value=\"LastName\""))
            #expect(
                editor.text.contains("value=\"CreatedDate\" checked"), "preselected as Heroku Connect does")
            #expect(hidden("base", editor).first == "")
            let plan = try await browser.submit(
                "\(path)/plan",
                form([
                    ("object", "Contact"), ("base", ""), ("access", "read_write"),
                    ("sf_polling_seconds", "60"),
                    ("field", "LastName"), ("field", "Email"), ("readonly", "Email"), ("index", "Email"),
                    ("filter", "LastName != '<script>'"),
                ]))
            #expect(plan.status == 200 && plan.text.contains("creates the table contact with"))
            #expect(
                plan.text.contains("imports all records of Contact") && plan.text.contains("Apply the plan"))
            #expect(try await imports(browser) == 0, "a plan changes nothing")
            let file = try #require(hidden("file", plan).first)
            let applied = try await browser.submit(
                "\(path)/apply", form([("file", file), ("base", try #require(hidden("base", plan).first))]))
            let place = try #require(applied.headers["location"])
            #expect(applied.status == 303 && place.hasPrefix("\(path)/imports/"))
            #expect(try await browser.get(place).text.contains("Waiting for a worker"))
            let stored: String = try await browser.rig.pool.query(
                "select file::text from multiconnect.mapping_imports where requested_by = 'ann (web)'"
            ).scalar()
            let entry = try #require(try MappingFile(parsing: Array(stored.utf8)).mappings.first)
            #expect(entry.objectName == "Contact" && entry.configuration.access == .readWrite)
            #expect(entry.configuration.fields == ["Email", "Id", "LastName"])
            #expect(
                entry.configuration.readOnlyFields == ["Email"]
                    && entry.configuration.indexes == ["Email": false])
            #expect(entry.configuration.filter == "LastName != '<script>'")
            let job: String = try await browser.rig.pool.query(
                "select args::text from multiconnect.jobs where class = 'ImportMappings'"
            ).scalar()
            #expect(job.contains(#""contact": """#) || job.contains(#""contact":"""#), "\(job)")
            let again = try await browser.submit(
                "\(path)/edit", form([("file", file), ("base", "contact=")]))
            #expect(again.text.contains("Add Contact") && again.text.contains("value=\"Email\" checked"))
        }
    }

    @Test func `a save that is based on an older mapping is refused`() async throws {
        try await withOperatorOfOrg { browser, org in
            let path = "/dashboard/tenants/\(org.id)/mappings"
            try await map(browser, #","upsert_field":"Old__c""#)
            let fields = try await edit(browser, path, [("field", "Phone"), ("upsert_field", "")])
            let plan = try await browser.submit("\(path)/plan", fields)
            #expect(plan.text.contains("+Phone") && plan.text.contains("-Name"))
            #expect(plan.text.contains("upsert_field Old__c"))
            let apply = form([
                ("file", try #require(hidden("file", plan).first)),
                ("base", try #require(hidden("base", plan).first)),
            ])
            #expect(hidden("file", plan).first?.contains("\"revision\":7") == true, "unknown members stay")
            _ = try await browser.rig.pool.execute(
                "update multiconnect.mappings set config = config || '{\"sf_polling_seconds\": 45}'")
            let late = try await browser.submit("\(path)/apply", apply)
            #expect(late.status == 409 && late.text.contains("Account has changed since the form was opened"))
            let planned = try await browser.submit("\(path)/plan", fields)
            #expect(
                planned.text.contains("changed since the form") && !planned.text.contains("Apply the plan"))
            #expect(try await imports(browser) == 0)
            let removal = try await browser.submit(
                "\(path)/remove", form([("object", "Account"), ("confirm", "Account"), ("base", "abc")]))
            #expect(removal.status == 409)
        }
    }

    @Test func `invalid values come back to the editor, and a filter that the org refuses stops the plan`()
        async throws
    {
        try await withOperatorOfOrg { browser, org in
            let path = "/dashboard/tenants/\(org.id)/mappings"
            try await map(browser)
            let wrong = try await browser.submit(
                "\(path)/plan",
                try await edit(
                    browser, path,
                    [
                        ("filter", "Name = 'x"), ("sf_max_daily_api_calls", "-1"),
                        ("more", "Owner.Alias No-Name"),
                    ]))
            #expect(wrong.status == 400)
            for text in ["without its closing quote", "positive number", "is not a field"] {
                #expect(wrong.text.contains(text), "\(text)")
            }
            let refused = try await browser.submit(
                "\(path)/plan", try await edit(browser, path, [("field", "Name"), ("filter", "Nope__c = 1")]))
            #expect(
                refused.text.contains("A worker would refuse") && !refused.text.contains("Apply the plan"))
            #expect(
                try await browser.get("\(path)/edit?object=Nothing__c").text.contains(
                    "has no object Nothing__c"))
            #expect(try await browser.get("\(path)/edit?object=a%20b").status == 400)
        }
    }

    @Test func `a file is exported, planned and imported`() async throws {
        try await withOperatorOfOrg { browser, org in
            let path = "/dashboard/tenants/\(org.id)/mappings"
            try await map(browser)
            let export = try await browser.get("\(path)/export")
            #expect(export.headers["content-disposition"]?.contains("\(org.id)-mappings.json") == true)
            #expect(try MappingFile(parsing: Array(export.body)).mappings.map(\.objectName) == ["Account"])
            let same = try await browser.submit("\(path)/import", form([("file", export.text)]))
            #expect(same.text.contains("Nothing would change") && !same.text.contains("Apply the plan"))
            let bad = try await browser.submit("\(path)/import", form([("file", "{\"mappings\": 1}")]))
            #expect(bad.status == 409 && bad.text.contains("The file is not valid"))
            let text = export.text.replacing("\"access\": \"read_only\"", with: "\"access\": \"read_write\"")
            let plan = try await browser.submit("\(path)/import", form([("file", text)]))
            #expect(plan.text.contains("read_only -&gt; read_write"))
            let applied = try await browser.submit(
                "\(path)/apply",
                form([
                    ("file", try #require(hidden("file", plan).first)),
                    ("base", try #require(hidden("base", plan).first)),
                ]))
            #expect(applied.status == 303)
            #expect(try await imports(browser) == 1)
            let missing = try await browser.submit("\(path)/apply", form([("file", text)]))
            #expect(missing.status == 409, "a form without the base is refused")
        }
    }

    @Test func `a mapping is removed after its name was typed`() async throws {
        try await withOperatorOfOrg { browser, org in
            let path = "/dashboard/tenants/\(org.id)/mappings"
            try await map(browser)
            let page = try await browser.get("\(path)/edit?object=Account")
            let base = try #require(hidden("base", page).first)
            let wrong = try await browser.submit(
                "\(path)/remove", form([("object", "Account"), ("base", base), ("confirm", "Acc")]))
            #expect(wrong.status == 409 && wrong.text.contains("Nothing was removed"))
            let pool = browser.rig.pool
            let schema: String = try await pool.query("select schema_name from multiconnect.organizations")
                .scalar()
            try await pool.withConnection {
                try await $0.script(
                    """
                    create schema if not exists \(schema);
                    create table \(schema).account (id serial primary key, sfid varchar(18));
                    insert into \(schema).account (sfid) values (null), ('001000000000001AAA');
                    update multiconnect.mappings set table_name = 'account'
                    """)
            }
            let own = try await browser.submit(
                "\(path)/remove",
                form([("object", "Account"), ("base", base), ("confirm", "Account"), ("drop", "on")]))
            #expect(
                own.status == 409 && own.text.contains("1 rows of account are not in Salesforce"),
                "\(own.text)")
            let done = try await browser.submit(
                "\(path)/remove", form([("object", "Account"), ("base", base), ("confirm", "account")]))
            #expect(done.status == 303)
            let classes: [String] = try await browser.rig.pool.query(
                "select class from multiconnect.jobs where class = 'RemoveMapping'"
            ).column()
            #expect(classes == ["RemoveMapping"])
        }
    }

    @Test func `the check of an org says in words what it lacks, and what its admin can do`() async throws {
        try await withOperatorOfOrg { browser, org in
            try await map(browser)
            let path = "/dashboard/tenants/\(org.id)"
            #expect(try await browser.get(path).text.contains("\(path)/check"))
            let page = try await browser.get("\(path)/check")
            #expect(page.status == 200 && page.text.contains("has the permissions that the sync needs"))
            #expect(page.text.contains("API requests of 24 hours are left"))
            #expect(page.text.contains("change events") && page.text.contains("The database"))
        }
    }

    @Test func `an org without a consent and a tenant that does not exist are named`() async throws {
        try await withOperator { browser in
            _ = try await browser.rig.register(WebRig.body)
            let path = "/dashboard/tenants/00D000000000001EAA/mappings"
            let objects = try await browser.get("\(path)/objects")
            #expect(objects.status == 409 && objects.text.contains("no valid consent"))
            let check = try await browser.get("/dashboard/tenants/00D000000000001EAA/check")
            #expect(check.status == 200 && check.text.contains("no valid consent"))
            #expect(try await browser.get("/dashboard/tenants/00D000000000002EAA/mappings").status == 404)
            #expect(try await browser.get("\(path)/imports/\(UUID())").status == 404)
        }
    }
}
