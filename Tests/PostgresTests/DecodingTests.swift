import Foundation
import Testing

@testable import Postgres

struct DecodingTests {
    private func decode<Value: PostgresDecodable>(_ text: String, _: Value.Type = Value.self) -> Value? {
        let bytes = Array(text.utf8)
        return Value(postgres: bytes.span)
    }

    @Test func `integers are read up to their limits`() {
        #expect(decode("-9223372036854775808", Int.self) == .min)
        #expect(decode("9223372036854775807", Int.self) == .max)
        #expect(decode("9223372036854775808", Int.self) == nil)
        #expect(decode("32767", Int16.self) == 32767)
        #expect(decode("32768", Int16.self) == nil)
        #expect(decode("-32768", Int16.self) == -32768)
        for malformed in ["", "-", "+1", "1.0", " 1", "1a"] { #expect(decode(malformed, Int.self) == nil) }
    }

    @Test func `booleans, numbers, UUIDs and bytes are read`() {
        #expect(decode("t", Bool.self) == true)
        #expect(decode("f", Bool.self) == false)
        #expect(decode("true", Bool.self) == nil)
        #expect(decode("1e-7", Double.self) == 1e-7)
        #expect(decode("NaN", Double.self)?.isNaN == true)
        #expect(decode("-Infinity", Double.self) == -.infinity)
        let id = UUID()
        #expect(decode(id.uuidString.lowercased(), UUID.self) == id)
        #expect(decode(id.uuidString, UUID.self) == id)
        for malformed in ["", "\(id)0", "g\("\(id)".dropFirst())", "\(id)".replacing("-", with: "0")] {
            #expect(decode(malformed, UUID.self) == nil)
        }
        #expect(decode(#"\x00ffA0"#, [UInt8].self) == [0, 255, 160])
        #expect(decode(#"\x0"#, [UInt8].self) == nil)
    }

    @Test func `timestamps are read in any offset`() {
        let moment = Date(timeIntervalSince1970: 1_732_161_144.25)
        #expect(decode("2024-11-21 03:52:24.25+00", Date.self) == moment)
        #expect(decode("2024-11-21 09:22:24.25+05:30", Date.self) == moment)
        #expect(decode("2024-11-20 22:52:24.25-05", Date.self) == moment)
        #expect(decode("2024-11-21 03:52:24.25", Date.self) == moment)
        #expect(decode("2024-11-21", Date.self) == Date(timeIntervalSince1970: 1_732_147_200))
        #expect(
            decode("0001-12-31 23:59:59+00 BC", Date.self) == Date(timeIntervalSince1970: -62_135_596_801))
        #expect(decode("0001-12-31 BC", Date.self) == Date(timeIntervalSince1970: -62_135_683_200))
        for malformed in ["infinity", "", "2024-13-01", "2024-11-21 03:52", "21.11.2024", "2024-11-21x"] {
            #expect(decode(malformed, Date.self) == nil)
        }
    }

    @Test func `arrays are read`() {
        #expect(decode("{}", [Int].self) == [])
        #expect(decode("{1,-2}", [Int].self) == [1, -2])
        #expect(decode("{1,NULL}", [Int].self) == nil)
        #expect(decode("{1,NULL}", [Int?].self) == [1, nil])
        #expect(
            decode(#"{a,"","NULL",NULL,"x\"\\,{}"}"#, [String?].self) == ["a", "", "NULL", nil, #"x"\,{}"#])
        for malformed in ["", "{", "1,2", "{1,}", "{,1}", "{{1},{2}}", "[0:1]={1,2}", #"{"a}"#, #"{"a"b}"#] {
            #expect(decode(malformed, [String].self) == nil, "\(malformed)")
        }
    }

    private enum Colour: String, PostgresDecodable {
        case red
    }

    @Test func `raw values are read through their raw type`() {
        #expect(decode("red", Colour.self) == .red)
        #expect(decode("blue", Colour.self) == nil)
    }
}
