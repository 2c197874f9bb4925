# @summary What an option of an INI file can be set to. `undef` leaves it to its default.
type Debonair::Value = Variant[String, Numeric, Boolean, Array[Variant[String[1], Numeric]], Undef]
