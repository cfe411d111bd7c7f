import Organizations

extension EnvironmentReader {
    /// `BRAND_NAME`, `BRAND_LOGO_URL` and `SUPPORT_EMAIL`.
    ///
    /// - Parameter name: the name without `BRAND_NAME`.
    mutating func brand(_ name: String) -> Brand {
        Brand(name: text("BRAND_NAME") ?? name, logo: logo(), support: address("SUPPORT_EMAIL"))
    }

    private mutating func logo() -> Brand.Logo? {
        guard let text = text("BRAND_LOGO_URL") else { return nil }
        if let logo = Brand.Logo(text) { return logo }
        report("BRAND_LOGO_URL must be an https URL without a user, not \(text.debugDescription)")
        return nil
    }
}
