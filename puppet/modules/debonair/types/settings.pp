# @summary The settings of a service: the sections of an INI file with their options.
type Debonair::Settings = Hash[
  Pattern[/\A[A-Za-z][A-Za-z0-9_.:-]*\z/],
  Hash[Pattern[/\A[A-Za-z][A-Za-z0-9_.-]*\z/], Debonair::Value],
]
