import Encoding
import Salesforce
import TenantSchema
import Testing

@testable import Replication

struct DecimalNumberTests {
    @Test(arguments: [
        ("0", "0"), ("-0.00", "0"), ("12.50", "12.5"), ("+1", "1"), ("1e+20", "100000000000000000000"),
        ("1e-07", "0.0000001"), ("-1.5E3", "-1500"), (".5", "0.5"), ("5.", "5"), ("007", "7"),
        ("1e300", "1e300"), ("-12.5e-100", "-125e-101"), ("120", "120"),
    ])
    func `a number is written in JSON's form`(text: String, json: String) throws {
        let number = try #require(DecimalNumber(text))
        #expect(number.text == json)
        #expect(try JSONValue(parsing: Array(number.text.utf8)) == .number(json))
    }

    @Test(arguments: ["", "-", ".", "NaN", "Infinity", "1,5", "1.2.3", "e5", "1e", "1e99999999", "0x1", " 1"])
    func `another text is no number`(text: String) {
        #expect(DecimalNumber(text) == nil)
    }

    @Test(arguments: [
        ("1.005", 2, "1.01"), ("1.004", 2, "1"), ("-1.005", 2, "-1.01"), ("9.995", 2, "10"), ("0.5", 0, "1"),
        ("0.49", 0, "0"), ("0.004", 2, "0"), ("0.005", 2, "0.01"), ("0.0001", 2, "0"), ("12", 2, "12"),
        ("0.30000000000000004", 2, "0.3"), ("99.5", 0, "100"), ("1e-300", 2, "0"), ("123.456", 1, "123.5"),
    ])
    func `a number is rounded half away from zero`(text: String, scale: Int, rounded: String) {
        #expect(DecimalNumber(text)?.rounded(toScale: scale).text == rounded)
    }
}

