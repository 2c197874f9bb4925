# @summary Directives of a unit's `[Service]` section, such as `MemoryMax` or `IPAddressDeny`.
#
# A list sets a directive once for each of its values.
type Debonair::Sandbox = Hash[
  Pattern[/\A[A-Z][A-Za-z0-9]+\z/],
  Variant[Pattern[/\A[^\n]*\z/], Integer, Boolean, Array[Pattern[/\A[^\n]*\z/]]],
]
