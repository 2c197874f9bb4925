# @summary The arguments of a command in a unit, one per item, with no character that systemd expands or unquotes.
type Debonair::Command = Array[Pattern[/\A[^\s%$"'\\]+\z/], 1]
