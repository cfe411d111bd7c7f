import Testing

@testable import Postgres

struct SQLScriptTests {
    @Test(
        arguments: [
            ("", []), (" ; ;\n", []), ("-- only a comment", []),
            ("select 1", ["select 1"]), ("select 1;select 2;", ["select 1", "select 2"]),
            ("select ';'; select \"a;b\"", ["select ';'", " select \"a;b\""]),
            ("select 'it''s;'; select 2", ["select 'it''s;'", " select 2"]),
            (#"select E'\';'; select 2"#, [#"select E'\';'"#, " select 2"]),
            (#"select '\'; select 2"#, [#"select '\'"#, " select 2"]),
            (#"select name'\'; select 2"#, [#"select name'\'"#, " select 2"]),
            ("do $$ begin; end $$; select 2", ["do $$ begin; end $$", " select 2"]),
            ("do $a$ ; $$ ; $b$ ; $a$; x", ["do $a$ ; $$ ; $b$ ; $a$", " x"]),
            ("select $1; select a$b; x", ["select $1", " select a$b", " x"]),
            ("select 1 -- a; b\n; select 2", ["select 1 -- a; b\n", " select 2"]),
            ("/* ; /* ; */ ; */ select 1; x", ["/* ; /* ; */ ; */ select 1", " x"]),
            ("select 'open; x", ["select 'open; x"]), ("do $$ open; x", ["do $$ open; x"]),
            ("/* open; x", []), ("select 1 $", ["select 1 $"]),
        ] as [(String, [String])])
    func `statements end at semicolons outside of quotes and comments`(text: String, statements: [String]) {
        #expect(SQLScript.statements(of: text) == statements)
    }
}
