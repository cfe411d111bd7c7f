import Pages

/// The form for name and password.
struct LoginPage: Sendable {
    let token: FormToken
    let destination: String
    let complaint: String?

    var content: HTML {
        let message: HTML = complaint.map { "<p class=\"notice bad\" role=\"alert\">\($0)</p>" } ?? ""
        return """
            <section class="card narrow"><h1>Log in</h1>\(message)
            <form method="post" action="\(OperatorPages.loginPath)">\(token.input)
            <input type="hidden" name="\(OperatorPages.destinationField)" value="\(destination)">
            <p><label>Name<input name="name" required maxlength="200" autocomplete="username"
            autocapitalize="off" spellcheck="false" autofocus></label></p>
            <p><label>Password<input name="password" type="password" required maxlength="1000"
            autocomplete="current-password"></label></p>
            <p><button class="main" type="submit">Log in</button></p></form></section>
            """
    }
}