struct WriteValueTests {
    @Test(arguments: [
        (WriteValue.null, "null", "#N/A"), (.text("#N/A"), "\"#N/A\"", "#N/A"),
        (.text("a\n\"b\""), #""a\n\"b\"""#, "a\n\"b\""), (.number("1.5"), "1.5", "1.5"),
        (.boolean(true), "true", "true"), (.date(0), "\"1970-01-01\"", "1970-01-01"),
        (.dateTime(-1), "\"1969-12-31T23:59:59.999Z\"", "1969-12-31T23:59:59.999Z"),
        (.time(1), "\"00:00:00.001Z\"", "00:00:00.001Z"), (.options("a;b"), "\"a;b\"", "a;b"),
    ])
    func `a value has its form in JSON and in CSV`(value: WriteValue, json: String, csv: String) {
        #expect(value.json.text == json && value.csv == csv)
    }

    @Test(arguments: [
        (WriteValue.null, "null", true), (.null, "\"\"", true), (.null, "0", false), (.null, "false", false),
        (.text("a"), "\"a\"", true), (.text("a"), "\"A\"", false), (.text(" a\t"), "\"a\"", true),
        (.text("a\r\nb"), #""a\nb""#, true), (.text("a\nb"), #""a\r\nb""#, true), (.text("  "), "null", true),
        (.text("a"), "null", false), (.number("23"), "23.0", true), (.number("1.5"), "1.50", true),
        (.number("100000000"), "1.0E8", true), (.number("1"), "\"1\"", true), (.number("1"), "2", false),
        (.number("1"), "null", false), (.boolean(false), "false", true), (.boolean(false), "null", false),
        (.date(0), "\"1970-01-01\"", true), (.date(0), "\"1970-01-02\"", false),
        (.dateTime(1_999), "\"1970-01-01T00:00:01.000+0000\"", true),
        (.dateTime(1_999), "\"1970-01-01T00:00:01.000Z\"", true),
        (.dateTime(1_999), "\"1970-01-01T00:00:02.000Z\"", false),
        (.time(1_500), "\"00:00:01.500Z\"", true), (.time(1_500), "\"00:00:01.000Z\"", false),
        (.options("a;b"), "\"b;a\"", true), (.options("a;b"), #"["b","a"]"#, true),
        (.options("a;b"), "\"a\"", false), (.id("001000000000001AAA"), "\"001000000000001\"", true),
        (.id("001000000000001AAA"), "\"001000000000002AAA\"", false),
    ])
    func `a sent value is compared with what Salesforce stores`(
        value: WriteValue, answer: String, isEqual: Bool
    ) throws {
        #expect(value.equals(try JSONValue(parsing: Array(answer.utf8))) == isEqual)
    }

    @Test func `a missing answer is null`() {
        #expect(WriteValue.null.equals(nil) && !WriteValue.boolean(false).equals(nil))
    }
}

struct ValueRuleTests {
    private func field(
        _ type: FieldType, length: Int = 0, precision: Int = 0, scale: Int = 0, digits: Int = 0
    ) -> FieldDescribe {
        var field = FieldDescribe(name: "F__c", type: type)
        field.length = length
        field.precision = precision
        field.scale = scale
        field.digits = digits
        return field
    }

    private func json(_ text: String, _ field: FieldDescribe, _ column: ColumnType = .text) throws -> String {
        try ValueRule(field, column).value(text).json.text
    }

    private func refusal(
        _ text: String, _ field: FieldDescribe, _ column: ColumnType = .text
    ) -> String? {
        do {
            _ = try ValueRule(field, column).value(text)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `booleans are true or false`() throws {
        #expect(try json("t", field(.boolean)) == "true" && json("false", field(.boolean)) == "false")
        #expect(refusal("maybe", field(.boolean)) == "INVALID_TYPE_ON_FIELD_IN_RECORD")
        #expect(ValueRule(field(.boolean), .boolean).null == .boolean(false))
        #expect(ValueRule(field(.date), .date).null == .null)
    }

    @Test(arguments: [
        ("12", "12"), ("-5", "-5"), ("100.0", "100"), ("1e3", "1000"), ("99999999", "99999999"),
    ])
    func `whole numbers stay whole`(text: String, expected: String) throws {
        #expect(try json(text, field(.int, digits: 8)) == expected)
    }

    @Test(arguments: [
        ("1.5", 8, "NUMBER_OUTSIDE_VALID_RANGE"), ("100000000", 8, "NUMBER_OUTSIDE_VALID_RANGE"),
        ("3000000000", 0, "NUMBER_OUTSIDE_VALID_RANGE"), ("1e30", 0, "NUMBER_OUTSIDE_VALID_RANGE"),
        ("x", 8, "INVALID_TYPE_ON_FIELD_IN_RECORD"), ("NaN", 8, "INVALID_TYPE_ON_FIELD_IN_RECORD"),
    ])
    func `a whole number that does not fit is refused`(text: String, digits: Int, code: String) {
        #expect(refusal(text, field(.int, digits: digits)) == code)
    }

    @Test(arguments: [
        ("0.30000000000000004", "0.3", true), ("99999999999999.99", "99999999999999.9", false),
        ("12345678901234567", "12345678901234600", true), ("1", "1.0000000000001", false), ("0", "0", true),
        ("9.999999999999999999", "10", true), ("-5", "5", false),
    ])
    func `a number that comes back equals the one that was sent in 15 digits`(
        sent: String, stored: String, isEqual: Bool
    ) {
        #expect(WriteValue.number(sent).equals(.number(stored)) == isEqual)
    }

    @Test(arguments: [FieldType.double, .currency, .percent])
    func `decimals keep the digits beyond the field's scale, as far as Salesforce stores them`(
        type: FieldType
    ) throws {
        let money = field(type, precision: 18, scale: 2)
        #expect(try json("12.50", money, .numeric) == "12.5")
        #expect(try json("12.5000", money, .numeric) == "12.5")
        #expect(try json("12.505", money, .numeric) == "12.505")
        #expect(refusal("0.1234567890123456789012345", money, .numeric) == "NUMBER_OUTSIDE_VALID_RANGE")
        #expect(try json("987.65", field(type, precision: 18, scale: 0), .doublePrecision) == "987.65")
        #expect(try json("12.505", money, .doublePrecision) == "12.505")
        for text in ["0.30000000000000004", "99999999999999.99", "1234567890123456.5"] {
            #expect(try json(text, money, .doublePrecision) == text)
        }
        let tiny = try json("1.2345678901234567e-10", money, .doublePrecision)
        #expect(tiny == "0.000000000123456789012346")
        #expect(refusal("-9.1e-31", money, .doublePrecision) == "NUMBER_OUTSIDE_VALID_RANGE")
        #expect(refusal("1e-25", money, .numeric) == "NUMBER_OUTSIDE_VALID_RANGE")
        #expect(try json("9999999999999999.99", money, .numeric) == "9999999999999999.99")
        #expect(refusal("10000000000000000", money, .numeric) == "NUMBER_OUTSIDE_VALID_RANGE")
        #expect(refusal("1e+16", money, .doublePrecision) == "NUMBER_OUTSIDE_VALID_RANGE")
        for text in ["NaN", "Infinity", "-Infinity"] {
            #expect(refusal(text, money, .doublePrecision) == "NUMBER_OUTSIDE_VALID_RANGE")
            #expect(refusal(text, money, .numeric) == "NUMBER_OUTSIDE_VALID_RANGE")
        }
        // A describe without precision does not limit.
        #expect(try json("1.23456789", field(type), .numeric) == "1.23456789")
    }

    @Test(arguments: [
        ("1700-01-01", "1700-01-01"), ("4000-12-31", "4000-12-31"), ("2020-02-29 23:59:59", "2020-02-29"),
    ])
    func `dates are days`(text: String, expected: String) throws {
        #expect(try json(text, field(.date)) == "\"\(expected)\"")
    }

    @Test(arguments: [
        "infinity", "-infinity", "1699-12-31", "4001-01-01", "0044-03-15 BC", "10000-01-01",
    ])
    func `a date that Salesforce does not have is refused`(text: String) {
        #expect(refusal(text, field(.date)) == "DATE_OUTSIDE_VALID_RANGE")
        #expect(refusal(text, field(.dateTime)) == "DATE_OUTSIDE_VALID_RANGE")
    }

    @Test(arguments: [
        ("2020-01-31 12:34:56", "2020-01-31T12:34:56.000Z"),
        ("2020-01-31 12:34:56.789999", "2020-01-31T12:34:56.789Z"),
        ("2020-01-31 12:34:56.7", "2020-01-31T12:34:56.700Z"), ("2020-01-31", "2020-01-31T00:00:00.000Z"),
        ("2020-01-31 23:30:00-02", "2020-02-01T01:30:00.000Z"),
        ("2020-01-01 00:15:00+05:30", "2019-12-31T18:45:00.000Z"),
        ("1700-01-01 00:00:00.001", "1700-01-01T00:00:00.001Z"),
    ])
    func `points in time are in UTC with milliseconds`(text: String, expected: String) throws {
        #expect(try json(text, field(.dateTime)) == "\"\(expected)\"")
    }

    @Test(arguments: ["31.01.2020", "2020-02-30", "2020-1-1", "2020-01-31T12:34:56Z", "", "2020-01-31 12:34"])
    func `another form of a date is refused`(text: String) {
        #expect(refusal(text, field(.dateTime)) == "INVALID_TYPE_ON_FIELD_IN_RECORD")
    }

    @Test func `times of day have milliseconds`() throws {
        #expect(try json("12:34:56.789999", field(.time)) == "\"12:34:56.789Z\"")
        #expect(try json("00:00:00", field(.time)) == "\"00:00:00.000Z\"")
        #expect(refusal("24:00:00", field(.time)) == "DATE_OUTSIDE_VALID_RANGE")
        #expect(refusal("noon", field(.time)) == "INVALID_TYPE_ON_FIELD_IN_RECORD")
    }

    @Test func `ids have 15 or 18 characters, and are sent with 18`() throws {
        #expect(try json("001000000000001", field(.reference)) == "\"001000000000001AAA\"")
        #expect(refusal("001", field(.reference)) == "MALFORMED_ID")
        #expect(refusal("001000000000001AAB", field(.reference)) == "MALFORMED_ID")
        #expect(try json("", field(.reference)) == "null")
    }

    @Test(arguments: [
        FieldType.string, .textArea, .picklist, .comboBox, .email, .phone, .url, .encryptedString,
        .multiPicklist, .anyType,
    ])
    func `texts are as long as the field in UTF-16 units, and an empty one is null`(type: FieldType) throws {
        let short = field(type, length: 4)
        #expect(try json("😀😀", short) == "\"😀😀\"")
        #expect(try json("äöüß", short) == "\"äöüß\"")
        #expect(refusal("😀😀a", short) == "STRING_TOO_LONG")
        #expect(refusal("abcde", short) == "STRING_TOO_LONG")
        #expect(try json("", short) == "null")
        #expect(try json("#N/A", short) == "\"#N/A\"")
    }
}
