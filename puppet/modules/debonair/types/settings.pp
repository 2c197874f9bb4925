# @summary The settings of a service: sections of an INI file, each with its options.
type Debonair::Settings = Hash[
  Pattern[/\A[A-Za-z][A-Za-z0-9_.:-]*\z/],
  Hash[Pattern[/\A[A-Za-z][A-Za-z0-9_.-]*\z/], Debonair::Value],
]
