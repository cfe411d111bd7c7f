import Foundation
import Testing

@testable import JobAdmin
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge

struct ArgumentMaskTests {
    private let mask: ArgumentMask = {
        var mask = ArgumentMask()
        mask.hide([1, 3], of: "Mail")
        return mask
    }()

    @Test(arguments: [
        ("[]", "[]"), ("[1]", "[1]"), (#"["a", "b", "c", "d"]"#, #"["a", "<redacted>", "c", "<redacted>"]"#),
        (#"["a", {"b": [1, 2]}]"#, #"["a", "<redacted>"]"#), (#"["a,]", "b"]"#, #"["a,]", "<redacted>"]"#),
        (#"["\"", "x"]"#, #"["\"", "<redacted>"]"#),
    ]) func `the arguments that a class names are hidden by position`(text: String, shown: String) {
        #expect(mask.apply(to: JobArguments(text: text), of: "Mail") == shown)
        #expect(mask.apply(to: JobArguments(text: text), of: "Other") == text)
    }

    @Test(arguments: [
        (#"[{"token": "x", "id": 1}]"#, #"[{"token": "<redacted>", "id": 1}]"#),
        (
            #"[{"a": {"Refresh_Token": {"v": [1]}, "b": null}}, true]"#,
            #"[{"a": {"Refresh_Token": "<redacted>", "b": null}}, true]"#
        ),
        (
            #"[{"password": -1.5e3}, {"api_key": []}]"#,
            #"[{"password": "<redacted>"}, {"api_key": "<redacted>"}]"#
        ),
        (#"["token"]"#, #"["token"]"#),
        (#"[{"say \"token\": x": "token"}]"#, #"[{"say \"token\": x": "<redacted>"}]"#),
    ]) func `values under secret names are hidden in every class`(text: String, shown: String) {
        #expect(mask.apply(to: JobArguments(text: text), of: "Other") == shown)
    }

    @Test func `values that are nested too deeply are hidden`() throws {
        let deep =
            String(repeating: "[", count: 50_000) + #""x", {"token": 1}"#
            + String(repeating: "]", count: 50_000)
        let shown = mask.apply(to: JobArguments(text: deep), of: "Other")
        #expect(shown.hasPrefix("[[[[") && shown.hasSuffix("]]]]") && shown.contains("<redacted>"))
        #expect(shown.utf8.count < 200 && !shown.contains("token"))
    }

    @Test func `the result is JSON again`() throws {
        let text = #"[ {"secret":"a\\\"b", "x" : [1,2 , {"y":false}]} , "é\n" ]"#
        let shown = mask.apply(to: JobArguments(text: text), of: "Other")
        let value = try JSONSerialization.jsonObject(with: Data(shown.utf8)) as? [Any]
        #expect((value?.first as? [String: Any])?["secret"] as? String == "<redacted>")
        #expect(value?.last as? String == "é\n")
    }
}
