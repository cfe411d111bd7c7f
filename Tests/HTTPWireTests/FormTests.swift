import Testing

@testable import HTTPWire

struct FormTests {
    @Test func `a form is decoded with order and repetition kept`() throws {
        let form = try Form(decoding: "a=1&b=x+y%20z&a=%C3%A9&c&=d&&e=f=g")
        #expect(form.fields.map(\.name) == ["a", "b", "a", "c", "", "e"])
        #expect(form.fields.map(\.value) == ["1", "x y z", "é", "", "d", "f=g"])
        #expect(form["a"] == "1")
        #expect(form.values("a") == ["1", "é"])
        #expect(form["missing"] == nil)
    }

    @Test func `an encoded form decodes to itself`() throws {
        let form: Form = ["a b": "1&2=3+4", "é": "100%", "": "\r\n\"<>"]
        #expect(try Form(decoding: form.encoded) == form)
        #expect(form.encoded.hasPrefix("a+b=1%262%3D3%2B4&%C3%A9=100%25"))
    }

    @Test(arguments: ["a=%", "a=%4", "a=%zz", "%ff=1", "a=%00", "a=%c3"])
    func `a broken escape is refused`(text: String) {
        #expect(throws: HTTPWireError(.percentEscape)) { try Form(decoding: text) }
    }

    @Test func `too many fields are refused`() throws {
        let most = String(repeating: "a&", count: Form.maximumFields)
        #expect(try Form(decoding: most).fields.count == Form.maximumFields)
        #expect(throws: HTTPWireError(.tooManyFields)) { try Form(decoding: most + "a") }
    }
}

struct CookieTests {
    @Test func `cookies are read from all fields, and broken ones are skipped`() {
        let headers: Headers = ["Cookie": "a=1; b=\"2\"; broken;=x;c=d=e ", "cookie": "a=3"]
        let fields = Cookie.read(headers)
        #expect(fields.map(\.name) == ["a", "b", "c", "a"])
        #expect(fields.map(\.value) == ["1", "2", "d=e", "3"])
    }

    @Test func `a cookie is written with its attributes`() throws {
        let cookie = Cookie(name: "s", value: "v", maximumAgeSeconds: 60, sameSite: .strict)
        #expect(try cookie.encoded() == "s=v; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Strict")
    }

    @Test(arguments: [
        ("", "v", "/"), ("a b", "v", "/"), ("a", "v;w", "/"), ("a", "v\r\nX: y", "/"), ("a", "v", "/;x"),
    ])
    func `a cookie cannot break out of its field`(name: String, value: String, path: String) {
        #expect(throws: HTTPWireError(.unwritableField)) {
            try Cookie(name: name, value: value, path: path).encoded()
        }
    }
}

struct PreferenceTests {
    @Test(arguments: [
        (nil, "application/json"), ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("*/*", "application/json"), ("application/*;q=0.1, text/html;q=0.2", "text/html"),
        ("text/html;q=0, */*", "application/json"), ("image/png", "application/json"),
        ("TEXT/HTML", "text/html"), ("application/json, text/html", "application/json"),
    ])
    func `the wanted media type is chosen`(accept: String?, chosen: String) {
        var headers = Headers()
        headers["Accept"] = accept
        #expect(Preference.mediaType(of: ["application/json", "text/html"], for: headers) == chosen)
    }
}
