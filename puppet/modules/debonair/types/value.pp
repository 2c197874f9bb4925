# @summary The value of an option in an INI file. `undef` leaves the option out, so its default applies.
type Debonair::Value = Variant[String, Numeric, Boolean, Array[Variant[String[1], Numeric]], Undef]
