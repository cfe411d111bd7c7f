import COpenSSL

/// Removes the thread's OpenSSL errors and wraps the oldest.
func libraryError(
    _ operation: String, code: CryptographyError.Code = .library
) -> CryptographyError {
    let number = ERR_get_error()
    ERR_clear_error()
    return CryptographyError(code, operation, libraryCode: UInt(number))
}
