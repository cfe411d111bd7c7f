import Testing

@testable import Replication

struct HStoreTests {
    @Test(
        arguments: [
            (#""a"=>"1", "b"=>NULL"#, ["a": "1", "b": nil]), ("", [:]),
            (#""a"=>"1, \"x\"=>2", "b\"c\\"=>NULL, "d"=>"""#, ["a": "1, \"x\"=>2", "b\"c\\": nil, "d": ""]),
            (
                #""a"=>"NULL", "b"=>"é 😀", "c"=>"=>", "d"=>"\\""#,
                ["a": "NULL", "b": "é 😀", "c": "=>", "d": "\\"]
            ),
            ("\"a\"=>\"1\n2\t\"", ["a": "1\n2\t"]),
        ] as [(String, [String: String?])])
    func `keys and values are read with their escapes`(text: String, pairs: [String: String?]) {
        #expect(HStore.parse(text) == pairs)
        #expect(HStore.keys(of: text) == Set(pairs.keys))
    }

    @Test(arguments: ["\"", "\"a", "\"a\"", "\"a\"=>", "\"a\"=>\"", "\"a\\", "NULL", "=>", "\"a\"=>\"b\\"])
    func `a text that is cut ends the reading`(text: String) {
        #expect(HStore.parse(text).count <= 1)
        #expect(HStore.keys(of: text).count <= 1)
    }
}
