import Encoding
import Salesforce
import Testing

@testable import Replication

/// The bytes of a page on their way to COPY.
struct PageBytesTests {
    @Test(arguments: [
        "\"Id\",\"Name\"\n\"1\",\"2\"\n", "\"Id\",\"Name\"\r\n\"1\"", "Id,NAME\n", "\"Id\",\"Name\"",
    ])
    func `the expected header passes at every split point`(page: String) throws {
        let bytes = Array(page.utf8)
        for cut in 0...bytes.count {
            var check = HeaderCheck(expected: ["Id", "Name"])
            try check.check(Array(bytes[..<cut]))
            try check.check(Array(bytes[cut...]))
            try check.finish()
            #expect(check.isDone)
        }
    }

    @Test(arguments: ["\"Name\",\"Id\"\n", "\"Id\"\n", "", "\"Id\",\"Name\",\"X\"\n", "<html>\n"])
    func `another header is refused`(page: String) {
        #expect(throws: ReplicationError.self) {
            var check = HeaderCheck(expected: ["Id", "Name"])
            try check.check(Array(page.utf8))
            try check.finish()
        }
    }

    @Test func `a header that does not end is refused before it fills the memory`() {
        #expect(throws: ReplicationError.self) {
            var check = HeaderCheck(expected: ["Id"])
            for _ in 0..<100 { try check.check([UInt8](repeating: 65, count: 65_536)) }
        }
    }

    @Test func `NUL bytes are removed and counted wherever they are`() {
        for position in [0, 1, 63, 4_095, 4_096, 9_999] {
            var chunk = [UInt8](repeating: 65, count: 10_000)
            chunk[position] = 0
            var filter = NULFilter()
            #expect(filter.filter(chunk) == [UInt8](repeating: 65, count: 9_999))
            #expect(filter.filter([1, 2]) == [1, 2])
            #expect(filter.removed == 1)
        }
    }

    @Test func `whole numbers lose a fraction of zeros in columns of integers only, at every split point`() {
        let page = """
            "Id","Count","Text","Other"
            "1","100.0","100.0",7.00
            "2","-5.000","a,""5.0""\n5.0","0.0"\r
            "3","1.50","x","1.0e3"
            "4","","",
            "5",".0","1.0","12"
            "6","x1.0","1.0",3.0
            """
        let expected = """
            "Id","Count","Text","Other"
            "1","100","100.0",7
            "2","-5","a,""5.0""\n5.0","0"\r
            "3","1.50","x","1.0e3"
            "4","","",
            "5",".0","1.0","12"
            "6","x1.0","1.0",3
            """
        let bytes = Array(page.utf8)
        for split in 0...bytes.count {
            var filter = WholeNumberFilter([false, true, false, true])
            let first = filter.filter(Array(bytes[..<split]))
            let result = first + filter.filter(Array(bytes[split...]))
            #expect(String(decoding: result, as: UTF8.self) == expected, "split at \(split)")
        }
    }

    @Test func `broken UTF-8 is repaired the same at every split point`() {
        let bytes = Array("aä€😀".utf8) + [0xFF, 65, 0xE2, 0x82, 66, 0xF0, 0x9F]
        let whole = Array(String(decoding: bytes, as: UTF8.self).utf8)
        for cut in 0...bytes.count {
            var repair = UTF8Repair()
            let parts =
                repair.repair(Array(bytes[..<cut])) + repair.repair(Array(bytes[cut...])) + repair.finish()
            #expect(parts == whole)
        }
    }

    @Test func `rows of a query become CSV`() throws {
        let record = try JSONValue(
            parsing: Array(
                #"{"attributes":{"type":"A"},"Id":"001","N":23.0,"B":true,"T":"a\"b\n\u0000\\.,","X":null,"P":{"E":"7"}}"#
                    .utf8))
        var rows = RESTRows(sources: ["Id", "N", "B", "T", "X", "P.E"])
        #expect(String(decoding: rows.header, as: UTF8.self) == "Id,N,B,T,X,P.E\n")
        let line = try rows.line(record)
        #expect(
            String(decoding: line, as: UTF8.self) == "\"001\",23.0,true,\"a\"\"b\n\\.,\",,\"7\"\n")
        #expect(rows.removed == 1)
    }

    @Test func `a page is packed the same at every split point`() throws {
        let page = "Id,T\r\n1,\"a\"\"b\\\n\t,\"\r\n2,\n\"3\",x"
        let packed =
            #"{"id":"1","t":"a\\"b\\\\\\n\\t,"}"# + "\n" + #"{"id":"2"}"# + "\n"
            + #"{"id":"3","t":"x"}"# + "\n"
        let bytes = Array(page.utf8)
        for cut in 0...bytes.count {
            var packer = RowPacker(columns: ["id", "t"])
            let parts =
                try packer.pack(Array(bytes[..<cut])) + packer.pack(Array(bytes[cut...])) + packer.finish()
            #expect(String(decoding: parts, as: UTF8.self) == packed)
        }
    }

    @Test func `a null parent is a null cell and a missing one is refused`() throws {
        var rows = RESTRows(sources: ["P.E"])
        let line = try rows.line(.object(["P": .null]))
        #expect(line == Array("\n".utf8))
        #expect(throws: ReplicationError.self) { try rows.line(.object([:])) }
        let compound = try rows.line(.object(["P": .object(["E": .object(["a": .number("1")])])]))
        #expect(compound == Array("\"{\"\"a\"\":1}\"\n".utf8))
    }
}
