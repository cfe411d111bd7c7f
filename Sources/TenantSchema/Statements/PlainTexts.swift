/// Parts of a function in PL/pgSQL that turns values into text: dates and numbers are then independent of the
/// application's settings.
///
/// The settings are changed only if they differ from the defaults. A SET clause of the function would cost
/// some microseconds for each row.
enum PlainTexts {
    static let declarations = """
          date_style text;
          float_digits text;
        """

    static let begin = """
          IF pg_catalog.current_setting('datestyle') NOT LIKE 'ISO,%'
            OR pg_catalog.current_setting('extra_float_digits') NOT IN ('1', '2', '3') THEN
            date_style = pg_catalog.current_setting('datestyle');
            float_digits = pg_catalog.current_setting('extra_float_digits');
            PERFORM pg_catalog.set_config('datestyle', 'ISO, YMD', true),
              pg_catalog.set_config('extra_float_digits', '1', true);
          END IF;
        """

    static let end = """
          IF date_style IS NOT NULL THEN
            PERFORM pg_catalog.set_config('datestyle', date_style, true),
              pg_catalog.set_config('extra_float_digits', float_digits, true);
          END IF;
        """
}
