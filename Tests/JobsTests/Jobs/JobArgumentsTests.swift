import Testing

@testable import Jobs

struct JobArgumentsTests {
    struct Point: Codable, Sendable, Equatable {
        var y: Int
        var x: Int
    }

    @Test func `arguments become the elements of a JSON array`() throws {
        let arguments = try JobArguments(["a/b", 1, 2.5, true, ["k": "v"], Point(y: 2, x: 1)])
        #expect(arguments.text == #"["a/b",1,2.5,true,{"k":"v"},{"x":1,"y":2}]"#)
        #expect(try JobArguments([]).text == "[]")
    }

    @Test func `each element is decoded by its position`() throws {
        let arguments = JobArguments(text: #"["a", null, [1, 2], {"x": 1, "y": 2}, 7]"#)
        #expect(try arguments.decode(0, as: String.self) == "a")
        #expect(try arguments.decode(1, as: String?.self) == nil)
        #expect(try arguments.decode(2, as: [Int].self) == [1, 2])
        #expect(try arguments.decode(3, as: Point.self) == Point(y: 2, x: 1))
        #expect(try arguments.decode(4, as: Int.self) == 7)
    }

    @Test func `a missing element and one of another type are refused`() {
        let arguments = JobArguments(text: #"["a"]"#)
        #expect(throws: JobsError.self) { try arguments.decode(1, as: String.self) }
        #expect(throws: JobsError.self) { try arguments.decode(0, as: Int.self) }
    }
}
