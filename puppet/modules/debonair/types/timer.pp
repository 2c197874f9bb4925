# @summary A command of the service that the systemd timer `<svc>-<name>.timer` runs.
#
# `command` lists the arguments of `/usr/bin/<svc>`; `on_calendar` is a calendar event and
# `randomized_delay` a time span, both in the syntax of systemd.time(7). With `ensure: absent` Puppet
# removes the timer, and the other keys are optional.
type Debonair::Timer = Variant[
  Struct[{
      Optional['ensure']           => Enum['present'],
      'command'                    => Debonair::Command,
      'on_calendar'                => Pattern[/\A[^\n]+\z/],
      Optional['randomized_delay'] => Pattern[/\A[0-9a-z ]+\z/],
  }],
  Struct[{
      'ensure'                     => Enum['absent'],
      Optional['command']          => Debonair::Command,
      Optional['on_calendar']      => Pattern[/\A[^\n]+\z/],
      Optional['randomized_delay'] => Pattern[/\A[0-9a-z ]+\z/],
  }],
]
