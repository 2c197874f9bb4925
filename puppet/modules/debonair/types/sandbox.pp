# @summary Directives for the `[Service]` section of a unit, such as `MemoryMax` or `IPAddressDeny`.
#
# The value is the directive's value in systemd's syntax. A list sets the directive once per item.
type Debonair::Sandbox = Hash[
  Debonair::Directive,
  Variant[Pattern[/\A[^\n]*\z/], Integer, Boolean, Array[Pattern[/\A[^\n]*\z/]]],
]
