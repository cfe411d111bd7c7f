import Encoding
import Testing

struct CSVTextTests {
    private func lines(_ text: String, piece: Int, limit: Int = 1_000) throws -> [[String]] {
        var reader = CSVReader(maximumLineBytes: limit)
        let bytes = Array(text.utf8)
        var lines: [[String]] = []
        for start in stride(from: 0, to: bytes.count, by: piece) {
            lines += try reader.read(Array(bytes[start..<min(start + piece, bytes.count)]))
        }
        if let last = try reader.finish() { lines.append(last) }
        return lines
    }

    @Test(arguments: [
        ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]), ("a,b\r\n1,2", [["a", "b"], ["1", "2"]]),
        ("\"a\",b\n\"x \"\"y\"\"\",\"1\n2,3\"\n", [["a", "b"], ["x \"y\"", "1\n2,3"]]),
        ("a,,\n", [["a", "", ""]]), (",\n", [["", ""]]), ("\n\r\na\n", [["a"]]), ("\"\"\n", [[""]]),
        ("\"\"", [[""]]), ("é,\"😀\"\n", [["é", "😀"]]), ("", []), ("a", [["a"]]), ("a,", [["a", ""]]),
        ("\"\"\"\"\"\"\n", [["\"\""]]),
    ])
    func `cells are read from pieces of any size`(text: String, expected: [[String]]) throws {
        for piece in 1...9 { #expect(try lines(text, piece: piece) == expected) }
    }

    @Test(arguments: [
        ("a\"b\n", CSVReader.Problem.misplacedQuote), ("\"a\"b\n", .misplacedQuote),
        ("\"a", .endsInCell), ("a\rb\n", .misplacedQuote),
    ])
    func `another text is refused`(text: String, problem: CSVReader.Problem) {
        #expect(throws: problem) { try lines(text, piece: 2) }
    }

    @Test func `bytes that are not UTF-8 and lines that are too long are refused`() {
        var reader = CSVReader(maximumLineBytes: 100)
        #expect(throws: CSVReader.Problem.notUTF8) { try reader.read([0xFF, 0x0A]) }
        #expect(throws: CSVReader.Problem.lineTooLong) {
            try lines("\"" + String(repeating: "a\n", count: 50) + "\"", piece: 7, limit: 100)
        }
    }

    @Test func `what is written is read again`() throws {
        let table = [["a", "b\"c", ""], ["1\n2", "x,y", "\r\n"], ["", "", ""], [" ", "#N/A", "é"]]
        var bytes: [UInt8] = []
        for line in table { CSVWriter.append(line, to: &bytes) }
        #expect(try lines(String(decoding: bytes, as: UTF8.self), piece: 3) == table)
    }
}
