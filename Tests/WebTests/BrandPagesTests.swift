import Foundation
import HTTPClient
import Organizations
import OrgSimulator
import Support
import Testing

/// The pages for admins in the name of an ISV's product.
@Suite(.tags(.store))
struct BrandPagesTests {
    private static let brand = Brand(
        name: "Acme & Sons", logo: Brand.Logo("https://cdn.acme.example/logo.png?v=1&w=2"),
        support: EmailAddress("help@acme.example"))

    @Test func `pages show the product, its logo and the address for questions`() async throws {
        try await withWebRig(WebRig.Options(brand: Self.brand)) { rig in
            for path in ["/", "/authenticate", "/auth/failure?reason=denied", "/nothing"] {
                let page = try await rig.get(path, [(name: "Accept", value: "text/html")])
                #expect(page.text.contains("Acme &amp; Sons</header>"), "\(path)")
                #expect(page.text.contains(#"<img src="https://cdn.acme.example/logo.png?v=1&amp;w=2""#))
                #expect(page.text.contains(#"<a href="mailto:help@acme.example">"#), "\(path)")
                let policy = page.headers["content-security-policy"] ?? ""
                #expect(policy.contains("img-src 'self' https://cdn.acme.example;"), "\(policy)")
            }
            let dashboard = try await rig.get("/dashboard/login")
            #expect(dashboard.headers["content-security-policy"]?.contains("cdn.acme") == false)
        }
    }

    @Test func `without settings pages have the name of the installation only`() async throws {
        try await withWebRig { rig in
            let page = try await rig.get("/authenticate")
            #expect(page.text.contains("<header>Acme Sync</header>") && !page.text.contains("<img"))
            #expect(!page.text.contains("mailto:"))
            #expect(page.headers["content-security-policy"]?.contains("img-src 'self';") == true)
        }
    }

    @Test(arguments: [
        ("https://cdn.acme.example/a.png", "https://cdn.acme.example"),
        ("https://cdn.acme.example:8443/a", "https://cdn.acme.example:8443"),
        ("http://cdn.acme.example/a.png", nil), ("//cdn.acme.example/a.png", nil), ("/logo.png", nil),
        ("https://user@cdn.acme.example/a.png", nil), ("javascript:alert(1)", nil), ("https://", nil),
        ("https://a.example; script-src *", nil), ("https://[::1]/a", nil), ("data:image/png;base64,AA", nil),
        ("https://a.example/\r\nX: y", nil),
    ])
    func `a logo is an https URL of a plain host`(text: String, origin: String?) {
        #expect(Brand.Logo(text)?.origin == origin)
    }
}
