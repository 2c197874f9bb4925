# @summary A command of the service that systemd runs on time, as `<svc>-<name>.timer`.
#
# `command` is what follows `/usr/bin/<svc>`; `on_calendar` is in the words of systemd.time(7).
type Debonair::Timer = Struct[{
    Optional['ensure']           => Enum['present', 'absent'],
    'command'                    => Array[Pattern[/\A[^\s%$"'\\]+\z/], 1],
    'on_calendar'                => Pattern[/\A[^\n]+\z/],
    Optional['randomized_delay'] => Pattern[/\A[0-9a-z ]+\z/],
}]
