import COpenSSL

/// Takes the thread's oldest OpenSSL error off its queue, clears the rest, and wraps it.
func libraryError(
    _ operation: String, code: CryptographyError.Code = .library
) -> CryptographyError {
    let number = ERR_get_error()
    ERR_clear_error()
    return CryptographyError(code, operation, libraryCode: UInt(number))
}
